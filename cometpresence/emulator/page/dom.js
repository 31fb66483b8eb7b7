// Elements made and found.  Text enters as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function say(text) {
  byId("said").textContent = text;
}

let alertEnds;

export function warn(text) {
  const alert = byId("alert");
  alert.textContent = text;
  alert.hidden = false;
  clearTimeout(alertEnds);
  alertEnds = setTimeout(() => { alert.hidden = true; }, 8000);
}
