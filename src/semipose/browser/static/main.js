import { h, put, failed } from "./dom.js";
import { overview } from "./api.js";
import * as project from "./project.js";
import * as label from "./label.js";
import * as train from "./train.js";
import * as look from "./look.js";
import * as next from "./next.js";
import * as compare from "./compare.js";
import { resume } from "./save.js";

const PARTS = { project, label, train, look, next, compare };
const TITLES = { project: "Project", label: "Label", train: "Train", look: "Look", next: "Next", compare: "Compare" };
let main = document.getElementById("main");
const nav = document.getElementById("nav");
let leave = null;
let turn = 0;

for (const [name, title] of Object.entries(TITLES)) nav.append(h("a", { href: `#${name}`, id: `to-${name}` }, title));

async function show() {
  const mine = ++turn;
  const [name, ...words] = location.hash.slice(1).split("/");
  const part = PARTS[name] ? name : "project";
  for (const link of nav.children) {
    if (link.id === `to-${part}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[part]} · semipose`;
  if (leave) leave();
  leave = null;
  // A fresh place: a part that is no longer asked for, and still waits for an answer, writes where nobody looks.
  const place = main.cloneNode(false);
  main.replaceWith(place);
  main = place;
  put(place, h("p", { class: "soft wait" }, "Loading …"));
  place.className = part;
  try {
    const about = await overview(true);
    document.getElementById("name").textContent = about.name;
    document.getElementById("name").title = about.key;
    resume(about.key);
    if (mine !== turn) return;
    const end = await PARTS[part].show(place, words, about);
    if (mine === turn) leave = end ?? null;
    else if (end) end();
  } catch (error) {
    if (mine === turn) put(place, h("p", { class: "alarm", role: "alert" }, error.message));
    failed(error);
  }
}

addEventListener("hashchange", show);
show();
