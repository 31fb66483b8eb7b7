// Dialogs: one to change or delete a user, one to begin again.

import { call } from "./calls.js";
import { byId, make, say, warn } from "./dom.js";

const fields = byId("edit-user").elements;
let edited; // the record of the user whose dialog is open

const pathOf = (uid) => `users/${encodeURIComponent(uid)}`;
const words = (text) => text.split(/[\s,]+/).filter(Boolean);

export function startDialogs(afterReset) {
  byId("edit-user").addEventListener("submit", save);
  byId("edit-delete").addEventListener("click", remove);
  byId("reset-open").addEventListener("click", () => byId("reset-dialog").showModal());
  byId("reset-form").addEventListener("submit", () => reset(afterReset));
  for (const button of document.querySelectorAll("dialog [data-cancel]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
}

export async function editUser(uid, roles) {
  try {
    edited = await call("GET", pathOf(uid));
  } catch (error) {
    warn(error.message);
    return;
  }
  byId("edit-title").textContent = `Edit ${edited.uid}`;
  fields.name.value = edited.name;
  fields.role.value = edited.role;
  fields.friends.value = edited.friends.join(", ");
  fields.tags.value = edited.tags.join(", ");
  byId("roles").replaceChildren(...[...roles].sort().map((value) => make("option", { value })));
  ask(false);
  byId("edit-dialog").showModal();
}

// A click asks, a second one does it.
function ask(isSure) {
  byId("edit-delete").dataset.sure = isSure;
  byId("edit-delete").textContent = isSure ? "Really delete" : "Delete";
}

async function save(event) {
  event.preventDefault();
  const { name, role, friends, tags } = fields;
  try {
    await call("PUT", pathOf(edited.uid), {
      name: name.value, role: role.value || "default",
      friends: words(friends.value), tags: words(tags.value),
    });
  } catch (error) {
    complain(error.message);
    return;
  }
  byId("edit-dialog").close();
  say(`Changed ${edited.uid}`);
}

async function remove() {
  if (byId("edit-delete").dataset.sure !== "true") {
    ask(true);
    return;
  }
  try {
    await call("DELETE", pathOf(edited.uid));
  } catch (error) {
    complain(error.message);
    return;
  }
  byId("edit-dialog").close();
  byId("users-title").focus(); // the button that opened it is gone
  say(`Deleted ${edited.uid}`);
}

async function reset(afterReset) {
  try {
    await call("POST", "reset");
    afterReset();
    say("Everything is as it was made");
  } catch (error) {
    warn(error.message);
  }
}

// In the dialog: what lies behind it is out of reach.
function complain(text) {
  byId("edit-wrong").textContent = text;
  byId("edit-wrong").hidden = false;
}

byId("edit-dialog").addEventListener("close", () => { byId("edit-wrong").hidden = true; });
