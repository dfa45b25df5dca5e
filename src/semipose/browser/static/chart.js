// Lines over steps or frames.

import { h, s } from "./dom.js";

const WIDE = 520, HIGH = 190, LEFT = 46, BOTTOM = 24, TOP = 10, RIGHT = 10;

/** `lines`: [{name, x, y, color}] with null where nothing was measured. `pick(x)` is called where the chart is clicked. */
export function chart(title, lines, { log = false, share = false, zero = false, pick = null, unit = "step", mark = null } = {}) {
  const kept = lines.map((line) => ({ ...line, points: line.x.map((x, i) => [x, line.y[i]]).filter(([x, y]) => x !== null && y !== null && isFinite(y) && (!log || y > 0)) })).filter((line) => line.points.length);
  if (!kept.length) return null;
  const every = kept.flatMap((line) => line.points), value = (y) => (log ? Math.log10(y) : y);
  const range = (values) => values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  let [x0, x1] = range(every.map(([x]) => x)), [y0, y1] = range(every.map(([, y]) => value(y)));
  if (x0 === x1) { x0 -= 0.5; x1 += 0.5; }
  if (zero) y0 = Math.min(0, y0);
  if (share) { y0 = Math.min(0, y0); y1 = Math.max(y1, 0.05); }
  if (y0 === y1) { y0 -= 0.5; y1 += 0.5; }
  const px = (x) => LEFT + ((x - x0) / (x1 - x0)) * (WIDE - LEFT - RIGHT), py = (y) => TOP + ((y1 - value(y)) / (y1 - y0)) * (HIGH - TOP - BOTTOM);
  const svg = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${title}, ${kept.map((line) => line.name).join(", ")}`, class: pick ? "pick" : "" });
  for (let n = 0; n <= 3; n++) {
    const at = y0 + ((y1 - y0) * n) / 3, raw = log ? 10 ** at : at, y = TOP + ((y1 - at) / (y1 - y0)) * (HIGH - TOP - BOTTOM);
    svg.append(s("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y, y2: y }), s("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, share ? `${Math.round(100 * raw)} %` : short(raw)));
  }
  const left = Math.ceil(x0), right = Math.floor(x1);
  svg.append(s("text", { x: LEFT, y: HIGH - 6 }, `${unit} ${left}`), s("text", { x: WIDE - RIGHT, y: HIGH - 6, "text-anchor": "end" }, String(right)));
  for (const line of kept) {
    const d = line.points.map(([x, y], i) => `${i ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("");
    svg.append(s("path", { class: `line c${line.color % 6}`, d }));
    if (line.points.length === 1) svg.append(s("circle", { class: `point c${line.color % 6}`, cx: px(line.points[0][0]), cy: py(line.points[0][1]), r: 3 }));
  }
  const bar = s("line", { class: "now", y1: TOP, y2: HIGH - BOTTOM, x1: -9, x2: -9 });
  const tag = s("text", { class: "now", y: TOP + 10 });
  svg.append(bar, tag);
  const to = (x) => { bar.setAttribute("x1", px(x)); bar.setAttribute("x2", px(x)); };
  if (mark !== null) to(mark);
  const at = (event) => { const box = svg.getBoundingClientRect(); return x0 + (((event.clientX - box.left) / box.width) * WIDE - LEFT) / (WIDE - LEFT - RIGHT) * (x1 - x0); };
  if (pick) {
    const nearest = (x) => kept[0].points.reduce((best, [each]) => (Math.abs(each - x) < Math.abs(best - x) ? each : best), kept[0].points[0][0]);
    svg.addEventListener("pointermove", (event) => { const x = nearest(at(event)); tag.textContent = `${unit} ${x}`; tag.setAttribute("x", Math.min(px(x) + 5, WIDE - 90)); to(x); });
    svg.addEventListener("click", (event) => pick(nearest(at(event))));
  }
  const legend = kept.length > 1 ? h("ul", { class: "legend" }, kept.map((line) => h("li", {}, h("i", { class: `key c${line.color % 6}` }), line.name))) : null;
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, title), svg, legend);
  figure.mark = to;
  return figure;
}

function short(value) {
  const size = Math.abs(value);
  if (size && size < 0.01) return value.toExponential(1);
  return size >= 1000 ? `${(value / 1000).toFixed(1)}k` : size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
