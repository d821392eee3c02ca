// One document: a tree with its size and version, to be edited and deleted.  Both are bound to the version that is
// shown, so nobody's write in between is lost.
import {ask, grouped, keyInPath, keyText} from "/api.js";
import {nodeView, prettyText, readTree} from "/tree.js";

const box = document.getElementById("document");
const title = document.getElementById("document-title");
const facts = document.getElementById("document-facts");
const tree = document.getElementById("document-tree");
const form = document.getElementById("document-form");
const text = document.getElementById("document-text");
const news = document.getElementById("document-news");
const editButton = document.getElementById("edit");
const deleteButton = document.getElementById("delete");
let shown = null; // {key, etag, root}
let turn = 0;
let onDeleted = () => {};

export function whenDeleted(work) {
  onDeleted = work;
}

function tell(message, bad = false) {
  news.textContent = message;
  news.classList.toggle("error", bad);
}

function stopEditing() {
  form.hidden = true;
  tree.hidden = false;
  deleteButton.textContent = "Delete";
}

export async function showDocument(key) {
  const mine = ++turn;
  const answer = await ask("GET", `/v1/keys/${keyInPath(key)}`);
  if (mine !== turn) return;
  box.hidden = false;
  title.textContent = keyText(key);
  stopEditing();
  tell(answer.ok ? "" : answer.problem, !answer.ok);
  shown = null;
  facts.textContent = "";
  tree.replaceChildren();
  editButton.disabled = deleteButton.disabled = !answer.ok;
  if (!answer.ok) return;
  shown = {key, etag: answer.etag, root: readTree(answer.text)};
  facts.textContent = `${grouped(new Blob([answer.text.trimEnd()]).size)} bytes as JSON, version ${grouped(BigInt(answer.etag.replaceAll('"', "")))}`;
  tree.replaceChildren(nodeView(null, shown.root));
}

/// Writes upon the version that is shown; another one is told and kept.
async function write(method, body) {
  const {key, etag} = shown;
  const answer = await ask(method, `/v1/keys/${keyInPath(key)}`, body, {"If-Match": etag});
  if (answer.ok) return true;
  const changed = answer.status === 412 || answer.status === 404;
  tell(changed ? "Not done: it has been changed or removed since it was read. Press the key again to see it as it is." : answer.problem, true);
  return false;
}

editButton.addEventListener("click", () => {
  if (!form.hidden) return stopEditing();
  text.value = prettyText(shown.root);
  form.hidden = false;
  tree.hidden = true;
  text.focus();
});
document.getElementById("cancel").addEventListener("click", () => { stopEditing(); editButton.focus(); });
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const {key} = shown;
  try {
    if (!await write("PUT", text.value)) return;
    await showDocument(key);
    tell("Stored.");
    editButton.focus();
  } catch (error) {
    tell(error.message, true);
  }
});
deleteButton.addEventListener("click", async () => {
  if (deleteButton.textContent === "Delete") {
    deleteButton.textContent = "Really delete?";
    return;
  }
  try {
    if (!await write("DELETE")) return stopEditing();
    stopEditing();
    tree.replaceChildren();
    facts.textContent = "";
    editButton.disabled = deleteButton.disabled = true;
    tell("Deleted.");
    onDeleted();
  } catch (error) {
    tell(error.message, true);
  }
});
deleteButton.addEventListener("blur", () => { deleteButton.textContent = "Delete"; });
