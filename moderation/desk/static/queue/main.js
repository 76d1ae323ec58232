// The queue, by keys and by clicks. Without this script the same forms and links do the same.

import { announce } from "../announce.js";
import { piece } from "../net.js";
import { t } from "../text.js";
import { askReason, askWord } from "./asking.js";
import { startClaims } from "./claims.js";
import { startContext, toggleContext } from "./context.js";
import * as list from "./list.js";
import { decide, say, skip, undo } from "./sending.js";

const main = document.getElementById("main");
const many = document.getElementById("many");
const help = document.getElementById("help");
const drawer = document.getElementById("drawer");

let anchor = null;

// --- Acts -----------------------------------------------------------------------------------

/** What an act is about: what is selected, else the current card. */
function meant() {
  const picked = list.selected();
  if (picked.length) return picked;
  const card = list.current();
  return card ? [card] : [];
}

async function act(action, cards, how = {}) {
  const able = cards.filter((card) => card.querySelector(`[name="decide"][value^="${action} "]`));
  if (!able.length) return cards.length ? undefined : say(t("queue.select_one"), { offer: false });
  let words = {};
  if (action === "reject") words = await askReason(able);
  if (action === "escalate") words = await askWord();
  if (!words) return list.turnTo(list.current());
  // A dialog gives the focus back to where it was, which is about to go.
  decide(action, able, { ...words, ...how });
  showSelection();
}

function passOver(card, how) {
  if (card?.querySelector("[data-skip]")) skip(card, how);
}

// --- Selecting ------------------------------------------------------------------------------

const box = (card) => card?.querySelector(".pick input");

function select(card) {
  if (!box(card)) return;
  box(card).checked = !box(card).checked;
  anchor = card;
  showSelection({ aloud: true });
}

function selectTo(card) {
  const cards = list.all();
  const from = anchor?.isConnected ? cards.indexOf(anchor) : 0;
  const [start, end] = [from, cards.indexOf(card)].sort((a, b) => a - b);
  for (const one of cards.slice(start, end + 1)) if (box(one)) box(one).checked = true;
  showSelection({ aloud: true });
}

function selectNone() {
  for (const card of list.selected()) box(card).checked = false;
  anchor = null;
  showSelection({ aloud: true });
}

function showSelection({ aloud = false } = {}) {
  const count = list.selected().length;
  many.hidden = count === 0;
  main.classList.toggle("selecting", count > 0);
  const text = t("queue.selected", { count });
  document.getElementById("many-count").textContent = text;
  if (aloud) announce(text);
}

// --- Keys -----------------------------------------------------------------------------------

const ONCE = new Set(["a", "r", "e", "s", "u"]);
const KEYS = {
  j: () => list.move(1),
  k: () => list.move(-1),
  a: () => act("approve", meant()),
  r: () => act("reject", meant()),
  e: () => act("escalate", meant()),
  s: () => passOver(list.current()),
  u: undo,
  c: () => toggleContext(list.current()),
  v: () => {
    const veil = list.current()?.querySelector(".veil");
    if (veil) veil.open = !veil.open;
  },
  x: () => select(list.current()),
  X: () => selectTo(list.current()),
  "?": () => help.showModal(),
  Escape: selectNone,
};

function isTyping(target) {
  return target.matches?.(
    'textarea, select, [contenteditable], input:not([type="checkbox"], [type="radio"], [type="submit"])',
  );
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const key = event.shiftKey && event.key === "x" ? "X" : event.key;
  const does = KEYS[key];
  if (!does) return;
  if (event.key !== "Escape") event.preventDefault();
  if (event.repeat && ONCE.has(event.key)) return;
  does();
}

// --- Clicks ---------------------------------------------------------------------------------

function onSubmit(event) {
  const button = event.submitter;
  const isOurs = button?.name === "decide" || "skip" in (button?.dataset ?? {});
  if (event.target.id !== "decide" || !isOurs) return;
  event.preventDefault();
  // A click by mouse: the next card's button comes to where the pointer is. Nothing scrolls.
  const how = { scroll: false };
  const card = button.closest(".card");
  if (card && "skip" in button.dataset) return passOver(card, how);
  const [action] = button.value.split(" ");
  act(action, card ? [card] : list.selected(), how);
}

function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a");
  if (link?.matches("[data-context]")) {
    event.preventDefault();
    toggleContext(link.closest(".card"));
  } else if (link?.matches("[data-drawer]")) {
    event.preventDefault();
    openDrawer(link);
  } else if (link?.matches("#cards > a.more")) {
    event.preventDefault();
    list.topUp({ always: true });
  }
}

async function openDrawer(link) {
  try {
    needDrawer();
    const shown = await piece(`${link.getAttribute("href")}?fragment=1`);
    drawer.lastElementChild.replaceChildren(shown);
    drawer.showModal();
  } catch {
    location.assign(link.href);
  }
}

/** What the drawer's content brings along, fetched with the first drawer. */
function needDrawer() {
  if (document.querySelector('link[href$="/authors.css"]')) return;
  import("../authors.js");
  const style = document.createElement("link");
  Object.assign(style, { rel: "stylesheet", href: "/desk/static/authors.css" });
  document.head.append(style);
}

function onPick(event) {
  if (!event.target.matches(".pick input")) return;
  anchor = event.target.closest(".card");
  showSelection();
}

// --- On a phone the current card is the one under the eyes ------------------------------------

const narrow = window.matchMedia("(max-width: 44rem)");
let looking = false;

function followScroll() {
  if (!narrow.matches || looking) return;
  looking = true;
  requestAnimationFrame(() => {
    looking = false;
    const third = window.innerHeight / 3;
    const card = list.all().find((one) => one.getBoundingClientRect().bottom > third);
    if (card && card !== list.current()) list.turnTo(card, { focus: false, scroll: false });
  });
}

// --- Start ----------------------------------------------------------------------------------

main.classList.add("live");
document.getElementById("many-none").hidden = false;
document.getElementById("many-none").addEventListener("click", selectNone);
document.addEventListener("submit", onSubmit);
document.addEventListener("click", onClick);
document.addEventListener("change", onPick);
document.addEventListener("author-changed", ({ detail }) => {
  const gone = detail.rejected.map(list.find).filter(Boolean);
  if (gone.length) list.take(gone, { focus: false, scroll: false });
});
document.addEventListener("focusin", (event) => {
  const card = event.target.closest?.(".card");
  if (card && card !== list.current()) list.turnTo(card, { focus: false, scroll: false });
});
window.addEventListener("scroll", followScroll, { passive: true });
if (main.dataset.shortcuts === "on") {
  document.addEventListener("keydown", onKey);
  const button = document.getElementById("help-button");
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
}
showSelection();
startClaims();
startContext();
list.turnTo(list.all()[0], { scroll: false });
list.topUp();
