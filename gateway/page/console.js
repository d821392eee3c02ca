// The console: lines as in the shell, documents in JSON, answered over the gateway's API.
import {ask, askJson, keyText} from "/api.js";
import {showOnRing} from "/ring.js";

const input = document.getElementById("command");
const answers = document.getElementById("answers");
const list = document.getElementById("completions");
const history = [];
let place = 0;
let asked = 0;

const KEY_COMMANDS = ["GET", "PUT", "SET", "HAS", "DELETE", "POP", "QUERY", "LOCATE"];
const COMMANDS = {
  GET: "GET KEY", PUT: "PUT KEY JSON", SET: "SET KEY JSON", HAS: "HAS KEY", DELETE: "DELETE KEY", POP: "POP KEY",
  QUERY: "QUERY KEY.SEGMENT.SEGMENT", COMPUTE: "COMPUTE 2*x WHERE x = person2.address.number AND y = …",
  KEYS: "KEYS [PREFIX]", SCAN: "SCAN [PREFIX]", COUNT: "COUNT [PREFIX]", LOCATE: "LOCATE KEY", MEMBERS: "MEMBERS",
  STATUS: "STATUS", PING: "PING", HELP: "HELP",
};

class Wrong extends Error {}

/// Takes a word, bare or in quotes, off the front: [word, rest].
function takeWord(text) {
  const match = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))\s*/s.exec(text);
  if (!match) return ["", text];
  return [match[1] === undefined ? match[2] : JSON.parse(`"${match[1]}"`), text.slice(match[0].length)];
}

/// person2."my key".0  ->  ["person2", "my key", "0"]
function readPath(text) {
  const segments = [...text.trim().matchAll(/"((?:[^"\\]|\\.)*)"|([^."\s]+)/g)];
  if (segments.length === 0) throw new Wrong("a path is KEY.SEGMENT.SEGMENT");
  return segments.map((match) => (match[1] === undefined ? match[2] : JSON.parse(`"${match[1]}"`)));
}

const listing = (what, rest) => ["GET", `/v1/${what}?limit=200&prefix=${encodeURIComponent(takeWord(rest)[0])}`];

function computeBody(rest) {
  const [expression, conditions] = rest.split(/\s+where\s+/i);
  const where = {};
  for (const part of (conditions ?? "").split(/\s+and\s+/i).filter(Boolean)) {
    const match = /^\s*(\w+)\s*=\s*(?:query\s+)?(.+)$/i.exec(part);
    if (!match) throw new Wrong(`${part}: it is NAME = PATH`);
    where[match[1]] = readPath(match[2]).map((word, i) => (i > 0 && /^(0|[1-9]\d{0,14})$/.test(word) ? Number(word) : word));
  }
  return JSON.stringify({expression, where});
}

/// A line as [method, path, body].
function readLine(line) {
  const [word, rest] = takeWord(line.replace(/;\s*$/, ""));
  const command = word.toUpperCase();
  if (!(command in COMMANDS)) throw new Wrong(`there is no command ${word}; HELP lists them`);
  const [key, after] = takeWord(rest);
  if (KEY_COMMANDS.includes(command) && !key) throw new Wrong(COMMANDS[command]);
  const path = `/v1/keys/${encodeURIComponent(key)}`;
  switch (command) {
    case "GET": return ["GET", path];
    case "HAS": return ["HEAD", path];
    case "PUT":
    case "SET": return ["PUT", path, after.replace(/^(->|:)\s*/, "")];
    case "DELETE": return ["DELETE", path];
    case "POP": return ["POST", `${path}/pop`];
    case "QUERY": return ["GET", `/v1/query/${readPath(rest).map(encodeURIComponent).join("/")}`];
    case "COMPUTE": return ["POST", "/v1/compute", computeBody(rest)];
    case "LOCATE": return ["GET", `/v1/locate/${encodeURIComponent(key)}`];
    case "KEYS": return listing("keys", rest);
    case "SCAN": return listing("scan", rest);
    case "COUNT": return ["GET", `/v1/count?prefix=${encodeURIComponent(key)}`];
    default: return ["GET", `/v1/${command.toLowerCase()}`];
  }
}

function print(kind, text) {
  const line = document.createElement("div");
  line.className = kind;
  line.textContent = text;
  answers.append(line);
  while (answers.childElementCount > 500) answers.firstChild.remove();
  answers.scrollTop = answers.scrollHeight;
}

async function run(line) {
  print("asked", `> ${line}`);
  if (/^\s*help\b/i.test(line)) return print("answer", Object.values(COMMANDS).join("\n"));
  try {
    const [method, path, body] = readLine(line);
    const answer = await ask(method, path, body);
    if (answer.warning) print("warning", `WARNING: ${answer.warning}`);
    if (method === "HEAD") return print("answer", answer.ok ? "true" : "false");
    if (!answer.ok) return print("error", answer.status === 404 ? `NOT FOUND: ${answer.problem}` : `ERROR: ${answer.problem}`);
    print("answer", answer.text.trimEnd() + (answer.link ? "\n… and more" : ""));
    if (path.startsWith("/v1/locate/")) showOnRing(takeWord(takeWord(line)[1])[0], JSON.parse(answer.text));
  } catch (wrong) {
    print("error", `ERROR: ${wrong.message}`);
  }
}

// Completion: commands for the first word, keys for the second.

/// What could stand for the word at the line's end: [line in front of it, candidates].
async function candidates(line) {
  const first = /^\s*(\w*)$/.exec(line);
  if (first) {
    const begun = first[1].toUpperCase();
    return ["", Object.keys(COMMANDS).filter((name) => name.startsWith(begun)).map((name) => `${name} `)];
  }
  const second = /^(\s*(\w+)\s+)([^\s."]*)$/.exec(line);
  if (!second || !KEY_COMMANDS.includes(second[2].toUpperCase())) return [line, []];
  const keys = await askJson(`/v1/keys?limit=12&consistency=stale&prefix=${encodeURIComponent(second[3])}`);
  return [second[1], keys.map((key) => (/^[\w-]+$/.test(keyText(key)) ? key : JSON.stringify(keyText(key))))];
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
