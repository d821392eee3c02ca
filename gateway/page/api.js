// The gateway's API, as far as the page uses it.

/// A key as it stands in results (a string, or {"$binary": base64}) as a segment of a path.
export function keyInPath(key) {
  if (typeof key === "string") return encodeURIComponent(key);
  return [...atob(key.$binary)].map((c) => "%" + c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

export function keyText(key) {
  return typeof key === "string" ? key : `bytes("${key.$binary}")`;
}

/// Digits in groups of three.
export function grouped(number, digits = 0) {
  return number.toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits});
}

/// The user's token, where the gateway asks for one: in memory alone, so that closing the page forgets it.
let token = "";
const waiting = [];

/// Whether it does, before anything is asked in vain.
const asksForToken = fetch("/livez", {cache: "no-store"}).then(
  (response) => response.headers.get("Trellis-Asks-For") === "token", () => false);

/// Called with the token that somebody has typed.
export function logIn(typed) {
  token = typed;
  for (const go of waiting.splice(0)) go();
}

/// Called with the reason when a token is asked for; the page shows where to type it.
let onAsked = () => {};
export function whenAsked(show) {
  onAsked = show;
}

function typedToken(why) {
  onAsked(why);
  return new Promise((go) => waiting.push(go));
}

/// The answer's text (not parsed, so that 64-bit integers stay what they are), and what its headers say.
export async function ask(method, path, body, headers = {}) {
  if (await asksForToken) while (token === "") await typedToken("");
  const all = body === undefined ? headers : {"Content-Type": "application/json", ...headers};
  const shown = token;
  const response = await fetch(path, {
    method, body, cache: "no-store", credentials: "omit",
    headers: shown === "" ? all : {Authorization: `Bearer ${shown}`, ...all},
  });
  const text = await response.text();
  if (response.status === 401) {
    if (shown === token) await typedToken(detailOf(text));
    return ask(method, path, body, headers);
  }
  return {
    ok: response.ok, status: response.status, text, link: response.headers.get("Link"), etag: response.headers.get("ETag"),
    problem: response.ok ? "" : detailOf(text), warning: response.headers.get("Warning") ?? "",
  };
}

function detailOf(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return text;
  }
}

export async function askJson(path) {
  const answer = await ask("GET", path);
  if (!answer.ok) throw new Error(answer.problem);
  return JSON.parse(answer.text);
}
