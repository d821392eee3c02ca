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

/// The answer's text (not parsed, so that 64-bit integers stay what they are), and what its headers say.
export async function ask(method, path, body, headers = {}) {
  const response = await fetch(path, {
    method, body, cache: "no-store",
    headers: body === undefined ? headers : {"Content-Type": "application/json", ...headers},
  });
  const text = await response.text();
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
