// The ring: a slice for each partition, its leader's colour on the broad band, its replicas on thin ones inside.

const svg = document.getElementById("ring");
const detail = document.getElementById("ring-detail");
const LABELS_MAX = 64;
let slices = [];
let chosen = null;    // A partition's number,
let chosenKey = null; // and the key that was looked for, where one was.
let drawn = [];
let shown = "";
let redraw = () => {};
let names = {};

const PALETTE = ["#3b6fd6", "#d9822b", "#2a9d6f", "#9b59b6", "#c2a50b", "#17a2b8", "#d6568c", "#7d8a2e"];
export function colourOf(place) {
  return PALETTE[place] ?? `hsl(${(place * 137.5) % 360} 55% 52%)`;
}

function element(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

function point(radius, turn) {
  const angle = turn * 2 * Math.PI - Math.PI / 2;
  return `${(radius * Math.cos(angle)).toFixed(3)} ${(radius * Math.sin(angle)).toFixed(3)}`;
}

/// A piece of a band between two radii, from one part of the turn to another.
function band(inner, outer, from, to) {
  const large = to - from > 0.5 ? 1 : 0;
  if (to - from >= 1) to = from + 0.9999;
  return `M ${point(outer, from)} A ${outer} ${outer} 0 ${large} 1 ${point(outer, to)} ` +
    `L ${point(inner, to)} A ${inner} ${inner} 0 ${large} 0 ${point(inner, from)} Z`;
}

/// Whether fewer than a majority of its replicas are left, or nobody leads.
export function isBroken(partition, stateOf) {
  const left = partition.replicas.filter((id) => stateOf(id) !== "down").length;
  return partition.leader === null || stateOf(partition.leader) === "down" || 2 * left <= partition.replicas.length;
}

/// @param members  as /v1/members gives them, sorted; their places are their colours
export function drawRing(partitions, members) {
  const places = Object.fromEntries(members.map((member, place) => [member.id, place]));
  const states = Object.fromEntries(members.map((member) => [member.id, member.state]));
  names = Object.fromEntries(members.map((member) => [member.id, member.address]));
  const now = JSON.stringify([partitions, states, chosen]);
  if (now === shown) return;
  shown = now;
  drawn = partitions;
  redraw = () => drawRing(partitions, members);
  const focused = slices.indexOf(document.activeElement);
  svg.replaceChildren();
  const count = partitions.length;
  slices = partitions.map((partition, number) =>
    drawSlice(partition, number, count, places, (id) => states[id] ?? "down"));
  const broken = slices.filter((slice) => slice.classList.contains("broken")).length;
  element("text", {class: "middle", y: -5}, svg).textContent = count ? `${count} partitions` : "no partitions yet";
  if (count) element("text", {class: "middle", y: 6}, svg).textContent = broken ? `${broken} broken` : "all serve";
  if (chosen !== null && chosen < count) {
    const turn = (chosen + 0.5) / count;
    element("path", {class: "pointer", d: `M ${point(40, turn)} L ${point(55, turn - 0.004)} L ${point(55, turn + 0.004)} Z`}, svg);
  }
  if (focused >= 0) focusOn(focused);
  explain((id) => states[id] ?? "down");
}

function drawSlice(partition, number, count, places, stateOf) {
  const gap = Math.min(0.004, 0.15 / count);
  const [from, to] = [number / count + gap / 2, (number + 1) / count - gap / 2];
  const broken = isBroken(partition, stateOf);
  const slice = element("g", {
    class: `slice${broken ? " broken" : ""}${number === chosen ? " chosen" : ""}`, role: "button",
    tabindex: number === (chosen ?? 0) ? 0 : -1, "data-partition": number, "aria-label": describe(partition, broken),
  }, svg);
  element("title", {}, slice).textContent = describe(partition, broken);
  const leads = partition.leader !== null && !broken;
  element("path", {class: "leader", d: band(78, 98, from, to), fill: leads ? colourOf(places[partition.leader]) : "var(--bad-back)"}, slice);
  const thickness = 18 / Math.max(partition.replicas.length, 1);
  partition.replicas.forEach((id, place) => {
    const outer = 76 - place * thickness;
    element("path", {
      class: `replica${stateOf(id) === "down" ? " gone" : ""}`, fill: colourOf(places[id]),
      d: band(outer - thickness + 0.8, outer, from, to),
    }, slice);
  });
  element("path", {class: "edge", d: band(57, 99, from, to)}, slice);
  if (count <= LABELS_MAX) {
    const [x, y] = point(104, (number + 0.5) / count).split(" ");
    element("text", {x, y}, slice).textContent = broken ? "✕" : number;
  }
  slice.addEventListener("click", () => choose(number, null));
  slice.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (step) focusOn((number + step + count) % count);
    if (event.key === "Enter" || event.key === " ") choose(number, null);
    if (step || event.key === " ") event.preventDefault();
  });
  return slice;
}

function focusOn(number) {
  for (const slice of slices) slice.setAttribute("tabindex", -1);
  slices[number]?.setAttribute("tabindex", 0);
  slices[number]?.focus();
}

function describe(partition, broken) {
  const name = (id) => names[id] ?? id;
  return `Partition ${partition.partition}: ${broken ? "broken, " : ""}` +
    `leader ${partition.leader === null ? "none" : name(partition.leader)}, replicas ${partition.replicas.map(name).join(", ")}`;
}

/// Tells about the chosen partition as it is now.
function explain(stateOf) {
  const partition = drawn[chosen];
  if (!partition) return;
  const text = describe(partition, isBroken(partition, stateOf));
  detail.textContent = chosenKey === null ? text : `${chosenKey} lives in p${text.slice(1)}`;
}

function choose(number, keyText) {
  chosen = number;
  chosenKey = keyText;
  shown = "";
  redraw();
}

/// Shows where a key lives.  @param where  as /v1/locate gives it
export function showOnRing(keyText, where) {
  choose(where.partition, keyText);
}
