// The console: lines as in the shell, which the gateway reads and prints by the shell's own grammar.
import {ask, askJson, keyText} from "/api.js";
import {COMMANDS, KEY_COMMANDS} from "/commands.js";
import {showOnRing} from "/ring.js";

const input = document.getElementById("command");
const answers = document.getElementById("answers");
const list = document.getElementById("completions");
const history = [];
let place = 0;
let asked = 0;

const MOST_OFFERED = 12;
const SHOWN_LINES = 40;
const SHOWN_SIZE = 4000; // characters

/// Adds an answer; a long one is cut.
/// @param askAll  what brings the rest of one that the gateway has cut, or null
function print(kind, text, askAll = null) {
  const line = document.createElement("div");
  line.className = kind;
  const lines = text.split("\n");
  // Columns stand below each other only where no line is broken.
  if (kind === "answer" && lines.length > 1 && lines.every((one) => one.length <= 160)) line.classList.add("table");
  const cut = lines.slice(0, SHOWN_LINES).join("\n").slice(0, SHOWN_SIZE);
  line.textContent = cut;
  if (cut.length < text.length || askAll) {
    const all = Object.assign(document.createElement("button"), {type: "button", textContent: "show all"});
    all.addEventListener("click", async () => {
      all.disabled = true;
      line.textContent = askAll ? await askAll() : text;
      line.tabIndex = -1;
      line.focus();
    });
    line.append("\n… ", all);
  }
  answers.append(line);
  while (answers.childElementCount > 500) answers.firstChild.remove();
  answers.scrollTop = answers.scrollHeight;
}

async function askConsole(line, all) {
  const answer = await ask("POST", "/v1/console", JSON.stringify({line, all}));
  if (!answer.ok) throw new Error(answer.problem);
  return JSON.parse(answer.text);
}

async function everything(line) {
  try {
    const {out, err, more} = await askConsole(line, true);
    return out + err + (more ? "… and more: trellis scan, in the system's shell, prints any number\n" : "");
  } catch (error) {
    return `ERROR: ${error.message}`;
  }
}

async function run(line) {
  print("asked", `> ${line}`);
  try {
    const {out, err, more} = await askConsole(line, false);
    for (const told of err.trimEnd().split("\n").filter(Boolean)) print(told.startsWith("WARNING") ? "warning" : "error", told);
    if (out) print("answer", out.trimEnd(), more ? () => everything(line) : null);
    const located = /^partition (\d+)/.exec(out);
    if (located && /^\s*locate\s/i.test(line)) showOnRing(line.trim().split(/\s+/)[1], {partition: Number(located[1])});
  } catch (error) {
    print("error", `ERROR: ${error.message}`);
  }
}

// Completion: commands for the first word, keys for the second, and in a path the fields.

/// What could stand for the word at the line's end: [line in front of it, candidates].
async function candidates(line) {
  const first = /^\s*(\w*)$/.exec(line);
  if (first) {
    const begun = first[1].toUpperCase();
    return ["", COMMANDS.filter((name) => name.startsWith(begun)).map((name) => `${name} `)];
  }
  const path = /^(\s*query\s+)([^\s."]+(?:\.[\w-]+)*)\.([\w-]*)$/i.exec(line);
  if (path) return [path[1], await fields(path[2], path[3])];
  const second = /^(\s*(\w+)\s+)([^\s."]*)$/.exec(line);
  if (!second || !KEY_COMMANDS.includes(second[2].toUpperCase())) return [line, []];
  const keys = await askJson(`/v1/keys?limit=${MOST_OFFERED}&consistency=stale&prefix=${encodeURIComponent(second[3])}`);
  return [second[1], keys.map((key) => (/^[\w-]+$/.test(keyText(key)) ? key : JSON.stringify(keyText(key))))];
}

/// The paths that lead to the fields of the map at `path` whose names begin with `begun`.
async function fields(path, begun) {
  const [key, ...steps] = path.split(".").map(encodeURIComponent);
  const route = steps.length ? `/v1/query/${key}/${steps.join("/")}` : `/v1/keys/${key}`;
  const value = await askJson(`${route}?consistency=stale`);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  const names = Object.keys(value).filter((name) => name.startsWith(begun)).slice(0, MOST_OFFERED);
  return names.map((name) => `${path}.${/^[\w-]+$/.test(name) ? name : JSON.stringify(name)}`);
}

function close() {
  list.hidden = true;
  list.replaceChildren();
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

const selected = () => list.querySelector('[aria-selected="true"]');

function select(item) {
  selected()?.setAttribute("aria-selected", "false");
  item.setAttribute("aria-selected", "true");
  item.scrollIntoView({block: "nearest"});
  input.setAttribute("aria-activedescendant", item.id);
}

function take(item) {
  input.value = item.dataset.line;
  close();
  input.focus();
}

async function offer(always) {
  const line = input.value;
  const turn = ++asked;
  const [front, found] = line || always ? await candidates(line).catch(() => [line, []]) : [line, []];
  if (turn !== asked) return;
  if (always && found.length === 1) {
    input.value = front + found[0];
    return close();
  }
  list.replaceChildren(...found.map((text, i) => {
    const item = document.createElement("li");
    item.id = `completion-${i}`;
    item.role = "option";
    item.textContent = text;
    item.dataset.line = front + text;
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(item); });
    return item;
  }));
  list.hidden = found.length === 0;
  input.setAttribute("aria-expanded", String(!list.hidden));
  if (always && !list.hidden) select(list.firstChild);
}

input.addEventListener("input", () => offer(false));
input.addEventListener("blur", close);
input.addEventListener("keydown", (event) => {
  const open = !list.hidden;
  const at = selected();
  if (event.key === "Tab" && input.value && !event.shiftKey) {
    event.preventDefault();
    if (open && at) take(at);
    else offer(true);
  } else if (event.key === "Enter" && open && at) {
    event.preventDefault();
    take(at);
  } else if (event.key === "Escape") {
    close();
  } else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp") && (at || event.key === "ArrowDown")) {
    event.preventDefault();
    const next = event.key === "ArrowDown" ? at?.nextElementSibling ?? list.firstChild : at?.previousElementSibling ?? list.lastChild;
    select(next);
  } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    place = Math.min(Math.max(place + (event.key === "ArrowUp" ? -1 : 1), 0), history.length);
    input.value = history[place] ?? "";
  }
});
document.getElementById("console").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = input.value.trim();
  asked += 1;
  close();
  if (!line) return;
  if (history.at(-1) !== line) history.push(line);
  place = history.length;
  input.value = "";
  run(line);
});
