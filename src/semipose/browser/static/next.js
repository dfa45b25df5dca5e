// The queue: what to label next, accepted or corrected, and a training that goes on with it.

import { h, put, button, say, failed } from "./dom.js";
import { get, post } from "./api.js";
import { editor } from "./label.js";
import { beginForm } from "./project.js";

export async function show(main, words, about) {
  if (!about.skeleton) { put(main, beginForm(about)); return null; }
  let over = false, timer = null, end = null;
  const bar = h("section", { class: "card queue-bar" }), room = h("div", { class: "room" });
  put(main, bar, room);

  async function draw() {
    const [{ runs, jobs }, queue] = await Promise.all([get("runs"), get("queue")]);
    if (over) return;
    const able = runs.filter((row) => row.model), busy = jobs.find((job) => job.kind === "queue" && ["waiting", "running"].includes(job.state)), failedJob = jobs.find((job) => job.kind === "queue");
    if (!able.length) { put(bar, h("h1", {}, "Next"), h("p", {}, "There is no trained run yet. Train one: then it says which frames to label next."), h("a", { class: "button main", href: "#train" }, "Train")); return; }
    const run = h("select", { id: "queue-run" }, able.map((row) => h("option", { value: row.name }, row.name.replace(/^runs\//, ""))));
    const count = h("input", { id: "queue-count", type: "number", min: 1, max: 1000, value: 20, inputmode: "numeric" });
    const done = queue.items.filter((item) => item.done).length;
    const left = h("span", { id: "queue-left", class: "soft" }, queue.items.length ? `${done} of ${queue.items.length} done` : "");
    put(bar, h("div", { class: "row" }, h("h1", {}, "Next"), left, h("span", { class: "grow" }), busy ? h("span", { class: "busy" }, "Choosing frames …") : h("details", { class: "more", open: !queue.items.length }, h("summary", {}, "Choose new ones"), h("div", { class: "fields" }, h("label", {}, "Frames", count), h("label", {}, "Run", run)), button("Choose", async () => { await post("queue", { run: run.value, count: Number(count.value) }); await draw(); }, { id: "choose", class: "main" })),
      queue.items.length ? button("Train on with these", async () => { const { lines } = await post("train", { way: "data", from: queue.run.startsWith("runs/") ? queue.run : null }); say(lines[0] ?? "the training has started"); location.hash = "#train"; }, { id: "train-on", class: "main" }) : null),
      failedJob?.state === "failed" ? h("p", { class: "alarm" }, failedJob.tail.split("\n").pop()) : null);
    if (!queue.items.length && !busy) put(room, h("p", { class: "soft pad" }, "The queue is empty. A run chooses frames that it is unsure of and that differ; you accept or correct what it predicts in them."));
    if (queue.items.length && !end) {
      const first = Math.max(0, queue.items.findIndex((item) => !item.done)), item = queue.items[first];
      const holder = h("div", { class: "room" });
      put(room, holder);
      end = editor(holder, about, { source: item.source, index: item.index, queue: queue.items, at: first });
      main.where = (x, y) => holder.where(x, y);
    }
    if (busy) { end?.(); end = null; put(room, h("p", { class: "busy pad" }, "The networks look at the unlabelled frames …")); timer = setTimeout(() => draw().catch(failed), 1500); }
  }
  await draw();
  const tick = setInterval(async () => { try { const { items } = await get("queue"); const left = document.getElementById("queue-left"); if (left && items.length) left.textContent = `${items.filter((item) => item.done).length} of ${items.length} done`; } catch { /* said elsewhere */ } }, 2000);
  return () => { over = true; clearTimeout(timer); clearInterval(tick); end?.(); delete main.where; };
}
