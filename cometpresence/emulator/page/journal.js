// What came in and went out, a line each, the whole of it on demand.

import { byId, make } from "./dom.js";

const MOST = 1000; // lines
let follows = true;

export function startJournal() {
  byId("journal-search").addEventListener("input", sift);
  for (const box of document.querySelectorAll(".kinds input")) box.addEventListener("change", sift);
  byId("journal-clear").addEventListener("click", forgetJournal);
  byId("journal-follow").addEventListener("click", () => follow(!follows));
  byId("journal").addEventListener("scroll", noticeScrolling);
}

export function forgetJournal() {
  byId("journal").replaceChildren();
}

export function showJournal(entries, skipped) {
  const log = byId("journal");
  const lines = entries.map(makeLine);
  if (skipped) lines.unshift(make("p", { className: "skipped" }, `${skipped.toLocaleString()} more entries`));
  const wanted = siever();
  for (const line of lines) line.hidden = !wanted(line);
  log.append(...lines);
  while (log.childElementCount > MOST) log.firstElementChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

function follow(wanted) {
  follows = wanted;
  byId("journal-follow").setAttribute("aria-pressed", follows);
  if (follows) byId("journal").scrollTop = byId("journal").scrollHeight;
}

// Who scrolls up wants to read, who scrolls to the end to go on.
function noticeScrolling() {
  const { scrollTop, scrollHeight, clientHeight } = byId("journal");
  const atEnd = scrollHeight - scrollTop - clientHeight < 24;
  if (atEnd !== follows) {
    follows = atEnd;
    byId("journal-follow").setAttribute("aria-pressed", follows);
  }
}

function siever() {
  const words = byId("journal-search").value.trim().toLowerCase();
  const kinds = [...document.querySelectorAll(".kinds input:checked")].map(({ value }) => value);
  return ({ dataset }) => dataset.kind === undefined
    || (kinds.includes(dataset.kind) && (!words || dataset.text.includes(words)));
}

function sift() {
  const wanted = siever();
  for (const line of byId("journal").children) line.hidden = !wanted(line);
  if (follows) byId("journal").scrollTop = byId("journal").scrollHeight;
}

function makeLine(entry) {
  const { n, t, dir, kind, ...facts } = entry;
  const [what, about, tone] = summary(kind, facts);
  const line = make("details", { className: `line ${kind}` },
    make("summary", {},
      make("time", {}, clockTime(t)),
      make("span", { className: "dir", role: "img", "aria-label": dir }, dir === "in" ? "→" : "←"),
      make("span", { className: "what" }, what),
      make("span", { className: "about" }, about)));
  line.dataset.kind = kind;
  line.dataset.text = JSON.stringify(facts).toLowerCase();
  if (tone) line.dataset.tone = tone;
  line.addEventListener("toggle", () => {
    line.append(make("pre", { tabIndex: 0 }, JSON.stringify(entry, null, 2)));
  }, { once: true });
  return line;
}

function clockTime(seconds) {
  const date = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const milliseconds = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

const TONES = {
  user_online: "good", user_offline: "gone", fault_started: "bad", fault_ended: "good",
  not_emulated: "bad", slow_reader: "bad", event_lost: "bad", connection_refused: "bad",
};

function summary(kind, facts) {
  if (kind === "lifecycle") {
    const { event, ...rest } = facts;
    return [event.replaceAll("_", " "), inLine(rest), TONES[event]];
  }
  if (kind === "ws") {
    const about = facts.type === "presence" && facts.frame?.body
      ? `${facts.frame.sender} ${facts.frame.body.action} · ${sockets(facts)}` : sockets(facts);
    return [facts.type ?? "frame", about];
  }
  const status = facts.status ?? "";
  return [`${facts.method} ${status}`.trim(), facts.path, status >= 400 ? "bad" : undefined];
}

function sockets({ sockets: numbers = [], recipients = numbers.length }) {
  return recipients === 1 ? `socket ${numbers[0]}` : `${recipients} sockets`;
}

function inLine({ uid, fault, settings, at, session, ...rest }) {
  const named = Object.entries({ ...settings, ...rest })
    .filter(([, value]) => value !== null && value !== "" && typeof value !== "object")
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`);
  return [uid, fault?.replaceAll("_", " "), ...named].filter(Boolean).join(" · ");
}
