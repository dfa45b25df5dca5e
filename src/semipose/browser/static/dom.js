// Elements from plain values. Text is only ever text: nothing that comes from a file becomes HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "disabled") element[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat(9)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export function put(element, ...children) {
  element.replaceChildren();
  return fill(element, null, children);
}

let clearing;
export function say(text, kind = "") {
  const line = document.getElementById("say");
  line.textContent = text;
  line.className = kind;
  clearTimeout(clearing);
  if (text) clearing = setTimeout(() => { line.textContent = ""; line.className = ""; }, kind === "alarm" ? 9000 : 3500);
}

/** Something in a page that fails is a line in it. */
export function failed(error) {
  say(error.message, "alarm");
}

export function button(text, action, props = {}) {
  const made = h("button", { type: "button", ...props }, text);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try { await action(); } catch (error) { failed(error); } finally { made.disabled = false; }
  });
  return made;
}

export function time(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return "";
  const whole = Math.max(0, Math.round(seconds)), minutes = Math.floor(whole / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return minutes ? `${minutes} min ${String(whole % 60).padStart(2, "0")} s` : `${whole} s`;
}

export const percent = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
