// What stands around a comment, opened in its card; that of the next card is fetched when idle.

import { announce } from "../announce.js";
import { piece, post, why } from "../net.js";
import { t } from "../text.js";
import * as list from "./list.js";

const KEPT = 30;
const fetched = new Map();
const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));

function context(id) {
  if (!fetched.has(id)) {
    const asked = piece(`/desk/comments/${id}?part=context`);
    asked.catch(() => fetched.delete(id));
    fetched.set(id, asked);
    if (fetched.size > KEPT) fetched.delete(fetched.keys().next().value);
  }
  return fetched.get(id);
}

/** Open or close it. */
export async function toggleContext(card) {
  const place = card?.querySelector(".context");
  if (!place) return;
  const button = card.querySelector("[data-context]");
  if (!place.hidden) {
    place.hidden = true;
    button?.setAttribute("aria-expanded", "false");
    return;
  }
  try {
    place.replaceChildren((await context(card.dataset.id)).cloneNode(true));
    place.hidden = false;
    button?.setAttribute("aria-expanded", "true");
  } catch (error) {
    list.tell(card, why(error));
  }
}

async function keepNote(form) {
  const card = form.closest(".card");
  try {
    await post(form.getAttribute("action"), new FormData(form));
    announce(t("queue.noted"));
    fetched.delete(card.dataset.id);
    card.querySelector(".context").hidden = true;
    await toggleContext(card);
    card.focus({ preventScroll: true });
  } catch (error) {
    list.tell(card, why(error));
  }
}

export function startContext() {
  for (const button of document.querySelectorAll("[data-context]"))
    button.setAttribute("aria-expanded", "false");
  list.onTurn((card) =>
    idle(() => {
      const next = list.after([card]);
      if (next && !document.hidden) context(next.dataset.id).catch(() => {});
    }),
  );
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".card .note-form")) return;
    event.preventDefault();
    keepNote(event.target);
  });
}
