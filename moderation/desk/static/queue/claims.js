// Who looks at what: the current card is claimed, others' claims are shown, news are counted.

import { piece, post, read } from "../net.js";
import { t } from "../text.js";
import * as list from "./list.js";

const SETTLE_MS = 300;
const RENEW_MS = 120_000;
const NEWS_MS = 15_000;

const main = document.getElementById("main");
const news = document.getElementById("news");

let held = null;
let timer = null;

/** Claim the current card once somebody rests on it, and let go of the one before. */
function claimSoon(card) {
  clearTimeout(timer);
  timer = setTimeout(() => claim(card), SETTLE_MS);
}

async function claim(card) {
  if (!card.isConnected) return;
  const left = held && held !== card.dataset.id && list.find(held) ? { leave: held } : {};
  held = card.dataset.id;
  try {
    const answer = await post(`/desk/comments/${held}/claim`, left);
    showHolder(card, answer.holder);
    if (String(answer.version) !== card.dataset.version) await look();
  } catch {
    // A claim is a courtesy; without it, the version still guards what is decided.
  }
}

function showHolder(card, name) {
  card.classList.toggle("held", Boolean(name));
  const badge = card.querySelector(".holder");
  badge.hidden = !name;
  badge.textContent = name ? t("queue.held", { name }) : "";
}

/** Ask what is new, and what became of the cards on the page. */
async function look() {
  const query = new URLSearchParams(location.search);
  query.delete("cursor");
  query.set("since", main.dataset.since);
  query.set("shown", list.all().map((card) => card.dataset.id).join(","));
  let told;
  try {
    told = await read(`/desk/queue/news?${query}`);
  } catch {
    return;
  }
  for (const [view, text] of Object.entries(told.counts)) {
    const place = document.querySelector(`.count[data-view="${view}"]`);
    if (!place) continue;
    place.hidden = !text;
    place.textContent = text;
  }
  news.hidden = !told.new;
  news.textContent = told.told;
  for (const [id, { version, holder, told: what }] of Object.entries(told.cards)) {
    const card = list.find(id);
    if (!card) continue;
    if (version <= Number(card.dataset.version)) {
      showHolder(card, holder);
      continue;
    }
    const fresh = await piece(`/desk/comments/${id}?part=card`).catch(() => null);
    if (!fresh || !list.find(id)) continue;
    const shown = list.swap(card, fresh.querySelector(".card").outerHTML);
    shown.classList.add("gone");
    if (what) list.tell(shown, what);
  }
}

function letGo() {
  if (!held || !list.find(held)) return;
  const fields = new URLSearchParams({
    csrf_token: document.querySelector('meta[name="csrf-token"]').content,
  });
  navigator.sendBeacon(`/desk/comments/${held}/release`, fields);
}

export function startClaims() {
  list.onTurn(claimSoon);
  setInterval(() => {
    const card = list.current();
    if (card && !document.hidden) claim(card);
  }, RENEW_MS);
  setInterval(() => {
    if (!document.hidden) look();
  }, NEWS_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look();
  });
  window.addEventListener("pagehide", letGo);
}
