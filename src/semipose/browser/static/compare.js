// Runs beside each other, and the report of each.

import { h, put, percent, failed } from "./dom.js";
import { get } from "./api.js";

export async function show(main, words) {
  if (words[0] === "check") { put(main, h("div", { class: "paging" }, h("p", {}, h("a", { href: "#project" }, "‹ Project")), frame("/page/check", "Checks"))); return null; }
  const { runs } = await get("runs"), able = runs.filter((row) => row.pck !== null || row.step);
  if (!able.length) { put(main, h("section", { class: "card empty" }, h("h1", {}, "Compare"), h("p", {}, "There is no run with a score yet."), h("a", { class: "button main", href: "#train" }, "Train"))); return null; }
  const wanted = words[0] ? decodeURIComponent(words.join("/")) : null;
  const chosen = new Set(wanted ? [wanted] : able.slice(0, 2).map((row) => row.name));
  const table = h("div", {}), page = h("div", {});
  const picks = h("div", { class: "row picks", role: "group", "aria-label": "Runs" }, able.map((row) => h("label", { class: "check", title: row.name }, h("input", { type: "checkbox", checked: chosen.has(row.name), onchange: (event) => { if (event.target.checked) chosen.add(row.name); else chosen.delete(row.name); draw().catch(failed); } }), row.name.replace(/^runs\//, ""))));
  put(main, h("div", { class: "paging" }, h("section", { class: "card" }, h("h1", {}, "Compare"), picks, table), page));

  let turn = 0;
  async function draw() {
    const mine = ++turn;
    if (!chosen.size) { put(table, h("p", { class: "soft" }, "Choose a run.")); put(page); return; }
    const words = [...chosen].map((name) => `run=${encodeURIComponent(name)}`).join("&");
    const found = await get(`compare?${words}`);
    if (mine !== turn) return;
    put(table, found.headline ? h("p", { class: "headline" }, found.headline) : null, found.cautions.map((text) => h("p", { class: "note" }, text)), h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Run", "Network", "PCK", "Swapped"].map((text) => h("th", {}, text)))), h("tbody", {}, found.rows.map((row) => h("tr", { class: row.best ? "best" : "" }, h("th", { scope: "row" }, row.first ? row.run : ""), h("td", {}, row.network), h("td", {}, percent(row.pck)), h("td", {}, percent(row.swap))))))));
    put(page, frame(`/page/report?${words}`, "Report"));
  }
  await draw();
  return null;
}

function frame(src, title) { return h("iframe", { src, title, sandbox: "", class: "page" }); }
