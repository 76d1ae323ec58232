// The list of reasons: rows move up and down by buttons, and go. Without this, by their numbers.

import { announce } from "./announce.js";
import { t } from "./text.js";

const list = document.querySelector(".reasons");
const rows = () => [...list.children];

function number() {
  rows().forEach((row, place) => (row.querySelector('[name="order"]').value = place + 1));
}

function nameOf(row) {
  return row.querySelector('[name="name"]').value || t("reasons.unnamed");
}

function move(row, by, button) {
  const place = rows().indexOf(row) + by;
  if (place < 0 || place >= rows().length) return;
  if (by < 0) rows()[place].before(row);
  else rows()[place].after(row);
  number();
  button.focus();
  announce(t("reasons.moved", { name: nameOf(row), place: place + 1 }));
}

function remove(row) {
  const place = rows().indexOf(row);
  announce(t("reasons.removed", { name: nameOf(row) }));
  row.remove();
  number();
  (rows()[place] ?? rows().at(-1))?.querySelector('[name="name"]').focus();
}

function button(words, symbol, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain";
  made.textContent = symbol;
  made.setAttribute("aria-label", words);
  made.title = words;
  made.addEventListener("click", () => act(made));
  return made;
}

for (const row of rows()) {
  const acts = document.createElement("div");
  acts.className = "acts";
  acts.append(
    button(t("reasons.up"), "↑", (made) => move(row, -1, made)),
    button(t("reasons.down"), "↓", (made) => move(row, 1, made)),
    button(t("reasons.remove"), "×", () => remove(row)),
  );
  row.querySelector(".place").hidden = true;
  row.querySelector(".reason-head").append(acts);
}

// A code is suggested from the name, until somebody writes one.
list.addEventListener("input", (event) => {
  if (event.target.name !== "name") return;
  const code = event.target.closest("li").querySelector('[name="code"]');
  if (code.value && code.dataset.suggested !== code.value) return;
  const plain = event.target.value.normalize("NFKD").toLowerCase();
  code.value = plain.replace(/[\u0300-\u036f]/g, "").replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 40);
  code.dataset.suggested = code.value;
});
