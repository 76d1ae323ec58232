// Decisions: the card goes at once, the decision is sent behind it, and comes back if it failed.

import { announce } from "../announce.js";
import { post, why } from "../net.js";
import { t } from "../text.js";
import * as list from "./list.js";

const main = document.getElementById("main");
const done = [];
const ready = new WeakMap();
const toast = document.getElementById("toast");

const SAID = {
  approve: ["queue.approved", "queue.many_approved"],
  reject: ["queue.rejected", "queue.many_rejected"],
  escalate: ["queue.escalated", "queue.many_escalated"],
};

/**
 * Decide cards; `how.reason`, `how.note`: what is said to it; the rest as for `list.turnTo`.
 */
export function decide(action, cards, { reason, note, ...how } = {}) {
  if (!cards.length) return;
  const act = { cards, batch: null };
  const sent = Promise.all(cards.map((card) => ready.get(card))).then(() => {
    const fields = new URLSearchParams({ decide: action });
    for (const card of cards) {
      fields.append("comment", `${card.dataset.id} ${card.dataset.version}`);
      if (card.querySelector('input[name="similar"]')?.checked)
        fields.append("similar", card.dataset.id);
    }
    if (reason) fields.append("reason", reason);
    if (note || action === "escalate") fields.append("note", note ?? "");
    return post("/desk/decisions", fields);
  });
  leave(act, cards, how);
  say(told(action, cards));
  act.sent = underway(
    sent.then(
      (answer) => {
        act.batch = answer.batch;
        settle(act, answer);
      },
      (error) => bringBack(act, cards, why(error)),
    ),
  );
  return act.sent;
}

/** Put a card behind the others. */
export function skip(card, how) {
  const act = { cards: [card], skipped: card.dataset.id };
  leave(act, [card], how);
  say(t("queue.skipped"));
  act.sent = underway(
    post(`/desk/comments/${card.dataset.id}/skip`, {}).catch((error) =>
      bringBack(act, [card], why(error)),
    ),
  );
  return act.sent;
}

/** Take back what was done last. */
export async function undo() {
  const act = done.pop();
  if (!act) return say(t("queue.nothing_to_undo"), { offer: false });
  for (const card of act.cards) {
    card.querySelector(".told")?.remove();
    const box = card.querySelector(".pick input");
    if (box) box.checked = false;
  }
  // Back on the page at once; what is decided about it now waits until it is back in truth.
  const back = underway(undone(act));
  for (const card of act.cards) ready.set(card, back);
  list.putBack(act.cards, { turn: true });
  say(t("queue.undoing"), { offer: false });
  await back;
}

async function undone(act) {
  try {
    await act.sent;
    if (act.failed) return;
    if (act.skipped) {
      const answer = await post(`/desk/comments/${act.skipped}/unskip`, {});
      return say(answer.told, { offer: false });
    }
    const fields = new URLSearchParams({ batch: act.batch });
    for (const card of act.cards) fields.append("card", card.dataset.id);
    const answer = await post("/desk/decisions/undo", fields);
    for (const card of act.cards) {
      const html = answer.cards[card.dataset.id];
      // Whoever decides it meanwhile does so with the version it has now.
      if (html) card.dataset.version = list.parse(html).dataset.version;
      // Not under a question that is open: the answer is about the card that is there now.
      const asked = document.querySelector("dialog[open]");
      if (html && card.isConnected && !asked) list.swap(card, html);
    }
    say(answer.told || t("queue.undone"), { offer: false });
    for (const result of answer.results) {
      const card = list.find(result.comment_id);
      if (!result.ok && card) list.tell(card, result.told);
    }
  } catch (error) {
    say(why(error), { offer: false });
    const taken = act.cards.filter((card) => card.isConnected);
    done.push(act);
    if (taken.length) list.take(taken);
  }
}

/** Count what is on its way, on the page itself: whoever drives it can wait for the end. */
function underway(sent) {
  const count = (change) => (main.dataset.underway = Number(main.dataset.underway ?? 0) + change);
  count(1);
  return sent.finally(() => count(-1));
}

function leave(act, cards, how) {
  done.push(act);
  list.take(cards, how);
}

/** What the desk made of it: copies that were decided along go, what failed comes back. */
function settle(act, answer) {
  const failed = answer.results.filter((result) => !result.ok);
  const along = answer.results
    .filter((result) => result.ok)
    .map((result) => list.find(result.comment_id))
    .filter((card) => card && !act.cards.includes(card));
  if (along.length) list.take(along, { focus: along.includes(list.current()), scroll: false });
  if (!failed.length) return say(answer.told, { aloud: answer.results.length > act.cards.length });
  const back = [];
  for (const result of failed) {
    const old = act.cards.find((card) => card.dataset.id === result.comment_id);
    if (!old) continue;
    const html = answer.cards[result.comment_id];
    const card = html ? list.parse(html) : old;
    if (!card.querySelector('[value^="approve"]') || result.problem.status === 409)
      card.classList.add("gone");
    list.tell(card, result.told);
    back.push(card);
  }
  act.cards = act.cards.filter((card) => !failed.some((one) => one.comment_id === card.dataset.id));
  if (!act.cards.length) forget(act);
  list.putBack(back);
  say([answer.told, ...failed.map((one) => one.told)].filter(Boolean).join(" "), {
    offer: act.cards.length > 0,
  });
}

function bringBack(act, cards, text) {
  act.failed = true;
  forget(act);
  const missing = cards.filter((card) => !card.isConnected);
  for (const card of cards) list.tell(card, text);
  if (missing.length) list.putBack(missing);
  say(text, { offer: false });
}

function forget(act) {
  const place = done.indexOf(act);
  if (place >= 0) done.splice(place, 1);
}

function told(action, cards) {
  const [one, many] = SAID[action] ?? ["queue.sent_back", "queue.sent_back"];
  const text = cards.length === 1 ? t(one) : t(many, { count: cards.length });
  return text;
}

/** Tell what happened, to eyes and to ears; `offer`: with a button that takes it back. */
export function say(text, { offer = true, aloud = true } = {}) {
  toast.hidden = false;
  toast.firstElementChild.textContent = text;
  toast.querySelector("button").hidden = !offer;
  if (aloud) announce(text);
}

toast.querySelector("button").addEventListener("click", undo);
