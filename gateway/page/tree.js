// A document as a tree that opens and closes.  Numbers stay as they are written, since a script's own numbers would
// lose digits of 64-bit integers.

const SHOWN_MAX = 200; // Of the entries of one map or list, until all are asked for.
const OPEN_DEPTH = 2;
const OPEN_MAX = 40;   // A map or list of more entries begins closed.

const TOKEN = /\s*([{}\[\]:,]|"(?:[^"\\]|\\.)*"|[^\s{}\[\]:,"]+)/gy;

/// JSON as the gateway writes it, to {entries: [[name, node], ...]}, {items: [node, ...]} or {text}.
export function readTree(json) {
  TOKEN.lastIndex = 0;
  const next = () => TOKEN.exec(json)?.[1];
  const value = (token) => {
    if (token === "{") return {entries: list("}", (name) => { next(); return [JSON.parse(name), value(next())]; })};
    if (token === "[") return {items: list("]", value)};
    if (token === undefined) throw new Error("the document ends early");
    return {text: token};
  };
  const list = (end, read) => {
    const found = [];
    for (let token = next(); token !== end; token = next()) {
      if (token === ",") continue;
      if (token === undefined) throw new Error("the document ends early");
      found.push(read(token));
    }
    return found;
  };
  return value(next());
}

/// The document over several lines, to be edited.
export function prettyText(node, indent = "") {
  const inner = `${indent}  `;
  const parts = node.entries?.map(([name, child]) => `${JSON.stringify(name)}: ${prettyText(child, inner)}`) ??
    node.items?.map((child) => prettyText(child, inner));
  if (!parts) return node.text;
  const [open, close] = node.entries ? "{}" : "[]";
  if (parts.length === 0) return open + close;
  const flat = open + parts.join(", ") + close;
  if (flat.length <= 80 - indent.length && !flat.includes("\n")) return flat;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}

function span(className, text) {
  return Object.assign(document.createElement("span"), {className, textContent: text});
}

function label(name) {
  return name === null ? [] : [span("name", `${name}`), ": "];
}

function branch(name, node, depth) {
  const children = node.entries ?? node.items.map((child, place) => [place, child]);
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const what = node.entries ? "field" : "element";
  summary.append(...label(name), span("quiet", `${children.length} ${what}${children.length === 1 ? "" : "s"}`));
  details.append(summary);
  const fill = () => {
    if (details.childElementCount > 1) return;
    const list = document.createElement("ul");
    const show = (from, to) => list.append(...children.slice(from, to).map(([key, child]) => {
      const item = document.createElement("li");
      item.append(nodeView(key, child, depth + 1));
      return item;
    }));
    show(0, SHOWN_MAX);
    if (children.length > SHOWN_MAX) {
      const all = Object.assign(document.createElement("button"), {type: "button", textContent: `show all ${children.length}`});
      all.addEventListener("click", () => { all.parentElement.remove(); show(SHOWN_MAX); });
      const item = document.createElement("li");
      item.append(all);
      list.append(item);
    }
    details.append(list);
  };
  details.addEventListener("toggle", fill);
  if (depth < OPEN_DEPTH && children.length <= OPEN_MAX) {
    fill();
    details.open = true;
  }
  return details;
}

/// @param name  a field's name, a place in a list, or null for the whole document
export function nodeView(name, node, depth = 0) {
  if (!node.text) return branch(name, node, depth);
  const leaf = document.createElement("span");
  const kind = node.text.startsWith('"') ? "text" : /^[-\d]/.test(node.text) ? "number" : "word";
  leaf.append(...label(name), span(kind, node.text));
  return leaf;
}
