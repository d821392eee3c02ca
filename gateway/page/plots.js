// Requests a second and latency, of the last two minutes, as the gateway keeps them: a page that is loaded again has
// them at once.
import {askJson, grouped} from "/api.js";

const POINTS_MAX = 120;

/// The next of 1, 2, 5, 10, 20, ... that is no less.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/// Where there is no value the line has a gap; a value between two gaps is a dot, which a line of no length would hide.
function pathOf(values, top) {
  const at = (i) => `${((300 * (POINTS_MAX - values.length + i)) / (POINTS_MAX - 1)).toFixed(1)} ${(79 - (78 * values[i]) / top).toFixed(1)}`;
  const line = [];
  const dots = [];
  values.forEach((value, i) => {
    if (value === null) return;
    const before = i > 0 && values[i - 1] !== null;
    const after = i + 1 < values.length && values[i + 1] !== null;
    if (!before && !after) dots.push(`M ${at(i)} h 0.01`);
    else line.push(`${before ? "L" : "M"} ${at(i)}`);
  });
  return {line: line.join(" "), dots: dots.join(" ")};
}

function drawn(className, path) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
  made.setAttribute("class", className);
  made.setAttribute("d", path);
  return made;
}

function draw(recent, id, names, unit) {
  const top = roundUp(Math.max(1, ...names.flatMap((name) => recent[name].map((value) => value ?? 0))));
  document.getElementById(`${id}-top`).textContent = `${grouped(top)}${unit}`;
  document.getElementById(id).replaceChildren(...names.flatMap((name) => {
    const {line, dots} = pathOf(recent[name], top);
    return [drawn(name, line), drawn(`${name} dots`, dots)];
  }));
}

function show(recent, name, digits) {
  const value = recent[name].at(-1) ?? null;
  document.getElementById(`${name}-now`).textContent = value === null ? "–" : grouped(value, value < 10 ** digits ? digits : 0);
}

export async function plot() {
  const recent = await askJson("/v1/recent");
  draw(recent, "rate", ["cluster", "gateway"], "/s");
  draw(recent, "latency", ["mean", "p50", "p99"], " ms");
  for (const name of ["cluster", "gateway"]) show(recent, name, 0);
  for (const name of ["mean", "p50", "p99"]) show(recent, name, 2);
}
