// The cards on the page: which one is current, how one leaves, how one comes back.

import { piece } from "../net.js";

const holder = document.getElementById("cards");
const empty = document.getElementById("empty");
const listeners = [];
const ENOUGH = 8;

let now = null;
let fetching = null;

export const all = () => [...holder.querySelectorAll(".card")];
export const current = () => (now?.isConnected ? now : null);
export const find = (id) => document.getElementById(`c-${id}`);
export const selected = () => all().filter((card) => card.querySelector(".pick input")?.checked);

/** `heard(card)` is told of each card that becomes the current one. */
export const onTurn = (heard) => listeners.push(heard);

/**
 * Make a card the current one.
 * @param {Element|null} card
 * @param {{focus?: boolean, scroll?: boolean}} how `scroll`: bring it into view if it is not
 */
export function turnTo(card, { focus = true, scroll = true } = {}) {
  if (!card) return;
  if (now && now !== card) {
    now.classList.remove("current");
    now.removeAttribute("aria-current");
    now.tabIndex = -1;
  }
  const isNew = now !== card;
  now = card;
  card.classList.add("current");
  card.setAttribute("aria-current", "true");
  card.tabIndex = 0;
  if (focus) card.focus({ preventScroll: true });
  if (scroll && !isInView(card)) card.scrollIntoView({ block: "start" });
  if (isNew) for (const heard of listeners) heard(card);
}

/** Go `step` cards on (1) or back (-1). */
export function move(step) {
  const cards = all();
  const place = cards.indexOf(current());
  turnTo(cards[Math.max(0, Math.min(cards.length - 1, place + step))] ?? cards[0]);
}

/** The card to look at after these have gone: the next that nobody else has, else any. */
export function after(cards) {
  const gone = new Set(cards);
  const others = all();
  const last = others.indexOf(cards.at(-1));
  const left = [...others.slice(last + 1), ...others.slice(0, Math.max(last, 0)).reverse()].filter(
    (card) => !gone.has(card),
  );
  return left.find((card) => !card.matches(".held, .gone")) ?? left[0] ?? null;
}

/** Take cards off the page, and turn to the next one at once. */
export function take(cards, how) {
  const next = after(cards);
  for (const card of cards) card.remove();
  if (next) turnTo(next, how);
  else now = null;
  topUp();
  showEmpty();
}

/** Put cards back before the current one, which stays where it is unless they are turned to. */
export function putBack(cards, { turn = false } = {}) {
  const here = current();
  const top = here?.getBoundingClientRect().top;
  for (const card of cards) holder.insertBefore(card, here ?? holder.firstChild);
  showEmpty();
  if (turn || !here) turnTo(cards[0]);
  else window.scrollBy(0, here.getBoundingClientRect().top - top);
}

/** Show a card as it is now in the place of what it was. Returns the new one. */
export function swap(card, html) {
  const fresh = parse(html);
  const wasCurrent = card === now;
  const hadFocus = card.contains(document.activeElement);
  card.replaceWith(fresh);
  if (wasCurrent) {
    now = null;
    turnTo(fresh, { focus: hadFocus, scroll: false });
  }
  return fresh;
}

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.querySelector(".card");
}

/** Say something on a card that concerns it alone. */
export function tell(card, text) {
  let place = card.querySelector(".told");
  if (!place) {
    place = document.createElement("p");
    place.className = "told note warn";
    card.prepend(place);
  }
  place.textContent = text;
}

/** Fetch more cards before the last one is reached. Those on the page stay where they are. */
export async function topUp({ always = false } = {}) {
  const link = holder.querySelector("a.more");
  if (!link || fetching || (!always && all().length >= ENOUGH)) return;
  fetching = piece(`${link.href}&part=cards`);
  try {
    const more = await fetching;
    for (const card of more.querySelectorAll(".card")) if (find(card.dataset.id)) card.remove();
    for (const site of more.querySelectorAll("template.reasons"))
      if (!document.querySelector(`template.reasons[data-site="${site.dataset.site}"]`))
        document.body.append(site);
    link.replaceWith(more);
  } finally {
    fetching = null;
  }
  if (!current()) turnTo(all()[0]);
  showEmpty();
  topUp();
}

function showEmpty() {
  empty.hidden = all().length > 0 || holder.querySelector("a.more") !== null;
}

function isInView(card) {
  const { top, bottom } = card.getBoundingClientRect();
  const bar = document.querySelector(".bar").getBoundingClientRect().bottom;
  return top >= bar && bottom <= window.innerHeight;
}
