// Who is online: a row for each user, with a switch.

import { call } from "./calls.js";
import { byId, make, say, warn } from "./dom.js";
import { editUser } from "./editor.js";

const rows = new Map(); // uid -> { user, element, and the parts that change }
const byName = new Intl.Collator().compare; // made once: thousands are sorted
let counts = { users: 0, online: 0 };

export function forgetUsers() {
  rows.clear();
  byId("user-list").replaceChildren();
}

export function showUsers(users, totals, isFirst) {
  counts = totals;
  const moved = isFirst ? [] : users.filter(hasMoved);
  const isToArrange = users.some(isOutOfPlace);
  for (const user of users) {
    if (user.gone) remove(user.uid);
    else show(user);
  }
  for (const { uid } of moved) flash(rows.get(uid).element);
  if (isToArrange) arrange();
  tell(moved);
  for (const name of ["online", "users", "sockets"]) {
    byId(`count-${name}`).textContent = totals[name].toLocaleString();
  }
}

export function startUsers() {
  byId("user-search").addEventListener("input", arrange);
  byId("user-online-only").addEventListener("change", arrange);
  byId("add-user").addEventListener("submit", add);
  setInterval(() => rows.forEach(showTime), 10_000);
}

function remove(uid) {
  rows.get(uid)?.element.remove();
  rows.delete(uid);
}

function hasMoved({ uid, gone, online }) {
  return !gone && rows.has(uid) && rows.get(uid).user.online !== online;
}

// Does it change which rows there are, or their order?  Most news does not.
function isOutOfPlace(user) {
  const before = rows.get(user.uid)?.user;
  return user.gone || before === undefined || before.name !== user.name || before.role !== user.role
    || (before.online !== user.online && byId("user-online-only").checked);
}

function flash(element) {
  element.classList.remove("moved");
  requestAnimationFrame(() => element.classList.add("moved"));
}

function tell(moved) {
  if (moved.length > 1) say(`${moved.length.toLocaleString()} users came or went`);
  else for (const { name, online } of moved) say(`${name} is ${online ? "online" : "offline"}`);
}

function show(user) {
  let row = rows.get(user.uid);
  if (row === undefined) {
    row = makeRow(user);
    rows.set(user.uid, row);
  }
  row.user = user;
  row.element.classList.toggle("online", user.online);
  row.name.textContent = user.name;
  row.uid.textContent = user.uid;
  row.role.textContent = user.role;
  row.role.hidden = user.role === "default";
  row.avatar.textContent = initials(user.name);
  row.sockets.hidden = user.sockets === 0;
  row.sockets.textContent = user.sockets === 1 ? "1 socket" : `${user.sockets} sockets`;
  row.toggle.setAttribute("aria-checked", user.online);
  row.toggle.setAttribute("aria-label", `${user.name} online`);
  row.toggle.disabled = user.deactivated;
  row.edit.setAttribute("aria-label", `Edit ${user.name}`);
  showTime(row);
}

function makeRow({ uid }) {
  const part = (className) => make("span", { className });
  const row = {
    avatar: make("span", { className: "avatar", "aria-hidden": "true" }),
    name: part("name"), uid: part("uid"), role: part("badge"), sockets: part("badge sockets"),
    time: part("time"),
    edit: make("button", { className: "edit", type: "button" }, "Edit"),
    toggle: make("button", { className: "switch", role: "switch", type: "button" }),
  };
  row.avatar.dataset.hue = [...uid].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % 6;
  row.toggle.addEventListener("click", () => flip(row));
  row.edit.addEventListener("click", () => editUser(uid, roles()));
  row.element = make("li", { className: "user" }, row.avatar,
    make("span", { className: "who" }, row.name, row.uid),
    make("span", { className: "facts" }, row.role, row.sockets, row.time), row.edit, row.toggle);
  return row;
}

const roles = () => new Set([...rows.values()].map(({ user }) => user.role));

function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
}

async function flip({ user }) {
  try {
    const status = user.online ? "offline" : "online";
    await call("POST", `users/${encodeURIComponent(user.uid)}/status`, { status });
  } catch (error) {
    warn(error.message);
  }
}

async function add(event) {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const user = { uid: fields.get("uid"), online: fields.has("online") };
  for (const name of ["name", "role"]) {
    if (fields.get(name)) user[name] = fields.get(name);
  }
  try {
    await call("POST", "users", user);
    say(`Added ${user.uid}`);
    form.reset();
    form.elements.uid.focus();
  } catch (error) {
    warn(error.message);
  }
}

function arrange() {
  const words = byId("user-search").value.trim().toLowerCase();
  const onlineOnly = byId("user-online-only").checked;
  const wanted = ({ user }) => (!onlineOnly || user.online)
    && (!words || `${user.uid} ${user.name} ${user.role}`.toLowerCase().includes(words));
  const list = byId("user-list");
  const shown = [...rows.values()].filter(wanted)
    .sort((a, b) => byName(a.user.name, b.user.name) || (a.user.uid < b.user.uid ? -1 : 1));
  // Only what is out of place is moved: moving an element takes the focus away from it.
  let place = list.firstElementChild;
  for (const { element } of shown) {
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  while (place) {
    const next = place.nextElementSibling;
    place.remove();
    place = next;
  }
  note(shown.length);
}

function note(shown) {
  const element = byId("user-note");
  const cut = counts.users > rows.size;
  element.hidden = shown > 0 && !cut;
  if (cut) element.textContent = `The first ${rows.size.toLocaleString()} of ${counts.users.toLocaleString()} users.`;
  else element.textContent = rows.size ? "Nobody like that." : "Nobody yet.";
}

function showTime({ user, time }) {
  if (user.deactivated) time.textContent = "deactivated";
  else if (user.online) time.textContent = "online";
  else time.textContent = user.lastActiveAt ? `seen ${ago(user.lastActiveAt)}` : "never seen";
  time.title = user.lastActiveAt ? new Date(user.lastActiveAt * 1000).toLocaleString() : "";
}

function ago(seconds) {
  const passed = Date.now() / 1000 - seconds;
  if (passed < 60) return "just now";
  if (passed < 3600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 2 * 86_400) return `${Math.floor(passed / 3600)} h ago`;
  if (passed < 30 * 86_400) return `${Math.floor(passed / 86_400)} days ago`;
  return new Date(seconds * 1000).toLocaleDateString();
}
