// Labels: a frame, its bodies, and everything by keyboard.

import { h, put, say, button, failed } from "./dom.js";
import { get, known } from "./api.js";
import { Stage, sides } from "./stage.js";
import { List } from "./list.js";
import * as save from "./save.js";
import { beginForm } from "./project.js";

const KEYS = [
  ["click, drag", "place the chosen joint, move one"],
  ["J  K", "next joint, joint before"],
  ["1 … 9", "that joint"],
  ["arrows", "move the joint by 1 px, with Shift by 10"],
  ["V", "not visible: no label"],
  ["O", "hidden: labelled behind something"],
  [".  ,", "next frame, frame before (also Page Down, Page Up)"],
  ["U", "next frame without labels"],
  ["P", "take the predictions for what is missing"],
  ["Enter", "accept: take the predictions, go on"],
  ["B  Tab", "new body, next body"],
  ["Delete", "remove the body"],
  ["Ctrl Z  Ctrl Y", "undo, redo"],
  ["+  −  0", "zoom in, out, whole frame (also wheel, two fingers)"],
  ["N", "names of all joints"],
  ["?", "these keys"],
];
let last = "0/0";
let names = 1;

export async function show(main, words, about) {
  if (!about.skeleton) { put(main, beginForm(about)); return null; }
  if (words.length < 2) { history.replaceState(null, "", `#label/${last}`); words = last.split("/"); }
  const [source, index] = words.map(Number);
  return editor(main, about, { source, index });
}

/** The editor. `queue`: frames to go through instead of a source's, [{source, index, name, done, joint}]. */
export function editor(main, about, { source, index, queue = null, at = 0 }) {
  const skeleton = about.skeleton, side = sides(skeleton);
  const frame = { source, index, bodies: [], version: "", size: [1, 1], why: "", most: 1, occluded: true, guess: null, undo: [], redo: [] };
  let joint = 0, body = 0, threshold = 0.2, turn = 0, loaded = false, taken = false;
  const gone = new Set(); // joints that were said to be missing, which predictions leave so
  const empty = () => ({ uid: names++, key: null, points: skeleton.joints.map(() => [0, 0, 0]) });

  // The page.
  const status = h("span", { class: "saved", id: "saved", role: "status" });
  const title = h("h1", { id: "frame-name", title: "" });
  const banner = h("div", { id: "banner", role: "alert" });
  const holder = h("div", { class: "holder" });
  const joints = h("div", { class: "joints", role: "listbox", "aria-label": "Joints", tabindex: "0" });
  const bodies = h("div", { class: "bodies row" });
  const guessed = h("div", { class: "guessed" });
  const help = h("dialog", { class: "keys", "aria-label": "Keys" }, h("h2", {}, "Keys"), h("table", {}, KEYS.map(([key, what]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, what)))), button("Close", () => help.close()));
  const side1 = h("aside", { class: "left", "aria-label": queue ? "Queue" : "Frames" });
  const tools = h("div", { class: "tools row" },
    button("‹", () => move(-1), { "aria-label": "Frame before", title: "Frame before  ,", id: "before" }), button("›", () => move(1), { "aria-label": "Next frame", title: "Next frame  .", id: "after" }),
    queue ? null : button("Next unlabelled", () => unlabelled(), { title: "U", id: "unlabelled" }),
    button("↶", () => undo(), { "aria-label": "Undo", title: "Undo  Ctrl Z", id: "undo" }), button("↷", () => redo(), { "aria-label": "Redo", title: "Redo  Ctrl Y", id: "redo" }),
    button("+", () => stage.zoom(1.4), { "aria-label": "Zoom in" }), button("−", () => stage.zoom(1 / 1.4), { "aria-label": "Zoom out" }), button("Whole", () => stage.fit(), { title: "0", id: "whole" }),
    button("Keys ?", () => help.showModal(), { class: "quiet", id: "keys" }));
  const states = h("div", { class: "states row", role: "group", "aria-label": "This joint" });
  put(main, h("div", { class: "editor" },
    h("details", { class: "list", open: matchMedia("(min-width: 820px)").matches }, h("summary", {}, queue ? "Queue" : "Frames"), side1),
    h("section", { class: "middle" }, h("div", { class: "bar row" }, title, status), banner, holder, tools),
    h("aside", { class: "right", "aria-label": "Labels" }, h("h2", {}, "Joints"), joints, states, h("h2", {}, "Bodies"), bodies, guessed)), help);

  const stage = new Stage(holder, skeleton, {
    place(x, y) {
      if (frame.why) { say(frame.why, "alarm"); return; }
      if (!inside(x, y)) return;
      if (!current().points[joint][2]) { edit(() => { current().points[joint] = [round(x), round(y), 2]; }); missing(); }
    },
    select(b, j) { body = b; joint = j; draw(); },
    drag(b, j, x, y, done) {
      if (frame.why) return;
      const [cx, cy] = clamp(x, y), point = frame.bodies[b].points[j];
      if (!dragging) { dragging = true; remember(); }
      point[0] = round(cx); point[1] = round(cy);
      if (done) { dragging = false; changed(); } else stage.draw();
    },
  });
  let dragging = false;
  const list = queue ? null : choices();

  function choices() {
    const pick = h("select", { "aria-label": "Source", id: "source", onchange: (event) => { location.hash = `#label/${event.target.value}/0`; } }, about.sources.map((each) => h("option", { value: each.id, selected: each.id === source }, each.id ? each.name : `${each.count.toLocaleString()} pictures`)));
    const count = h("p", { class: "soft", id: "counts" });
    side1.append(pick, count);
    const made = new List(side1, source, (i) => to(i));
    made.begin().then(({ total, labelled }) => { count.textContent = `${labelled.toLocaleString()} of ${total.toLocaleString()} labelled`; made.choose(frame.index); }).catch(failed);
    return made;
  }

  if (queue) side1.append(h("div", { class: "frames plain", role: "listbox", "aria-label": "Queue" }, queue.map((item, n) => h("div", { role: "option", class: "frame", id: `item-${n}`, onclick: () => goQueue(n) }, h("img", { src: item.source ? `/picture/${item.source}/${item.index}` : `/small/0/${item.index}`, alt: "", loading: "lazy", width: 56, height: 42 }), h("span", { class: "what" }, h("b", {}, item.name.split("/").pop()), h("small", {}, `worst: ${item.joint}`)), h("span", { class: "tick" }, item.done ? "✓" : "")))));

  const round = (v) => Math.round(v * 100) / 100;
  const inside = (x, y) => x >= -0.5 && y >= -0.5 && x <= frame.size[0] - 0.5 && y <= frame.size[1] - 0.5;
  const clamp = (x, y) => [Math.min(frame.size[0] - 0.5, Math.max(-0.5, x)), Math.min(frame.size[1] - 0.5, Math.max(-0.5, y))];
  const current = () => frame.bodies[body];
  const key = () => save.frameKey(frame.source, frame.index);
  const copy = () => frame.bodies.map((each) => ({ ...each, points: each.points.map((point) => [...point]) }));

  function remember() { frame.undo.push(copy()); if (frame.undo.length > 300) frame.undo.shift(); frame.redo = []; }
  function edit(action) {
    if (frame.why) { say(frame.why, "alarm"); return; }
    if (!loaded) return;
    remember(); action(); changed();
  }
  function changed() { send(); draw(); }
  const keys = new Map(); // what the file calls a body, by what the page calls it
  function send() {
    const sent = frame.bodies.filter((each) => keyOf(each) !== null || each.points.some((point) => point[2]));
    save.change(key(), frame.name, sent.map((each) => ({ key: keyOf(each), points: each.points.map((point) => [...point]) })), frame.version, sent.map((each) => each.uid));
  }
  function keyOf(each) { return keys.has(each.uid) ? keys.get(each.uid) : each.key; }
  function undo() { if (!frame.undo.length) { say("nothing to undo"); return; } frame.redo.push(copy()); frame.bodies = frame.undo.pop(); body = Math.min(body, frame.bodies.length - 1); changed(); }
  function redo() { if (!frame.redo.length) { say("nothing to redo"); return; } frame.undo.push(copy()); frame.bodies = frame.redo.pop(); body = Math.min(body, frame.bodies.length - 1); changed(); }

  const stop = save.listen((event) => {
    if (event.key !== key()) { if (event.kind === "conflict") { say(`labels of frame ${event.key} were changed elsewhere: open it`, "alarm"); } else if (event.kind === "saved" && list) list.mark(Number(event.key.split("/")[1]), true); status_(); return; }
    if (event.kind === "saved" && event.answer) {
      frame.version = event.answer.version;
      const sent = new Set(event.item.bodies.map((each) => each.key)), made = event.answer.bodies.filter((each) => !sent.has(each.key));
      if (event.item.uids) event.item.bodies.forEach((each, n) => { if (each.key === null && made.length) keys.set(event.item.uids[n], made.shift().key); });
      // A number is of a row that ends where its body is removed: where the body comes back it is a new one.
      const there = new Set(event.answer.bodies.map((each) => each.key));
      for (const each of [frame.bodies, ...frame.undo, ...frame.redo].flat()) if (typeof keyOf(each) === "number" && !there.has(keyOf(each))) keys.set(each.uid, null);
      if (event.newer?.uids) event.newer.bodies.forEach((each, n) => { if (keys.has(event.newer.uids[n])) each.key = keys.get(event.newer.uids[n]); });
      list?.mark(frame.index, frame.bodies.some((each) => each.points.some((point) => point[2])));
      if (queue) { queue[at].done = true; const tick = document.getElementById(`item-${at}`)?.lastChild; if (tick) tick.textContent = "✓"; }
      if (!event.item.uids) load();
    }
    if (event.kind === "conflict") conflict(event.theirs);
    if (event.kind === "refused") { put(banner, h("p", { class: "alarm" }, `Not saved: ${event.text}. `, button("Show what is in the file", () => { save.forget(key()); put(banner); return load(); }))); }
    status_();
  });

  function status_() {
    const trouble = save.problem(), mine = save.waitingFor(key());
    status.textContent = trouble ? `Not saved: ${trouble}` : mine?.stuck ? "Not saved" : save.unsaved() ? "Saving …" : frame.why ? "Read only" : loaded && frame.bodies.some((each) => each.points.some((p) => p[2])) ? "Saved" : "No labels yet";
    status.className = `saved${trouble || mine?.stuck ? " alarm" : ""}`;
  }

  function conflict(theirs) {
    put(banner, h("div", { class: "alarm" }, h("p", {}, `Another program or window has changed the labels of this frame${frame.file ? ` in ${frame.file}` : ""}. Yours are not written.`),
      h("div", { class: "row" }, button("Show theirs", async () => { save.forget(key()); put(banner); await load(); }, { id: "theirs" }),
        button("Keep mine", () => {
          const there = new Set(theirs.bodies.map((each) => each.key));
          frame.version = theirs.version;
          for (const each of frame.bodies) if (!there.has(keyOf(each))) keys.set(each.uid, null);
          put(banner); send();
        }, { id: "mine" }))));
  }

  async function load() {
    const mine = ++turn;
    loaded = false;
    const where = [frame.source, frame.index];
    const answer = await get(`labels/${where[0]}/${where[1]}`);
    if (mine !== turn) return;
    Object.assign(frame, { version: answer.version, size: answer.size, why: answer.why, most: answer.most ?? 1, occluded: answer.occluded ?? false, file: answer.file, format: answer.format, guess: answer.guess, name: answer.name, undo: [], redo: [] });
    const kept = save.waitingFor(key()), waits = kept?.name === frame.name ? kept : null;
    const rows = waits ? waits.bodies : answer.bodies;
    if (waits) frame.version = waits.version;
    frame.bodies = rows.map((row) => ({ uid: names++, key: row.key, points: row.points.map((point) => [...point]) }));
    if (!frame.bodies.length) frame.bodies = [empty()];
    if (waits) { waits.uids = frame.bodies.map((each) => each.uid); if (waits.stuck) save.change(key(), frame.name, waits.bodies, waits.version, waits.uids); }
    body = Math.min(body, frame.bodies.length - 1);
    loaded = true; taken = false; gone.clear();
    title.textContent = frame.name; title.title = frame.name;
    stage.show(`/picture/${where[0]}/${where[1]}`, frame.size, `Frame ${frame.name}, ${frame.size[0]} by ${frame.size[1]} pixels`);
    list?.choose(frame.index);
    if (queue) for (const [n] of queue.entries()) document.getElementById(`item-${n}`)?.setAttribute("aria-selected", String(n === at));
    put(banner, frame.why ? h("p", { class: "note" }, frame.why) : null);
    missing(true); draw(); status_();
    const next = queue ? queue[at + 1] : { source: frame.source, index: frame.index + 1 };
    if (next) new Image().src = `/picture/${next.source}/${next.index}`;
  }

  /** The next joint without a label. */
  function missing(first = false) {
    const points = current().points, count = points.length;
    for (let n = first ? 0 : 1; n <= count; n++) { const j = ((first ? 0 : joint) + n) % count; if (!points[j][2]) { joint = j; break; } }
    draw();
  }

  function draw() {
    stage.model = { bodies: frame.bodies, body, joint, names: showNames, guess: frame.guess && hints ? frame.guess : null, threshold };
    stage.draw();
    const points = current()?.points ?? [];
    put(joints, skeleton.joints.map((name, j) => h("button", { type: "button", role: "option", class: `joint-row ${side[j]}`, "aria-selected": String(j === joint), id: `joint-${j}`, onclick: () => { joint = j; draw(); stage.svg.focus(); } },
      h("i", { class: `dot ${side[j]}${points[j]?.[2] ? (points[j][2] === 1 ? " hidden-joint" : "") : " none"}` }), h("span", { title: name }, name), h("small", {}, ["missing", "hidden", ""][points[j]?.[2] ?? 0]))));
    joints.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    const v = points[joint]?.[2] ?? 0;
    put(states, [["Visible", 2, "visible"], ["Hidden", 1, "hidden"], ["Missing", 0, "missing"]].map(([text, value, id]) => h("button", { type: "button", id: `set-${id}`, "aria-pressed": String(v === value), disabled: Boolean(frame.why) || (value === 1 && !frame.occluded) || (value > 0 && !v), title: value === 1 && !frame.occluded ? `${frame.format ?? "this format"} has no mark for hidden joints` : value > 0 && !v ? "click into the frame to place it" : "", onclick: () => set(value) }, text)));
    put(bodies, frame.bodies.map((each, b) => h("button", { type: "button", "aria-pressed": String(b === body), onclick: () => { body = b; draw(); } }, `Body ${b + 1}`)),
      frame.bodies.length < frame.most && !frame.why ? button("+ Body", newBody, { title: "B", id: "new-body" }) : null,
      frame.bodies.length > 1 && !frame.why ? button("Remove", removeBody, { title: "Delete", class: "quiet" }) : null);
    if (frame.guess) put(guessed, h("h2", {}, "Predictions"), h("p", { class: "soft" }, frame.guess.bodies.length > 1 ? `${frame.guess.bodies.length} bodies ` : "", frame.guess.from === "queue" ? "of the queue" : `of ${frame.guess.from}`, frame.guess.bodies.some((each) => each.radii.some((r) => r)) ? "; circles hold the truth in nine of ten cases" : ""),
      h("label", { class: "range" }, `Confidence from ${threshold.toFixed(2)}`, h("input", { type: "range", min: 0, max: 1, step: 0.05, value: threshold, "aria-label": "Confidence from", oninput: (event) => { threshold = Number(event.target.value); event.target.parentNode.firstChild.textContent = `Confidence from ${threshold.toFixed(2)}`; stage.model.threshold = threshold; stage.draw(); } })),
      h("div", { class: "row" }, button("Take them", take, { title: "P", id: "take" }), button("Accept, go on", accept, { title: "Enter", class: "main", id: "accept" }), h("label", { class: "check" }, h("input", { type: "checkbox", checked: hints, onchange: (event) => { hints = event.target.checked; draw(); } }), "show")));
    else put(guessed);
    document.getElementById("undo").classList.toggle("dim", !frame.undo.length);
    document.getElementById("redo").classList.toggle("dim", !frame.redo.length);
  }
  let showNames = false, hints = true;

  function set(value) {
    const point = current().points[joint];
    if (value === 1 && !frame.occluded) { say(`${frame.format} has no mark for hidden joints`, "alarm"); return; }
    if (value && !point[2]) { say("place the joint first: click into the frame"); return; }
    if (point[2] === value) return;
    if (!value) gone.add(`${current().uid}/${joint}`);
    edit(() => { current().points[joint] = value ? [point[0], point[1], value] : [0, 0, 0]; });
  }
  /** Predicted bodies and the bodies that they are of: labelled ones by the least distance, then empty ones, then new
      ones (null) as far as there is room. */
  function pairs() {
    const seen = (points, j) => points[j][2] >= threshold && points[j][2] > 0 && inside(points[j][0], points[j][1]);
    const free = new Set(frame.guess.bodies.filter(({ points }) => points.some((_, j) => seen(points, j)))), open = new Set(frame.bodies), made = [];
    const alone = free.size === 1 && (frame.most === 1 || open.size === 1), near = [];
    for (const each of open) for (const guess of free) {
      const both = each.points.map((_, j) => j).filter((j) => each.points[j][2] && guess.points[j][2]);
      const xs = guess.points.filter((point) => point[2]), size = Math.max(...[0, 1].map((k) => Math.max(...xs.map((point) => point[k])) - Math.min(...xs.map((point) => point[k]))));
      const far = both.reduce((sum, j) => sum + Math.hypot(each.points[j][0] - guess.points[j][0], each.points[j][1] - guess.points[j][1]), 0) / both.length;
      if (both.length && (alone || far <= Math.max(10, size / 2))) near.push([far, each, guess]);
    }
    const match = (each, guess) => { made.push([each, guess]); open.delete(each); free.delete(guess); };
    for (const [, each, guess] of near.sort((one, other) => one[0] - other[0])) if (open.has(each) && free.has(guess)) match(each, guess);
    for (const each of [current(), ...frame.bodies]) if (open.has(each) && free.size && !each.points.some((point) => point[2])) match(each, [...free][0]);
    let room = frame.most - frame.bodies.length;
    for (const guess of [...free]) if (room-- > 0) match(null, guess);
    return made.map(([each, guess]) => [each, guess, guess.points.map((_, j) => j).filter((j) => seen(guess.points, j) && !(each && (each.points[j][2] || gone.has(`${each.uid}/${j}`))))]).filter(([, , joints]) => joints.length);
  }
  function take() {
    if (!frame.guess) { say("nothing is predicted here"); return; }
    const found = pairs();
    taken = true;
    if (!found.length) { say("nothing that is predicted here is missing"); return; }
    edit(() => { for (const [there, guess, js] of found) { const each = there ?? empty(); if (!there) frame.bodies.push(each); for (const j of js) each.points[j] = [round(guess.points[j][0]), round(guess.points[j][1]), 2]; } });
    missing(true);
  }
  async function accept() { if (frame.guess && !frame.why && !taken && pairs().length) take(); await move(1); }
  function newBody() { if (frame.bodies.length >= frame.most) { say(`${frame.file} has room for ${frame.most} bodies in a picture`); return; } edit(() => frame.bodies.push(empty())); body = frame.bodies.length - 1; joint = 0; draw(); }
  function removeBody() { edit(() => { frame.bodies.splice(body, 1); if (!frame.bodies.length) frame.bodies.push(empty()); body = Math.max(0, body - 1); }); }

  function to(i) {
    if (i < 0 || (list?.total && i >= list.total)) { say(i < 0 ? "this is the first frame" : "this is the last frame"); return Promise.resolve(); }
    frame.index = i; last = `${frame.source}/${i}`;
    history.replaceState(null, "", `#label/${last}`);
    return load();
  }
  function goQueue(n) {
    if (n < 0 || n >= queue.length) { say(n < 0 ? "this is the first one" : "this was the last one of the queue"); return Promise.resolve(); }
    at = n; frame.source = queue[n].source; frame.index = queue[n].index;
    document.getElementById(`item-${n}`)?.scrollIntoView({ block: "nearest" });
    return load();
  }
  const move = (by) => (queue ? goQueue(at + by) : to(frame.index + by));
  async function unlabelled() {
    const { index: next } = await get(`unlabelled/${frame.source}/${frame.index}?step=1`);
    if (next === null) say("every frame after this one has labels"); else await to(next);
  }

  const act = {
    j: () => { joint = (joint + 1) % skeleton.joints.length; draw(); }, k: () => { joint = (joint + skeleton.joints.length - 1) % skeleton.joints.length; draw(); },
    v: () => set(0), o: () => set(current().points[joint][2] === 1 ? 2 : 1), ".": () => move(1), ",": () => move(-1), PageDown: () => move(1), PageUp: () => move(-1),
    u: unlabelled, p: take, b: newBody, n: () => { showNames = !showNames; draw(); }, Delete: removeBody, "+": () => stage.zoom(1.4), "=": () => stage.zoom(1.4), "-": () => stage.zoom(1 / 1.4), 0: () => stage.fit(), "?": () => help.showModal(),
  };
  function onKey(event) {
    if (help.open || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range") return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let action = null;
    if (event.ctrlKey || event.metaKey) action = name === "z" ? (event.shiftKey ? redo : undo) : name === "y" ? redo : null;
    else if (event.altKey) action = null;
    else if (name.startsWith("Arrow") && event.target === stage.svg) action = () => nudge(name, event.shiftKey ? 10 : 1);
    else if (name === "Enter" && event.target.tagName !== "BUTTON") action = accept;
    else if (name === "Tab" && event.target === stage.svg && frame.bodies.length > 1 && !event.shiftKey && body < frame.bodies.length - 1) action = () => { body += 1; draw(); };
    else if (/^[1-9]$/.test(name)) action = () => { if (Number(name) <= skeleton.joints.length) { joint = Number(name) - 1; draw(); } };
    else action = act[name];
    if (!action) return;
    event.preventDefault();
    Promise.resolve(action()).catch(failed);
  }
  function nudge(name, by) {
    const [dx, dy] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[name], point = current().points[joint];
    if (!point[2]) { stage.pan(-dx * 20, -dy * 20); return; }
    edit(() => { const [x, y] = clamp(point[0] + dx, point[1] + dy); current().points[joint] = [round(x), round(y), point[2]]; });
  }
  addEventListener("keydown", onKey);
  last = queue ? last : `${source}/${index}`;
  const begun = queue ? goQueue(at) : load();
  begun.then(() => stage.svg.focus({ preventScroll: true })).catch((error) => put(banner, h("p", { class: "alarm" }, error.message)));
  // For tests: where a point of the frame is on the page.
  main.where = (x, y) => { const [px, py] = stage.out(x, y), [, , left, top] = stage.box(); return [px + left, py + top]; };
  return () => { removeEventListener("keydown", onKey); stop(); stage.end(); list?.end(); delete main.where; };
}

export { known };
