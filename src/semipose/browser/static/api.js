// Questions to the server. What fails is an Error with one line; `status` is 0 where the server did not answer.

async function ask(method, path, content, keepalive = false) {
  const init = { method, keepalive, credentials: "same-origin" };
  if (content !== undefined) {
    init.body = JSON.stringify(content);
    init.headers = { "content-type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw Object.assign(new Error("the server does not answer; start semipose ui again"), { status: 0 });
  }
  let found = {};
  const text = await answer.text();
  try { found = JSON.parse(text); } catch { found = { error: text.slice(0, 300) }; }
  if (!answer.ok) throw Object.assign(new Error(found.error || `error ${answer.status}`), { status: answer.status, found });
  return found;
}

export const get = (path) => ask("GET", `/api/${path}`);
export const post = (path, content = {}) => ask("POST", `/api/${path}`, content);
export const put = (path, content, keepalive) => ask("PUT", `/api/${path}`, content, keepalive);
export const query = (values) => new URLSearchParams(values).toString();

let project = null;
/** What is known of the project; asked for again when something has changed. */
export async function overview(again = false) {
  if (!project || again) project = await get("project");
  return project;
}
export const known = () => project;
export function learn(answer) { project = answer; }
