// Requests a second and latency, of the last two minutes: the whole cluster's, from the workers' heartbeats, and this
// gateway's own, from its /metrics, where what this page asks to draw itself is left out.

const POINTS_MAX = 120;
const OWN_ROUTES = new Set(["/v1/members", "/v1/status", "/v1/partitions", "/metrics", "/", "/livez", "/readyz"]);
const series = {cluster: [], gateway: [], mean: [], p50: [], p99: []};
let before = null;
let members = [];

/// What the workers said last.  @param now  as /v1/members?load gives it
export function noteMembers(now) {
  members = now;
}

/// {count, buckets: [[bound, requests up to it], ...]} over all routes that count.
function read(text) {
  const total = new Map();
  let count = 0;
  for (const line of text.split("\n")) {
    const match = /^trellis_gateway_request_duration_seconds_(bucket|count)\{route="([^"]*)"(?:,le="([^"]*)")?\} (\S+)/.exec(line);
    if (!match || OWN_ROUTES.has(match[2])) continue;
    if (match[1] === "count") count += Number(match[4]);
    else total.set(match[3], (total.get(match[3]) ?? 0) + Number(match[4]));
  }
  const bounds = [...total].map(([bound, number]) => [bound === "+Inf" ? Infinity : Number(bound), number]);
  return {
    count, buckets: bounds.sort((a, b) => a[0] - b[0]), at: performance.now(),
    workers: new Map(members.map((member) => [member.id, member])),
  };
}

/// What the workers have answered between two looks, and how long that took them: {requests, microseconds}.
function answered(now, earlier) {
  const sum = {requests: 0, microseconds: 0};
  for (const [id, member] of now.workers) {
    const then = earlier.workers.get(id);
    if (!then || member.requests < then.requests) continue; // It has started again.
    sum.requests += member.requests - then.requests;
    sum.microseconds += member.request_us - then.request_us;
  }
  return sum;
}

/// The bound within which this share of the requests between two looks was answered, in ms.
function quantile(now, earlier, share) {
  const asked = now.count - earlier.count;
  if (asked <= 0) return null;
  const past = new Map(earlier.buckets);
  const found = now.buckets.find(([bound, number]) => number - (past.get(bound) ?? 0) >= share * asked);
  return found ? Math.min(found[0], 10) * 1000 : null;
}

function push(list, value) {
  list.push(value);
  if (list.length > POINTS_MAX) list.shift();
}

/// The next of 1, 2, 5, 10, 20, ... that is no less.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/// Where there is no value the line has a gap.
function pathOf(values, top) {
  let pen = "M";
  return values.map((value, i) => {
    if (value === null) {
      pen = "M";
      return "";
    }
    const x = ((300 * (POINTS_MAX - values.length + i)) / (POINTS_MAX - 1)).toFixed(1);
    const point = `${pen} ${x} ${(79 - (78 * value) / top).toFixed(1)}${pen === "M" ? " h 0" : ""}`;
    pen = "L";
    return point;
  }).join(" ");
}

function draw(id, names, unit) {
  const top = roundUp(Math.max(1, ...names.flatMap((name) => series[name].map((value) => value ?? 0))));
  document.getElementById(`${id}-top`).textContent = `${top}${unit}`;
  document.getElementById(id).replaceChildren(...names.map((name) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("class", name);
    line.setAttribute("d", pathOf(series[name], top));
    return line;
  }));
}

function show(name, digits) {
  const value = series[name].at(-1);
  document.getElementById(`${name}-now`).textContent = value === null ? "–" : value.toFixed(value < 10 ** digits ? digits : 0);
}

export function plot(metrics) {
  const now = read(metrics);
  if (before && now.count >= before.count) {
    const seconds = (now.at - before.at) / 1000;
    const {requests, microseconds} = answered(now, before);
    push(series.cluster, requests / seconds);
    push(series.gateway, (now.count - before.count) / seconds);
    push(series.mean, requests > 0 ? microseconds / requests / 1000 : null);
    push(series.p50, quantile(now, before, 0.5));
    push(series.p99, quantile(now, before, 0.99));
    draw("rate", ["cluster", "gateway"], "/s");
    draw("latency", ["mean", "p50", "p99"], " ms");
    for (const name of ["cluster", "gateway"]) show(name, 0);
    for (const name of ["mean", "p50", "p99"]) show(name, 2);
  }
  before = now;
}
