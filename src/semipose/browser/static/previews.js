// The same few unlabelled frames, as trainings get better at them: a row a run, a column a frame.

import { h, s, put } from "./dom.js";
import { post } from "./api.js";
import { sides } from "./stage.js";

const AGAIN = 3000;

/** Draws into `host` what the runs that `names()` gives have come to, until it is told to `stop`. */
export class Previews {
  constructor(host, skeleton, names) {
    this.host = host; this.skeleton = skeleton; this.names = names; this.side = sides(skeleton);
    this.at = null; // a step that was chosen; null: the newest
    this.over = false; this.turn = 0; this.timer = null; this.last = "";
    this.head = h("div", { class: "row" }); this.grid = h("div", { class: "scroll" });
    put(host, h("h1", {}, "Frames without labels"), this.head, this.grid);
  }

  stop() { this.over = true; clearTimeout(this.timer); }

  async ask(goesOn) {
    clearTimeout(this.timer);
    const mine = ++this.turn, names = this.names();
    this.host.hidden = !names.length;
    if (!names.length) return;
    const found = await post("previews", { runs: names });
    if (this.over || mine !== this.turn) return;
    this.found = found;
    if (JSON.stringify(found) !== this.last) { this.last = JSON.stringify(found); this.draw(); }
    if (goesOn || found.busy) this.again(goesOn);
  }

  again(goesOn) { this.timer = setTimeout(() => this.ask(goesOn).catch(() => { if (!this.over) this.again(goesOn); }), AGAIN); }

  get steps() { return [...new Set(this.found.runs.flatMap((run) => run.steps.map((each) => each.step)))].sort((a, b) => a - b); }

  draw() {
    const { frames, runs, busy } = this.found, steps = this.steps;
    const wait = busy ? h("span", { class: "busy soft" }, "Predicting …") : null;
    if (!frames.length) { put(this.head, h("p", { class: "soft" }, "Every frame has labels.")); put(this.grid); return; }
    if (!steps.length) {
      const line = runs.find((run) => run.line)?.line;
      put(this.head, wait ?? h("p", { class: "soft" }, line ? `Nothing to show: ${line}` : "The first predictions come with a training's first checkpoint."));
      put(this.grid);
      return;
    }
    const chosen = this.at ?? steps.at(-1), n = steps.findLastIndex((step) => step <= chosen);
    const slider = h("input", { type: "range", id: "preview-step", min: 0, max: steps.length - 1, step: 1, value: Math.max(0, n), oninput: (event) => { const at = Number(event.target.value); this.at = at === steps.length - 1 ? null : steps[at]; label.textContent = `Until step ${steps[at].toLocaleString()}`; this.rows(); } });
    const label = h("output", {}, `Until step ${chosen.toLocaleString()}`);
    if (document.activeElement?.id !== "preview-step" || steps.length !== this.count)
      put(this.head, steps.length > 1 ? h("label", { class: "check steps" }, slider, label) : null, wait);
    this.count = steps.length;
    this.rows();
  }

  rows() {
    const { frames, runs } = this.found, chosen = this.at ?? this.steps.at(-1);
    put(this.grid, h("div", { class: "previews" }, runs.map((run) => {
      const shown = run.steps.findLast((each) => each.step <= chosen);
      const title = run.name.replace(/^runs\//, "");
      if (!shown) return h("section", {}, h("h2", { title: run.name }, h("b", {}, title)), h("p", { class: "soft" }, run.line || "no checkpoint yet"));
      const scores = frames.flatMap(({ key }) => (shown.frames[key]?.bodies ?? []).flat().map((point) => point[2]));
      const mean = scores.length ? scores.reduce((sum, each) => sum + each, 0) / scores.length : 0;
      return h("section", {}, h("h2", { title: run.name }, h("b", {}, title), ` step ${shown.step.toLocaleString()}, mean confidence ${mean.toFixed(2)}`), h("div", { class: "preview-row" }, frames.map((frame) => this.one(frame, shown, title))));
    })));
  }

  one(frame, shown, run) {
    const there = shown.frames[frame.key], name = frame.name.split("/").pop();
    if (!there) return h("figure", {}, h("div", { class: "preview none" }), h("figcaption", { title: frame.name }, name));
    const [wide, high] = there.size, r = Math.max(wide, high) / 55, order = this.skeleton.joints.map((joint) => shown.joints.indexOf(joint));
    const svg = s("svg", { class: "preview", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `${frame.name}, step ${shown.step} of ${run}` }, s("image", { href: `/preview/${frame.key}`, width: wide, height: high, preserveAspectRatio: "none" }));
    for (const body of there.bodies) {
      const points = order.map((k) => body[k]);
      for (const [a, b] of this.skeleton.limbs) if (points[a] && points[b]) svg.append(s("line", { class: "limb", x1: points[a][0] + 0.5, y1: points[a][1] + 0.5, x2: points[b][0] + 0.5, y2: points[b][1] + 0.5, opacity: seen(Math.min(points[a][2], points[b][2])) }));
      points.forEach((point, j) => { if (point) svg.append(s("circle", { class: `spot ${this.side[j]}`, cx: point[0] + 0.5, cy: point[1] + 0.5, r, opacity: seen(point[2]) }, s("title", {}, `${this.skeleton.joints[j]}: confidence ${point[2].toFixed(2)}`))); });
    }
    return h("figure", {}, h("a", { href: `#label/${frame.source}/${frame.index}`, title: "Label this frame" }, svg), h("figcaption", { title: frame.name }, name));
  }
}

/** What is unsure is faint. */
const seen = (score) => (0.25 + 0.75 * Math.min(1, Math.max(0, score))).toFixed(2);
