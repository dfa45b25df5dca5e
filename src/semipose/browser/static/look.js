// Where predictions are worst, and joints over time.

import { h, put, button, failed } from "./dom.js";
import { get, post, query } from "./api.js";
import { Stage } from "./stage.js";
import { chart } from "./chart.js";
import { beginForm } from "./project.js";

const BY = [["trouble", "Unsure, or at odds (audit)"], ["jumps", "Jumps"], ["confidence", "Low confidence"]];

export async function show(main, words, about) {
  if (!about.skeleton) { put(main, beginForm(about)); return null; }
  const { runs } = await get("runs");
  // Those that have been asked already come first.
  const able = runs.filter((row) => row.model).sort((one, other) => Number(other.asked) - Number(one.asked));
  if (!able.length) { put(main, h("section", { class: "card empty" }, h("h1", {}, "Look"), h("p", {}, "There is no trained run yet. Train one, then this shows where it fails."), h("a", { class: "button main", href: "#train" }, "Train"))); return null; }
  let over = false, turn = 0, timer = null, playing = null, at = null, tracks = null, threshold = 0.2, marks = [];
  const run = h("select", { id: "look-run", "aria-label": "Run", onchange: () => { at = null; draw().catch(failed); } }, able.map((row) => h("option", { value: row.name }, row.name.replace(/^runs\//, ""))));
  const source = h("select", { id: "look-source", "aria-label": "Source", onchange: () => { at = null; draw().catch(failed); } }, about.sources.filter((each) => each.id || each.count).map((each) => h("option", { value: each.id }, each.id ? each.name : "pictures")));
  if (about.sources.length > 1) source.value = "1";
  const by = h("select", { id: "look-by", "aria-label": "Worst by", onchange: () => draw().catch(failed) }, BY.map(([value, text]) => h("option", { value }, text)));
  const list = h("div", { class: "frames plain worst", role: "listbox", "aria-label": "Worst frames" }), curves = h("div", { class: "charts" }), about_ = h("p", { class: "soft" }), act = h("div", { class: "row" });
  const holder = h("div", { class: "holder" }), title = h("h2", {}, "Choose a frame"), below = h("output", { id: "below" });
  const slider = h("input", { type: "range", id: "threshold", min: 0, max: 1, step: 0.05, value: threshold, oninput: (event) => { threshold = Number(event.target.value); count(); Object.assign(stage.model, { threshold, bodies: sure(stage.model.guess) }); stage.draw(); } });
  const whose = h("span", {}), looking = h("div", { class: "looking", hidden: true }), time = h("section", { class: "card", hidden: true });
  const play = button("▶ Play", () => toggle(), { id: "play" });
  put(main, h("div", { class: "parts wide" }, h("section", { class: "card" }, h("h1", {}, "Look"), h("div", { class: "fields" }, h("label", {}, "Run", run), h("label", {}, "Frames", source), h("label", {}, "Worst by", by)), about_, act)),
    looking, time);
  put(looking, list, h("section", { class: "middle" }, h("div", { class: "bar row" }, title, h("span", { class: "grow" }), play, h("a", { class: "button", id: "correct", href: "#label" }, "Correct")), holder, h("label", { class: "range" }, "Confidence from ", slider, below)));
  put(time, h("div", { class: "row" }, h("h1", {}, "Joints over time"), whose), curves);
  const stage = new Stage(holder, about.skeleton);
  const sure = (guess) => (guess?.bodies ?? []).map(({ points }) => ({ points: points.map(([x, y, score]) => [x, y, score && score >= threshold ? 2 : 0]) }));
  const body = h("select", { id: "look-body", "aria-label": "Body", onchange: () => draw().catch(failed) });

  async function open(index) {
    at = index;
    const { guess, size } = await get(`guess/${source.value}/${index}?${query({ run: run.value })}`);
    if (over || at !== index) return;
    title.textContent = source.value === "0" ? (marks.find((row) => row.index === index)?.name ?? `picture ${index}`) : `frame ${index}`;
    stage.model = { bodies: sure(guess), guess, body: -1, joint: -1, names: false, threshold };
    stage.show(`/picture/${source.value}/${index}`, size, `Frame ${index}`);
    stage.draw();
    document.getElementById("correct").href = `#label/${source.value}/${index}`;
    for (const figure of curves.children) figure.mark?.(index);
    for (const row of list.children) row.setAttribute("aria-selected", String(Number(row.dataset.index) === index));
  }

  function toggle() {
    if (playing) { clearInterval(playing); playing = null; play.textContent = "▶ Play"; return; }
    if (at === null) at = 0;
    let busy = false;
    playing = setInterval(async () => { if (busy) return; busy = true; try { await open(at + 1); } catch { toggle(); } busy = false; }, 100);
    play.textContent = "❚❚ Pause";
  }

  function count() {
    const level = Math.round(threshold * 20);
    below.textContent = tracks ? ` ${threshold.toFixed(2)}: ${tracks.below[level].toLocaleString()} of ${tracks.total.toLocaleString()} frames have a joint below` : ` ${threshold.toFixed(2)}`;
  }

  async function draw() {
    clearTimeout(timer);
    const mine = ++turn, how = by.value, which = body.value || 0, found = await get(`worst/${source.value}?${query({ run: run.value, by: how, body: which })}`);
    const answer = how === "trouble" && found.tracked ? (await get(`worst/${source.value}?${query({ run: run.value, by: "jumps", body: which })}`)).tracks : found.tracks;
    const now = (await get("runs")).jobs.filter((job) => ["waiting", "running"].includes(job.state) && ["audit", "predict"].includes(job.kind));
    if (over || mine !== turn) return;
    tracks = answer; marks = found.rows; count();
    about_.textContent = how === "trouble" ? found.sentence || "The audit asks the networks about unlabelled frames, and lists those first that they are unsure of." : tracks ? "" : "Predict these frames to see jumps and curves.";
    const waits = (kind) => now.find((job) => job.kind === kind);
    put(act, waits("audit") ? h("span", { class: "busy" }, "Auditing … ") : button(found.audited ? "Audit again" : "Audit", async () => { await post("audit", { run: run.value }); await draw(); }, { id: "audit", class: how === "trouble" && !found.audited ? "main" : "" }),
      waits("predict") ? h("span", { class: "busy" }, "Predicting … ") : button(tracks ? "Predict again" : "Predict these frames", async () => { await post("predict", { run: run.value, source: Number(source.value) }); await draw(); }, { id: "predict", class: how !== "trouble" && !tracks ? "main" : "" }));
    put(list, marks.length ? marks.map((row) => h("div", { role: "option", class: "frame", tabindex: "0", "data-index": row.index, onclick: () => open(row.index).catch(failed), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(row.index).catch(failed); } } }, h("span", { class: "what" }, h("b", {}, row.name.split("/").pop()), h("small", {}, row.joint)), h("span", { class: "score" }, row.score.toFixed(2)))) : h("p", { class: "soft pad" }, "Nothing to list yet."));
    if (body.options.length !== (tracks?.bodies ?? 0)) put(body, Array.from({ length: tracks?.bodies ?? 0 }, (_, n) => h("option", { value: n, selected: n === Number(which) }, `Body ${n + 1}`)));
    looking.hidden = !tracks && !marks.length;
    time.hidden = !tracks;
    put(whose, body.options.length > 1 ? body : null);
    put(curves, tracks ? tracks.series.map((line) => chart(line.joint, [{ name: "x", x: tracks.frames, y: line.x, color: 0 }, { name: "y", x: tracks.frames, y: line.y, color: 1 }], { unit: "frame", pick: (index) => open(index).catch(failed), mark: at })) : h("p", { class: "soft" }, "Predict the frames first."));
    if (at === null && marks.length) await open(marks[0].index);
    if (now.length) timer = setTimeout(() => draw().catch(failed), 1500);
  }
  await draw();
  return () => { over = true; clearTimeout(timer); clearInterval(playing); stage.end(); };
}
