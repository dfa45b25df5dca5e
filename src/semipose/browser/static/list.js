// A list of any length: only the rows that are seen are there, and asked for.

import { h } from "./dom.js";
import { get, query } from "./api.js";

const ROW = 52, PAGE = 60, KEPT = 30, TALLEST = 12_000_000;

export class List {
  /** `go(index)` is called for the row that is chosen. */
  constructor(host, source, go) {
    this.source = source; this.go = go; this.total = 0; this.index = -1; this.pages = new Map();
    this.space = h("div", { class: "space" });
    this.box = h("div", { class: "frames", role: "listbox", tabindex: "0", "aria-label": "Frames" }, this.space);
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    this.box.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (by && this.total) { event.preventDefault(); event.stopPropagation(); this.go(Math.min(this.total - 1, Math.max(0, this.index + by))); }
    });
    host.append(this.box);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.box);
  }

  end() { this.watch.disconnect(); }

  // Browsers end at some height: of millions of rows the scroll bar moves in larger steps.
  get height() { return Math.min(TALLEST, this.total * ROW); }
  get first() {
    const room = Math.max(1, this.height - this.box.clientHeight);
    return this.height < TALLEST ? this.box.scrollTop / ROW : (this.box.scrollTop / room) * Math.max(0, this.total - this.box.clientHeight / ROW);
  }

  async page(number) {
    if (!this.pages.has(number)) {
      const asked = get(`frames/${this.source}?${query({ start: number * PAGE, count: PAGE })}`);
      this.pages.set(number, asked);
      if (this.pages.size > KEPT) this.pages.delete(this.pages.keys().next().value);
      asked.catch(() => this.pages.delete(number));
    }
    return this.pages.get(number);
  }

  async begin() {
    const { total, labelled } = await this.page(0);
    this.total = total;
    this.space.style.height = `${this.height}px`;
    this.draw();
    return { total, labelled };
  }

  mark(index, labelled) {
    const asked = this.pages.get(Math.floor(index / PAGE));
    asked?.then((page) => { const row = page.rows.find((each) => each.i === index); if (row) row.labelled = labelled; this.draw(); });
  }

  choose(index) {
    this.index = index;
    const seen = this.box.clientHeight / ROW, first = this.first;
    if (index < first || index > first + seen - 1) {
      const top = Math.max(0, index - seen / 2);
      this.box.scrollTop = this.height < TALLEST ? top * ROW : (top / Math.max(1, this.total - seen)) * (this.height - this.box.clientHeight);
    }
    this.draw();
  }

  async draw() {
    if (!this.total || !this.box.clientHeight) return;
    const first = Math.max(0, Math.floor(this.first)), last = Math.min(this.total - 1, first + Math.ceil(this.box.clientHeight / ROW) + 1);
    const offset = this.box.scrollTop - (this.first - first) * ROW;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const wanted = [];
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) wanted.push(this.page(page));
    let pages;
    try { pages = await Promise.all(wanted); } catch { return; }
    if (turn !== this.turn) return;
    const rows = pages.flatMap((page) => page.rows).filter((row) => row.i >= first && row.i <= last);
    this.space.replaceChildren(...rows.map((row) => this.row(row, offset + (row.i - first) * ROW)));
  }

  row(row, top) {
    const chosen = row.i === this.index;
    const line = h("div", { role: "option", class: "frame", "aria-selected": String(chosen), id: `frame-${row.i}`, onclick: () => this.go(row.i) });
    line.style.top = `${top}px`;
    if (this.source === 0) line.append(h("img", { src: `/small/0/${row.i}`, alt: "", loading: "lazy", width: 56, height: 42 }));
    const short = row.name.split("/");
    line.append(h("span", { class: "what", title: row.name }, h("b", {}, short.pop()), h("small", {}, short.join("/"))), h("span", { class: row.labelled ? "tick" : "tick none", title: row.labelled ? "labelled" : "not labelled" }, row.labelled ? "✓" : ""));
    if (row.labelled) line.append(h("span", { class: "unseen" }, "labelled"));
    return line;
  }
}
