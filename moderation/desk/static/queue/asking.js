// What is asked before something is sent: the reason of a rejection, a word to the admin.

const reasons = document.getElementById("reasons");
const choices = reasons.querySelector(".reasons");
const note = document.getElementById("reject-note");
const escalation = document.getElementById("escalate");
const word = document.getElementById("escalate-note");

let chosen = null;

/**
 * Ask why these cards are rejected: one key, one click, or Enter on what the scores speak for.
 * @returns {Promise<{reason: string, note: string}|null>} null: it was thought better of
 */
export function askReason(cards) {
  const sites = new Set(cards.map((card) => card.dataset.site));
  const known = new Set();
  choices.replaceChildren();
  for (const site of sites) {
    const template = document.querySelector(`template.reasons[data-site="${site}"]`);
    for (const button of template.content.cloneNode(true).children) {
      if (!known.has(button.value)) choices.append(button.cloneNode(true));
      known.add(button.value);
    }
  }
  note.value = "";
  chosen = null;
  reasons.showModal();
  const wanted = cards.length === 1 ? cards[0].dataset.suggested : null;
  const first = wanted ? choices.querySelector(`[value="${CSS.escape(wanted)}"]`) : null;
  // Where no score speaks for a reason, Enter by itself gives none.
  (first ?? choices).focus();
  return closing(reasons, () => chosen && { reason: chosen, note: note.value.trim() });
}

/** @returns {Promise<{note: string}|null>} */
export function askWord() {
  word.value = "";
  escalation.returnValue = "";
  escalation.showModal();
  word.focus();
  return closing(escalation, () => escalation.returnValue === "send" && { note: word.value.trim() });
}

function closing(dialog, answer) {
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(answer() || null), { once: true }),
  );
}

function choose(button) {
  chosen = button.value;
  reasons.close();
}

choices.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) choose(button);
});

reasons.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === note) {
    // The reason was read before the note was written: it is the one that is lit.
    if (event.key === "Enter") event.preventDefault();
    return;
  }
  const all = [...choices.children];
  const place = all.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step) {
    all[place < 0 ? 0 : (place + step + all.length) % all.length].focus();
    event.preventDefault();
    return;
  }
  const button = all.find((one) => one.dataset.key && one.dataset.key === event.key.toLowerCase());
  if (button) {
    event.preventDefault();
    choose(button);
  }
});
