// The key browser: keys by prefix, a page at a time; a key shows its document, and where it lives.
import {ask, askJson, grouped, keyInPath, keyText} from "/api.js";
import {showDocument, whenDeleted} from "/document.js";
import {showOnRing} from "/ring.js";

const prefix = document.getElementById("prefix");
const list = document.getElementById("keys");
const more = document.getElementById("more");
const count = document.getElementById("count");
let next = null;
let asked = 0;

async function show(key, button) {
  list.querySelector('[aria-current="true"]')?.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  const [, where] = await Promise.all([showDocument(key), askJson(`/v1/locate/${keyInPath(key)}`)]);
  showOnRing(keyText(key), where);
}

function add(key) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = keyText(key);
  button.addEventListener("click", () => show(key, button).catch((error) => { count.textContent = error.message; }));
  item.append(button);
  list.append(item);
}

async function load(path, fresh) {
  const turn = ++asked;
  const answer = await ask("GET", path);
  if (turn !== asked) return;
  if (fresh) list.replaceChildren();
  if (!answer.ok) {
    count.textContent = answer.problem;
    return;
  }
  JSON.parse(answer.text).forEach(add);
  next = /<([^>]*)>/.exec(answer.link ?? "")?.[1] ?? null;
  more.hidden = next === null;
  if (!fresh) return;
  const total = await askJson(`/v1/count?prefix=${encodeURIComponent(prefix.value)}`);
  if (turn === asked) count.textContent = `${grouped(total)} ${total === 1 ? "key" : "keys"}`;
}

const reload = () => load(`/v1/keys?limit=100&prefix=${encodeURIComponent(prefix.value)}`, true).catch(() => {});
/// Of a cluster that was not there yet when the keys were asked for.
export function reloadIfEmpty() {
  if (list.children.length === 0) reload();
}
prefix.addEventListener("input", reload);
document.getElementById("browser").addEventListener("submit", (event) => { event.preventDefault(); reload(); });
whenDeleted(reload);
more.addEventListener("click", () => load(next, false).catch(() => {}));
reload();
