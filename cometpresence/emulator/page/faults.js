// What goes wrong on demand: a switch for each fault that stays on, with a form for its settings.

import { call } from "./calls.js";
import { byId, make, say, warn } from "./dom.js";

const rows = new Map(); // name -> { fault, element, toggle, form, state }

export function startFaults(catalogue) {
  rows.clear();
  byId("fault-list").replaceChildren(...catalogue.map(makeRow));
}

export function startShots() {
  for (const form of document.querySelectorAll("form.shot")) form.addEventListener("submit", shoot);
}

export function showFaults(active) {
  const byName = new Map(active.map((fault) => [fault.name, fault]));
  for (const [name, row] of rows) {
    const fault = byName.get(name);
    row.element.classList.toggle("active", fault !== undefined);
    row.toggle.setAttribute("aria-checked", fault !== undefined);
    row.state.textContent = fault === undefined ? "" : inWords(fault);
  }
  const badge = byId("fault-count");
  badge.hidden = active.length === 0;
  badge.textContent = `${active.length} on`;
}

const readable = (name) => name.replaceAll("_", " ");
const asTitle = (name) => readable(name[0].toUpperCase() + name.slice(1));

function inWords({ settings, left }) {
  const parts = Object.entries(settings).map(([name, value]) => `${readable(name)} ${value}`);
  if (left !== null) parts.push(`${left} more ${left === 1 ? "time" : "times"}`);
  return parts.join(", ");
}

function makeRow(fault) {
  const { name, about, settings, counted, count } = fault;
  const id = `fault-${name}`;
  const fields = settings.map(({ name: key, default: value, whole, min, max }) =>
    field(key, { min, max, step: whole ? 1 : "any", value: value ?? 1, required: true }));
  if (counted) {
    fields.push(field("count", { min: 1, step: 1, value: count ?? "", placeholder: "until off" }));
  }
  const row = {
    fault,
    state: make("span", { className: "state" }),
    toggle: make("button", { className: "switch", role: "switch", "aria-checked": "false",
      type: "submit", "aria-labelledby": id, "aria-describedby": `${id}-about` }),
    form: make("form", { className: "fault-form" }),
  };
  row.form.append(
    make("div", { className: "fault-head" },
      make("span", { className: "name", id }, asTitle(name)), row.state, row.toggle),
    make("p", { className: "about", id: `${id}-about` }, about.replaceAll("`", "")),
    ...(fields.length ? [make("div", { className: "fields" }, ...fields)] : []));
  row.form.addEventListener("submit", (event) => flip(event, row));
  row.element = make("li", { className: "fault" }, row.form);
  row.toggle.addEventListener("click", () => {
    row.form.noValidate = isOn(row); // to end it nothing has to be filled in
  });
  rows.set(name, row);
  return row.element;
}

function field(name, attributes) {
  return make("label", {}, `${readable(name)} `, make("input", { type: "number", name, ...attributes }));
}

const isOn = ({ toggle }) => toggle.getAttribute("aria-checked") === "true";

async function flip(event, row) {
  event.preventDefault();
  const stops = isOn(row) && event.submitter === row.toggle;
  const settings = {};
  for (const input of row.form.querySelectorAll("input")) {
    if (input.value !== "") settings[input.name] = input.valueAsNumber;
  }
  try {
    await call("POST", `faults/${row.fault.name}`, stops ? { stop: true } : settings);
    say(`${asTitle(row.fault.name)} is ${stops ? "off" : "on"}`);
  } catch (error) {
    warn(error.message);
  }
}

async function shoot(event) {
  event.preventDefault();
  const form = event.target;
  const arguments_ = {};
  for (const input of form.querySelectorAll("input")) {
    if (input.type === "checkbox") arguments_[input.name] = input.checked;
    else arguments_[input.name] = input.type === "number" ? input.valueAsNumber : input.value;
  }
  try {
    const { sockets } = await call("POST", `faults/${form.dataset.action}`, arguments_);
    const done = form.querySelector("button").textContent;
    say(sockets === undefined ? `${done}: done` : `${done}: ${sockets}`);
  } catch (error) {
    warn(error.message);
  }
}
