// Trainings: start, watch, stop, go on.

import { h, put, button, percent, time, say, failed } from "./dom.js";
import { get, post, query } from "./api.js";
import { chart } from "./chart.js";
import { beginForm } from "./project.js";
import { Previews } from "./previews.js";

const WORDS = { waiting: "waits", running: "trains", done: "done", stopped: "stopped", failed: "failed" };

export async function show(main, words, about) {
  if (!about.skeleton) { put(main, beginForm(about)); return null; }
  let timer = null, over = false, turn = 0, shown = new Set(), first = true, watching = false;
  const way = h("select", { id: "way" }, [["data", "as data.yaml says"], ["supervised", "from labels alone"], ["both", "both, one after the other"]].map(([value, text]) => h("option", { value }, text)));
  const steps = h("input", { id: "steps", type: "number", min: 1, step: 1, placeholder: "as data.yaml says", inputmode: "numeric" });
  const from = h("select", { id: "from" }, h("option", { value: "" }, "as data.yaml says"));
  const name = h("input", { id: "name-run", type: "text", placeholder: "run", maxlength: 60, autocomplete: "off" });
  const start = button("Train", async () => {
    const answer = await post("train", { way: way.value, steps: steps.value ? Number(steps.value) : null, from: from.value || null, name: name.value || null });
    say(answer.lines[0] ?? "the training has started");
    await draw();
  }, { class: "main", id: "start-training" });
  const form = h("section", { class: "card train-form" }, h("h1", {}, "Train"), h("div", { class: "fields" },
    h("label", {}, "Method", way), h("label", {}, "Steps", steps), h("label", {}, "Start from", from), h("label", {}, "Name", name)), h("div", { class: "row" }, start, h("span", { class: "soft" }, "It goes on when this page or the server is closed.")));
  const working = h("div", { id: "working" }), table = h("section", { class: "card", id: "all-runs" }), plots = h("section", { class: "card", id: "curves" }), seen = h("section", { class: "card", id: "previews", hidden: true });
  let names = [];
  const previews = new Previews(seen, about.skeleton, () => names);
  put(main, h("div", { class: "parts" }, form, working, table, seen, plots));

  async function draw() {
    clearTimeout(timer);
    const mine = ++turn, { runs, jobs } = await get("runs");
    if (over || mine !== turn) return;
    const jobOf = (row) => jobs.find((job) => job.run === row.name && job.kind === "train");
    const ready = runs.filter((row) => row.model);
    if (from.options.length !== ready.length + 1) { const value = from.value; put(from, h("option", { value: "" }, "as data.yaml says"), ready.map((row) => h("option", { value: row.name }, row.name))); from.value = value; }
    const open = jobs.filter((job) => ["waiting", "running"].includes(job.state) || (job.state === "failed" && job === jobs[0]));
    put(working, open.map((job) => card(job, runs.find((row) => row.name === job.run))));
    if (first) { for (const row of runs.slice(0, 2)) shown.add(row.name); first = false; }
    for (const job of open) if (job.kind === "train") shown.add(job.run);
    put(table, h("h1", {}, "Runs"), runs.length ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["", "Run", "Method", "Labels", "Score", "Steps", "State", ""].map((text) => h("th", {}, text)))), h("tbody", {}, runs.map((row) => line(row, jobOf(row)))))) : h("p", { class: "soft" }, "None yet. 20 labels are enough for a first one."));
    await curves(runs, mine);
    if (over || mine !== turn) return;
    const before = names.join(), goesOn = open.some((job) => job.kind === "train" && job.state === "running");
    names = runs.map((row) => row.name).filter((each) => shown.has(each)).slice(0, 6);
    if (before !== names.join() || goesOn !== watching) previews.ask(goesOn).catch(failed);
    watching = goesOn;
    if (open.some((job) => job.state !== "failed")) timer = setTimeout(() => draw().catch(failed), 1500);
  }

  function card(job, row) {
    const train = job.kind === "train", part = row?.steps ? row.step / row.steps : null;
    const what = train ? `${job.run.replace(/^runs\//, "")} ${WORDS[job.state]}` : `${job.kind} ${WORDS[job.state]}`;
    return h("section", { class: "card job", id: `job-${job.number}` }, h("div", { class: "row" }, h("h2", {}, what), h("span", { class: "grow" }), ["waiting", "running"].includes(job.state) ? button(job.asked ? "End at once" : "Stop", async () => { await post(`jobs/${job.number}/stop`); await draw(); }, { class: "stop" }) : null),
      job.state === "running" && train ? h("progress", { max: 1, value: part ?? undefined, "aria-label": "progress" }) : null,
      job.state === "running" && train ? h("p", {}, row?.finding ? "The first network learns to find the body. " : row?.steps && row.step ? `Step ${row.step.toLocaleString()} of ${row.steps.toLocaleString()}. ` : "Preparing. ", row?.left ? `${time(row.left)} left. ` : "", row?.pck !== null && row?.pck !== undefined ? `${row.measure} ${percent(row.pck)}. ` : "", job.asked ? "Finishing the step and saving." : "") : null,
      row?.alarm ? h("p", { class: "alarm", role: "alert" }, row.alarm) : null,
      job.tail ? h("pre", { class: job.state === "failed" ? "alarm" : "" }, job.state === "failed" ? job.tail.split("\n").pop() : job.tail) : null);
  }

  function line(row, job) {
    const box = h("input", { type: "checkbox", checked: shown.has(row.name), "aria-label": `curves of ${row.name}`, onchange: (event) => { if (event.target.checked) shown.add(row.name); else shown.delete(row.name); draw().catch(failed); } });
    return h("tr", {}, h("td", {}, box), h("th", { scope: "row", title: row.name }, row.name.replace(/^runs\//, "")), h("td", {}, row.method || "–"), h("td", {}, row.labels ?? "–"), h("td", {}, row.pck === null ? "–" : percent(row.pck)), h("td", {}, row.steps ? `${row.step} / ${row.steps}` : row.step || "–"), h("td", { class: row.alarm ? "alarm" : "" }, row.alarm ? "collapse" : job?.state === "failed" ? "failed" : WORDS[row.state]),
      h("td", {}, row.resumable ? button("Resume", async () => { await post("resume", { run: row.name }); await draw(); }) : row.model ? h("a", { href: `#compare/${encodeURIComponent(row.name)}` }, "report") : ""));
  }

  async function curves(runs, mine) {
    const names = runs.map((row) => row.name).filter((each) => shown.has(each)).slice(0, 6);
    const found = await Promise.all(names.map((each) => get(`curves?${query({ run: each })}`)));
    if (over || mine !== turn) return;
    const columns = [...new Set(found.flatMap((each) => Object.keys(each.columns)))];
    const lines = (column) => found.map((each, n) => ({ name: each.run.replace(/^runs\//, ""), x: each.columns.step ?? [], y: each.columns[column] ?? [], color: n })).filter((each) => each.y.length);
    const figures = [chart("Score on validation (PCK)", lines("val/pck"), { share: true })];
    for (const column of columns.filter((each) => each.startsWith("loss/"))) figures.push(chart(`Loss: ${column.slice(5)}`, lines(column), { log: true }));
    for (const each of found) {
      const parts = ["labeled", "student", "teacher"].map((part, n) => ({ name: part, x: each.columns.step ?? [], y: each.columns[`response/${part}`] ?? [], color: n })).filter((line) => line.y.length);
      if (parts.length) figures.push(chart(`Response of ${each.run.replace(/^runs\//, "")}`, parts, { zero: true }));
    }
    const drawn = figures.filter(Boolean);
    put(plots, h("h1", {}, "Curves"), drawn.length ? h("div", { class: "charts" }, drawn) : h("p", { class: "soft" }, "Curves appear with the first steps."));
  }

  await draw();
  return () => { over = true; clearTimeout(timer); previews.stop(); };
}
