// A frame with what is in it: zoom, pan, joints to drag. Pixel centres are at whole numbers.

import { s } from "./dom.js";

const CLICK = 5;

export function sides(skeleton) {
  const side = skeleton.joints.map(() => "centre");
  for (const [left, right] of skeleton.pairs) { side[left] = "left"; side[right] = "right"; }
  return side;
}

export class Stage {
  /** `on`: place(x, y), select(body, joint), drag(body, joint, x, y, done). */
  constructor(host, skeleton, on = {}) {
    this.skeleton = skeleton;
    this.side = sides(skeleton);
    this.on = on;
    this.size = [1, 1];
    this.model = { bodies: [], guess: null, body: 0, joint: 0, names: false, threshold: 0 };
    this.picture = s("image", { preserveAspectRatio: "none" });
    this.marks = s("g");
    this.svg = s("svg", { class: "stage", tabindex: "0", role: "application", "aria-label": "Frame" }, this.picture, this.marks);
    host.append(this.svg);
    for (const event of ["load", "error"]) this.picture.addEventListener(event, () => host.classList.remove("loading"));
    this.host = host;
    this.fitted = true;
    this.k = 1; this.tx = 0; this.ty = 0;
    this.watch = new ResizeObserver(() => { if (this.fitted) this.fit(); else this.draw(); });
    this.watch.observe(this.svg);
    this.listen();
  }

  end() { this.watch.disconnect(); }

  show(url, size, label) {
    const same = this.size[0] === size[0] && this.size[1] === size[1];
    this.size = size;
    if (this.picture.getAttribute("href") !== url) this.host.classList.add("loading");
    this.picture.setAttribute("href", url);
    this.svg.setAttribute("aria-label", label);
    if (!same || this.fitted) this.fit();
  }

  box() { const box = this.svg.getBoundingClientRect(); return [box.width || 1, box.height || 1, box.left, box.top]; }

  fit() {
    const [w, h] = this.box();
    this.k = Math.min(w / this.size[0], h / this.size[1]);
    this.tx = (w - this.k * this.size[0]) / 2;
    this.ty = (h - this.k * this.size[1]) / 2;
    this.fitted = true;
    this.draw();
  }

  zoom(factor, x, y) {
    const [w, h] = this.box();
    x ??= w / 2; y ??= h / 2;
    const k = Math.min(64, Math.max(0.02, this.k * factor));
    this.tx = x - (x - this.tx) * k / this.k;
    this.ty = y - (y - this.ty) * k / this.k;
    this.k = k;
    this.fitted = false;
    this.draw();
  }

  pan(dx, dy) { this.tx += dx; this.ty += dy; this.fitted = false; this.draw(); }

  /** Image pixels -> pixels of the page, and back. */
  out(x, y) { return [(x + 0.5) * this.k + this.tx, (y + 0.5) * this.k + this.ty]; }
  back(x, y) { return [(x - this.tx) / this.k - 0.5, (y - this.ty) / this.k - 0.5]; }

  listen() {
    const pointers = new Map();
    let start = null, last = null, moved = false, held = null, spread = 0;
    const at = (event) => { const [, , left, top] = this.box(); return [event.clientX - left, event.clientY - top]; };
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...at(event));
    }, { passive: false });
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      this.svg.setPointerCapture(event.pointerId);
      this.svg.focus({ preventScroll: true });
      pointers.set(event.pointerId, at(event));
      if (pointers.size === 2) {
        if (held && moved) this.on.drag(held[0], held[1], ...this.back(last[0] + held[2], last[1] + held[3]), true);
        held = null;
        const [a, b] = [...pointers.values()]; spread = Math.hypot(a[0] - b[0], a[1] - b[1]); moved = true; return;
      }
      start = at(event); last = start; moved = false;
      const mark = event.target.closest?.("[data-joint]");
      held = mark && event.button === 0 && this.on.drag ? [Number(mark.dataset.body), Number(mark.dataset.joint)] : null;
      if (held) { const [x, y] = this.model.bodies[held[0]].points[held[1]]; const there = this.out(x, y); held.push(there[0] - start[0], there[1] - start[1]); }
      event.preventDefault();
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId)) return;
      const here = at(event), before = pointers.get(event.pointerId);
      pointers.set(event.pointerId, here);
      if (pointers.size === 2) {
        const [a, b] = [...pointers.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (spread > 0) this.zoom(now / spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
        spread = now;
        return;
      }
      if (!start) return;
      if (!moved && Math.hypot(here[0] - start[0], here[1] - start[1]) > CLICK) {
        moved = true;
        if (held) this.on.select?.(held[0], held[1]);
      }
      if (!moved) return;
      last = here;
      if (held) this.on.drag(held[0], held[1], ...this.back(here[0] + held[2], here[1] + held[3]), false);
      else this.pan(here[0] - before[0], here[1] - before[1]);
    });
    const end = (event) => {
      if (!pointers.delete(event.pointerId)) return;
      const here = at(event);
      if (held && moved) this.on.drag(held[0], held[1], ...this.back(here[0] + held[2], here[1] + held[3]), true);
      else if (!moved && start && event.type === "pointerup" && event.button === 0) {
        // Joints may lie close together: while one is to be placed, a click on another places it all the same.
        const { bodies, body, joint } = this.model;
        if (held && bodies[body]?.points[joint]?.[2]) this.on.select?.(held[0], held[1]);
        else this.on.place?.(...this.back(...here));
      }
      held = null; start = null;
    };
    this.svg.addEventListener("pointerup", end);
    this.svg.addEventListener("pointercancel", end);
  }

  draw() {
    const { k, tx, ty, size, model } = this;
    this.picture.setAttribute("x", tx);
    this.picture.setAttribute("y", ty);
    this.picture.setAttribute("width", size[0] * k);
    this.picture.setAttribute("height", size[1] * k);
    this.picture.setAttribute("class", k > 3 ? "pixels" : "");
    const parts = [];
    if (model.guess) parts.push(this.guess(model.guess, model.threshold));
    model.bodies.forEach((body, b) => parts.push(this.body(body, b)));
    this.marks.replaceChildren(...parts);
  }

  body(body, b) {
    const { joints, limbs } = this.skeleton, mine = b === this.model.body || this.model.body === -1;
    const group = s("g", { class: mine ? "body mine" : "body" });
    for (const [from, to] of limbs) {
      const one = body.points[from], other = body.points[to];
      if (!one[2] || !other[2]) continue;
      const [x1, y1] = this.out(one[0], one[1]), [x2, y2] = this.out(other[0], other[1]);
      group.append(s("line", { class: "limb", x1, y1, x2, y2 }));
    }
    const order = body.points.map((_, j) => j).sort((a, b2) => (a === this.model.joint) - (b2 === this.model.joint));
    order.forEach((j) => {
      const [x, y, v] = body.points[j];
      if (!v) return;
      const [cx, cy] = this.out(x, y), chosen = mine && j === this.model.joint;
      const hidden = v === 1 ? " hidden-joint" : "";
      const mark = s("g", { class: `joint ${this.side[j]}${hidden}${chosen ? " chosen" : ""}`, "data-body": b, "data-joint": j });
      mark.append(s("circle", { class: "hit", cx, cy, r: 15 }), s("circle", { class: "dot", cx, cy, r: chosen ? 7 : 5.5 }));
      if (chosen) mark.append(s("circle", { class: "ring", cx, cy, r: 12 }));
      if (chosen || (this.model.names && mine)) mark.append(s("text", { x: cx + 14, y: cy + 4 }, joints[j]));
      mark.append(s("title", {}, joints[j]));
      group.append(mark);
    });
    return group;
  }

  guess(guess, threshold) {
    const group = s("g", { class: "guess" });
    for (const { points, radii } of guess.bodies) points.forEach(([x, y, sure], j) => {
      if (!sure || sure < threshold) return;
      const [cx, cy] = this.out(x, y), radius = radii[j];
      if (radius) group.append(s("circle", { class: `bar ${this.side[j]}`, cx, cy, r: radius * this.k }));
      group.append(s("path", { class: this.side[j], d: `M${cx - 5} ${cy}h10M${cx} ${cy - 5}v10` }, s("title", {}, `${this.skeleton.joints[j]}: confidence ${sure.toFixed(2)}${radius ? `, within ${radius.toFixed(1)} px in nine of ten cases` : ""}`)));
    });
    return group;
  }
}
