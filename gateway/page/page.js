// The page: follows the cluster live by asking the gateway, as anybody could.
import {ask, askJson} from "/api.js";
import {colourOf, drawRing} from "/ring.js";
import {plot} from "/plots.js";
import "/console.js";
import "/browser.js";

const EVERY = 400; // ms; the brokers call a worker down 1.5 s after its last word.
const PLOT_EVERY = 1000; // ms

const health = document.getElementById("health");

function bytes(number) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (number < 1024 || unit === "GiB") return `${unit === "B" ? number : number.toFixed(1)} ${unit}`;
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

function memberRow(member, place, mostBytes) {
  const row = document.createElement("tr");
  row.dataset.state = member.state;
  row.dataset.address = member.address;
  const cell = (text, name = "") => {
    const made = row.insertCell();
    made.textContent = text;
    made.className = name;
    return made;
  };
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.style.background = colourOf(place);
  cell(member.address).prepend(dot);
  row.cells[0].title = member.id;
  cell(member.state, "state");
  cell(`${member.last_heartbeat_ms} ms`);
  cell(member.leads);
  cell(member.partitions);
  cell(member.keys);
  cell(bytes(member.bytes));
  const meter = document.createElement("meter");
  meter.max = Math.max(mostBytes, 1);
  meter.value = member.bytes;
  meter.title = "Its bytes, against the fullest worker's";
  cell("").append(meter);
  return row;
}

function showMembers(members) {
  const most = Math.max(...members.map((member) => member.bytes), 0);
  document.querySelector("#members tbody").replaceChildren(...members.map((member, place) => memberRow(member, place, most)));
}

async function follow() {
  try {
    const [status, members] = await Promise.all([askJson("/v1/status?timeout_ms=2000"), askJson("/v1/members?timeout_ms=2000")]);
    members.sort((a, b) => (a.address < b.address ? -1 : 1));
    showStatus(status);
    showMembers(members);
    drawRing(await askJson("/v1/partitions"), members);
  } catch (error) {
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
forEver(PLOT_EVERY, () => ask("GET", "/metrics").then((answer) => plot(answer.text), () => {}));
