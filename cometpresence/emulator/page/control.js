// The control page: logs in, listens to what happens, and lets the parts show it.

import { call } from "./calls.js";
import { byId, warn } from "./dom.js";
import { startDialogs } from "./editor.js";
import { showFaults, startFaults, startShots } from "./faults.js";
import { forgetJournal, showJournal, startJournal } from "./journal.js";
import { forgetUsers, showUsers, startUsers } from "./users.js";

function setLink(state) {
  byId("link").dataset.state = state;
  byId("link").textContent = state;
}

function show(data, isFirst) {
  showUsers(data.users, data.counts, isFirst);
  showFaults(data.faults);
  showJournal(data.journal, data.skipped);
}

function greet(data) {
  const { app_id: app, region, address } = data.about;
  byId("about-app").textContent = `${app} · ${region}`;
  byId("about-address").textContent = address;
  document.title = `${app} · emulator`;
  forgetUsers();
  forgetJournal();
  show(data, true);
  setLink("live");
}

function listen() {
  const events = new EventSource("events");
  events.addEventListener("hello", (event) => greet(JSON.parse(event.data)));
  events.addEventListener("news", (event) => show(JSON.parse(event.data), false));
  events.addEventListener("error", async () => {
    setLink("lost");
    // What is refused is not tried again by itself; an emulator that restarts is.
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(enter, 1000);
  });
}

async function enter() {
  try {
    startFaults(await call("GET", "faults"));
  } catch (error) {
    if (error.status === 401) askForToken();
    else setTimeout(enter, 1000);
    return;
  }
  openDoor(true);
  listen();
}

function openDoor(isIn) {
  byId("door").hidden = isIn;
  for (const id of ["main", "counts", "reset-open", "skip"]) byId(id).hidden = !isIn;
}

function askForToken() {
  setLink("logged out");
  openDoor(false);
  byId("login-used").hidden = location.hash !== "#used";
  byId("token").focus();
}

async function logIn(event) {
  event.preventDefault();
  try {
    await call("POST", "login", { token: byId("token").value.trim() });
  } catch (error) {
    warn(error.message);
    return;
  }
  byId("token").value = "";
  history.replaceState(null, "", location.pathname);
  await enter();
}

byId("login").addEventListener("submit", logIn);
startUsers();
startShots();
startJournal();
startDialogs(forgetJournal);
await enter();
