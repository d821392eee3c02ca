// Requests a second and latency, from the gateway's own /metrics; what this page asks to draw itself is left out.

const POINTS_MAX = 120;
const OWN_ROUTES = new Set(["/v1/members", "/v1/status", "/v1/partitions", "/metrics", "/", "/livez", "/readyz"]);
const series = {rate: [], p50: [], p99: []};
let before = null;

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
  return {count, buckets: bounds.sort((a, b) => a[0] - b[0]), at: performance.now()};
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

function draw(id, lines) {
  const svg = document.getElementById(id);
  const top = Math.max(1, ...lines.flatMap(([, values]) => values.map((value) => value ?? 0))) * 1.1;
  svg.replaceChildren(...lines.map(([name, values]) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    const x = (i) => (300 * (POINTS_MAX - values.length + i)) / (POINTS_MAX - 1);
    line.setAttribute("class", name);
    line.setAttribute("points", values.map((value, i) => `${x(i).toFixed(1)},${(79 - (78 * (value ?? 0)) / top).toFixed(1)}`).join(" "));
    return line;
  }));
}

const shown = (value, digits) => (value === null ? "–" : value.toFixed(digits));

export function plot(metrics) {
  const now = read(metrics);
  if (before && now.count >= before.count) {
    push(series.rate, ((now.count - before.count) * 1000) / (now.at - before.at));
    push(series.p50, quantile(now, before, 0.5));
    push(series.p99, quantile(now, before, 0.99));
    draw("rate", [["rate", series.rate]]);
    draw("latency", [["p50", series.p50], ["p99", series.p99]]);
    document.getElementById("rate-now").textContent = shown(series.rate.at(-1), 0);
    document.getElementById("p50-now").textContent = shown(series.p50.at(-1), 2);
    document.getElementById("p99-now").textContent = shown(series.p99.at(-1), 2);
  }
  before = now;
}
