// What the folder holds, what is wrong with it, and what to do.

import { h, put, button, percent, say } from "./dom.js";
import { get, post, learn, overview } from "./api.js";

export function beginForm(about) {
  const videos = about.sources.filter((each) => each.id), pictures = about.sources[0].count;
  if (!about.ready) return h("section", { class: "card" }, h("p", { class: "soft" }, "Looking for labels …"));
  if (!pictures && !videos.length)
    return h("section", { class: "card empty" }, h("h1", {}, "Nothing to label here"), h("p", {}, "This folder holds no picture and no video that can be read. Copy a video or pictures into it, then look again."), button("Look again", () => again(), { class: "main" }));
  const field = h("textarea", { id: "joints", rows: 3, placeholder: "nose, left ear, right ear, tail base", "aria-describedby": "joints-help" });
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); start.click(); } }, h("label", { for: "joints" }, "Joints"), field, h("p", { class: "soft", id: "joints-help" }, "Names with commas between them. Write left and right in the names of both sides: then they are told apart, and mirrored pictures can be learnt from."));
  const start = button("Start labelling", async () => {
    learn(await post("begin", { joints: field.value }));
    location.hash = `#label/${pictures ? 0 : 1}/0`;
  }, { class: "main", id: "start" });
  form.append(start);
  const some = [pictures ? (pictures === 1 ? "1 picture" : `${pictures.toLocaleString()} pictures`) : "", videos.length ? `${videos.length} ${videos.length === 1 ? "video" : "videos"}` : ""].filter(Boolean).join(" and ");
  return h("section", { class: "card begin" }, h("h1", {}, "Start labelling"), h("p", {}, `This folder has ${some} and no labels. Which joints shall be found?`), form, h("p", { class: "soft" }, "Labels are kept in labels.json, in COCO's format. Label some 20 frames that differ, then train."));
}

async function again() {
  learn(await post("refresh"));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export async function show(main, words, about) {
  if (about.ready && !about.skeleton) { put(main, beginForm(about), remarks(about)); return null; }
  let timer = null, over = false;
  const data = h("section", { class: "card" }), checks = h("section", { class: "card" }), runs = h("section", { class: "card" });
  put(main, h("div", { class: "parts" }, data, checks, runs));
  const found = h("div", { id: "found" });
  async function setUp() {
    const { file, lines } = await post("prepare");
    about = await overview(true);
    drawData();
    put(found, h("h2", {}, `${file} was written`), h("ul", { class: "aid" }, lines.map((line) => h("li", {}, line))));
  }
  function drawData() {
    if (!about.skeleton) { data.replaceWith(beginForm(about)); return; }
    const joints = about.skeleton.joints, pairs = about.skeleton.pairs.map(([a, b]) => `${joints[a]} – ${joints[b]}`);
    put(data, h("h1", {}, "Data"), h("dl", {},
      h("dt", {}, "Frames"), h("dd", {}, about.sources.filter((each) => each.id || each.count).map((each) => h("a", { class: "chip", href: `#label/${each.id}/0`, title: each.name }, each.id ? each.name : `${each.count.toLocaleString()} pictures`))),
      h("dt", {}, "Labels"), h("dd", {}, about.labels.map((each) => h("p", {}, h("b", {}, each.file), ` ${each.format}, ${each.labelled.toLocaleString()} labelled`, each.why ? h("span", { class: "note block" }, each.why) : null))),
      h("dt", {}, "Joints"), h("dd", {}, joints.join(", ")),
      h("dt", {}, "Left, right"), h("dd", {}, pairs.join(", ") || "no pairs"),
      h("dt", {}, "Split"), h("dd", {}, about.split ? `${about.split.labeled} to learn from, ${about.split.val} for validation` : "made when a training is started"),
      h("dt", {}, "Settings"), h("dd", {}, about.data ?? "data.yaml is made when a training is started")),
    about.left_out ? h("p", { class: "note" }, `${about.left_out} pictures or videos are links that lead out of this folder: semipose ui --outside shows them.`) : null,
    remarks(about),
    h("div", { class: "row" }, h("a", { class: "button main", href: "#label" }, "Label"), button("Look again", again), about.data ? null : button("Set up training", setUp, { id: "set-up", title: "Write data.yaml and a split, as semipose init does" })), found);
  }
  drawData();
  async function wait() {
    while (!about.ready && !over) { await new Promise((done) => setTimeout(done, 400)); about = await overview(true); if (about.ready && !over) { if (about.skeleton) { drawData(); work(); } else put(main, beginForm(about)); } }
  }
  async function work() {
    const { runs: rows, jobs } = await get("runs");
    if (over) return;
    const job = jobs.find((each) => each.kind === "check");
    const at = job && ["waiting", "running"].includes(job.state);
    put(checks, h("h1", {}, "Checks"));
    if (job && !at && job.state === "done") {
      const { text } = await get(`jobs/${job.number}`);
      checks.append(firstAid(text), h("div", { class: "row" }, h("a", { class: "button", href: "#compare/check" }, "Pictures and first aid"), button("Check again", check)));
    } else checks.append(h("p", { class: at ? "busy" : "soft" }, at ? "Looking at every picture and label …" : job?.state === "failed" ? job.tail : "Finds labels out of place, damaged pictures, copies, unclear sides, and says what to do."), at ? null : button("Check the data", check, { id: "check", class: "main" }));
    put(runs, h("h1", {}, "Runs"), rows.length ? runTable(rows) : h("p", { class: "soft" }, "None yet. Label some frames, then train."), h("div", { class: "row" }, h("a", { class: "button", href: "#train" }, rows.length ? "Train, curves" : "Train")));
    if (at || rows.some((row) => row.state === "running")) timer = setTimeout(() => work().catch(() => {}), 1500);
  }
  async function check() { await post("check"); say("the check has started"); about = await overview(true); drawData(); await work(); }
  if (about.ready && about.skeleton) await work(); else { put(checks, h("h1", {}, "Checks"), h("p", { class: "soft" }, "After the first labels.")); put(runs, h("h1", {}, "Runs"), h("p", { class: "soft" }, "None yet.")); wait(); }
  return () => { over = true; clearTimeout(timer); };
}

function remarks(about) {
  if (!about.remarks.length) return null;
  return h("details", { class: "remarks", open: !about.skeleton }, h("summary", {}, about.remarks.length === 1 ? "1 remark" : `${about.remarks.length} remarks`), h("ul", {}, about.remarks.map((text) => h("li", {}, text))));
}

function firstAid(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return h("ul", { class: "aid" }, lines.map((line) => h("li", { class: /^\s*(error|stops)/i.test(line) ? "alarm" : "" }, line)));
}

export function runTable(rows) {
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Run", "Method", "Labels", "Score", "State"].map((text) => h("th", {}, text)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row", title: row.name }, row.name.replace(/^runs\//, "")), h("td", {}, row.method || "–"), h("td", {}, row.labels ?? "–"), h("td", {}, row.pck === null ? "–" : `${row.measure} ${percent(row.pck)}`), h("td", {}, row.alarm ? "collapse" : row.state))))));
}
