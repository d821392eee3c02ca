// The page: follows the cluster live by asking the gateway, as anybody could.
import {askJson, grouped, logIn, whenAsked} from "/api.js";
import {colourOf, drawRing} from "/ring.js";
import {plot} from "/plots.js";
import "/console.js";
import {reloadIfEmpty} from "/browser.js";

const EVERY = 400; // ms; the brokers call a worker down 1.5 s after its last word.
const PLOT_EVERY = 1000; // ms

const health = document.getElementById("health");
const login = document.getElementById("login");

whenAsked((why) => {
  login.hidden = false;
  document.getElementById("login-news").textContent = why;
  showHealth("unknown", "log in with a token");
  document.getElementById("token").focus();
});
login.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("token");
  login.hidden = true;
  logIn(field.value.trim());
  field.value = "";
});

function bytes(number) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (number < 1024 || unit === "GiB") return `${grouped(number, unit === "B" ? 0 : 1)} ${unit}`;
    number /= 1024;
  }
}

function showHealth(kind, text) {
  if (health.textContent === text) return;
  health.dataset.health = kind;
  health.textContent = text;
}

function showStatus(status) {
  const down = status.workers - status.workers_up;
  if (status.cluster === null) showHealth("warn", "the cluster is being formed");
  else if (status.partitions_available < status.partitions) showHealth("bad", `${down} of ${status.workers} workers down: ${status.partitions - status.partitions_available} partitions cannot serve`);
  else if (!status.guaranteed) showHealth("bad", `${down} of ${status.workers} workers down: correct output cannot be guaranteed`);
  else if (down > 0) showHealth("warn", `${down} of ${status.workers} workers down, everything guaranteed`);
  else showHealth("good", "everything up and guaranteed");
  const facts = {cluster: (status.cluster ?? "none").slice(0, 8), k: status.k, "may be down": status.tolerates, version: status.version};
  document.getElementById("facts").replaceChildren(...Object.entries(facts).map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(Object.assign(document.createElement("dt"), {textContent: name}), Object.assign(document.createElement("dd"), {textContent: value}));
    return pair;
  }));
}

/// Each worker's requests a second, from what it said over the last two seconds.
const RATE_WINDOW = 2000; // ms
const samples = new Map();

function rateOf(member) {
  if (member.requests === null) return 0; // The broker has not heard it yet.
  const now = performance.now();
  const past = (samples.get(member.id) ?? []).filter((sample) => now - sample.at < RATE_WINDOW && sample.requests <= member.requests);
  past.push({at: now, requests: member.requests});
  samples.set(member.id, past);
  const [first] = past;
  return now > first.at ? ((member.requests - first.requests) * 1000) / (now - first.at) : 0;
}

function milliseconds(number) {
  return number < 10000 ? `${grouped(number)} ms` : `${grouped(Math.round(number / 1000))} s`;
}

function lagText(member) {
  return member.lag_entries === 0 ? "none" : `${grouped(member.lag_entries)} (${milliseconds(member.lag_ms)})`;
}

/// Its cells by the table's headings.  Of a worker that is down only what is known without it.
function cellsOf(member, rate) {
  const down = member.state === "down";
  const unheard = member.last_heartbeat_ms === null;
  return {
    worker: member.address, state: member.state, zone: member.zone, heartbeat: unheard ? "–" : milliseconds(member.last_heartbeat_ms),
    leads: down || unheard ? "–" : `${member.leads} of ${member.partitions}`,
    keys: unheard ? "–" : grouped(member.keys), size: unheard ? "–" : bytes(member.bytes),
    memory: down || unheard ? "–" : bytes(member.memory), lag: down && member.lag_entries === 0 ? "–" : lagText(member),
    load: down || unheard ? "–" : `${grouped(Math.round(rate))}/s`,
  };
}

function memberRow(member, place, rate, mostRate) {
  const row = document.createElement("tr");
  row.setAttribute("role", "row");
  row.dataset.state = member.state;
  row.dataset.address = member.address;
  for (const [name, text] of Object.entries(cellsOf(member, rate))) {
    const cell = row.insertCell();
    cell.setAttribute("role", "cell");
    cell.dataset.name = name;
    cell.textContent = text;
  }
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.style.background = colourOf(place);
  row.cells[0].prepend(dot);
  row.cells[0].title = member.id;
  row.querySelector('[data-name="lag"]').title = "Entries of its leaders' logs that it is not known to hold, and for how long";
  const load = row.querySelector('[data-name="load"]');
  load.title = "Requests a second, against the busiest worker's";
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.append(document.createElement("span"));
  bar.firstChild.style.width = `${member.state === "down" ? 0 : (100 * rate) / Math.max(mostRate, 1)}%`;
  load.append(bar);
  return row;
}

function showMembers(members) {
  const rates = members.map(rateOf);
  const most = Math.max(...rates, 0);
  document.querySelector("#members tbody").replaceChildren(
    ...members.map((member, place) => memberRow(member, place, rates[place], most)));
}

function moveItem(move) {
  const item = document.createElement("li");
  const rate = move.rate > 0 ? `, ${bytes(move.rate)}/s` : "";
  const left = move.time_left_ms === null ? "" : `, ${Math.ceil(move.time_left_ms / 1000)} s left`;
  const sent = move.to !== null && move.bytes > 0 ? `, ${bytes(move.sent)} of ${bytes(move.bytes)}` : "";
  item.textContent = `partition ${move.partition}: ${move.from ?? "–"} → ${move.to ?? "–"}, ${move.step}${sent}${rate}${left}`;
  if (move.note !== "") {
    const note = document.createElement("small");
    note.textContent = ` ${move.note}`;
    item.append(note);
  }
  return item;
}

/// What is on its way from worker to worker, while anything is.
async function showMoves(left) {
  const moves = left > 0 ? await askJson("/v1/moves?timeout_ms=2000").catch(() => []) : [];
  const list = document.querySelector("#moves");
  list.replaceChildren(...moves.map(moveItem));
  list.hidden = moves.length === 0;
}

let serves = true; // Whether a formed cluster answered at the last look.

async function follow() {
  try {
    const [status, members] = await Promise.all([askJson("/v1/status?timeout_ms=2000"), askJson("/v1/members?load=true&timeout_ms=2000")]);
    members.sort((a, b) => (a.address < b.address ? -1 : 1));
    showStatus(status);
    showMembers(members);
    await showMoves(status.moves_left);
    drawRing(await askJson("/v1/partitions"), members);
    document.body.classList.remove("stale");
    if (status.cluster !== null && !serves) reloadIfEmpty();
    serves = status.cluster !== null;
  } catch (error) {
    // What is shown is what was, and looks like it.
    document.body.classList.add("stale");
    serves = false;
    showHealth("bad", error instanceof TypeError ? "the gateway does not answer" : error.message);
  }
}

async function forEver(every, work) {
  for (;;) {
    if (!document.hidden) await work();
    await new Promise((done) => setTimeout(done, every));
  }
}

forEver(EVERY, follow);
forEver(PLOT_EVERY, () => plot().catch(() => {}));
