// Labels on their way to the file. What is not saved yet is kept in this browser too, so that nothing is lost where the
// page is left, or the server ends.

import { put } from "./api.js";

const DELAY = 250, AGAIN = 1000;
let store = null;
const waiting = new Map(), mine = new Set();
const listeners = new Set();
let timer = null, busy = false, trouble = "";

export const frameKey = (source, index) => `${source}/${index}`;
export function listen(listener) { listeners.add(listener); return () => listeners.delete(listener); }
function tell(event) { for (const listener of [...listeners]) listener(event); }
export const unsaved = () => waiting.size > 0 || busy;
export const problem = () => trouble;

/** What another page of this project could not save either stays. */
function keep() {
  if (!store) return;
  try {
    const others = kept().filter(([key]) => !mine.has(key));
    const rows = [...others, ...[...waiting].map(([key, item]) => [key, { bodies: item.bodies, version: item.version, name: item.name }])];
    if (rows.length) localStorage.setItem(store, JSON.stringify(rows));
    else localStorage.removeItem(store);
  } catch { /* the browser keeps nothing; the server still does */ }
}

function kept() {
  try { return JSON.parse(localStorage.getItem(store) ?? "[]"); } catch { return []; }
}

/** Begin with what an earlier page of this project could not save. */
export function resume(project) {
  const name = `semipose:${project}`;
  if (store === name) return;
  store = name;
  for (const [key, item] of kept()) {
    if (!waiting.has(key)) waiting.set(key, { ...item, uids: null, stuck: false });
    mine.add(key);
  }
  if (waiting.size) plan(0);
}

export const waitingFor = (key) => waiting.get(key);

/** Save a frame's labels soon. `uids`: what the page calls each body, to learn its key by. */
export function change(key, name, bodies, version, uids) {
  waiting.set(key, { bodies, version, name, uids, stuck: false });
  mine.add(key);
  keep();
  tell({ kind: "waiting", key });
  plan(DELAY);
}

/** What is saved is no longer this page's to write: another page may wait with the same frame. */
function settle() {
  keep();
  for (const key of [...mine]) if (!waiting.has(key)) mine.delete(key);
}

export function forget(key) { waiting.delete(key); settle(); tell({ kind: "saved", key }); }

function same(mine, theirs) {
  const points = (bodies) => JSON.stringify(bodies.map((each) => each.points).filter((each) => each.some((point) => point[2])));
  return points(mine) === points(theirs);
}

function plan(delay) { clearTimeout(timer); timer = setTimeout(flush, delay); }

async function flush() {
  if (busy) return;
  const entry = [...waiting].find(([, item]) => !item.stuck);
  if (!entry) return;
  const [key, item] = entry;
  busy = true;
  let delay = 0;
  try {
    const answer = await put(`labels/${key}`, { bodies: item.bodies, version: item.version, name: item.name }, true).catch((error) => {
      // A page that was left has sent the same already, and could not hear the answer.
      if (error.status === 409 && same(item.bodies, error.found.bodies)) return error.found;
      throw error;
    });
    trouble = "";
    const newer = waiting.get(key);
    if (newer === item) waiting.delete(key);
    else if (newer) newer.version = answer.version;
    busy = false;
    tell({ kind: "saved", key, answer, item, newer: newer === item ? null : newer });
  } catch (error) {
    if (error.status === 409) {
      item.stuck = true;
      trouble = "";
      tell({ kind: "conflict", key, theirs: error.found });
    } else if (error.status === 400 || error.status === 413) {
      item.stuck = true;
      trouble = error.message;
      tell({ kind: "refused", key, text: error.message });
    } else {
      trouble = error.status === 403 ? "the server was started again: open its new address" : error.message;
      tell({ kind: "offline", key, text: trouble });
      delay = AGAIN;
    }
  } finally {
    if (busy) { busy = false; tell({ kind: "idle", key: "" }); }
    settle();
    plan(delay);
  }
}

addEventListener("pagehide", () => {
  keep();
  for (const [key, item] of waiting) if (!item.stuck) put(`labels/${key}`, { bodies: item.bodies, version: item.version, name: item.name }, true).catch(() => {});
});
