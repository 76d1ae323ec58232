// What few readers need, and what is fetched only when one does: reporting a comment, editing or
// withdrawing one's own, and the words for what the service refuses. What it needs of the rest it is handed over.

import { LATER_WORDS } from "./later-words.js";
import { inWords } from "./refusals.js";

const REASONS = "spam insult hate obscene threat personal_data false_claim illegal off_topic other".split(" ");

let asked = 0;

/** See `inWords`. */
export function explainRefusal(error, words) {
  words.add(LATER_WORDS);
  return inWords(error, words);
}

/**
 * @param view of the comment
 * @param tools {h, tell, explain, words, api, store, announce, use(view, act, element),
 *   stop(view), gone(id): to take a comment off the page, look(): to ask for all anew}
 */
export function report(view, tools) {
  const { h, words, api, store } = ready(tools);
  const { id, name } = view.comment;
  asked += 1;
  const [reasonId, noteId] = [`report-${asked}-reason`, `report-${asked}-note`];
  const options = REASONS.map((code) => h("option", { value: code }, words.t(`report.of.${code}`)));
  const reason = h("select", { id: reasonId, part: "field" }, ...options);
  const note = h("textarea", { id: noteId, part: "field", rows: 2, maxlength: 500, dir: "auto" });
  ask(view, "report", tools, {
    title: words.t("report.title", { name }),
    fields: [
      h("label", { for: reasonId }, words.t("report.reason")),
      reason,
      h("label", { for: noteId }, words.t("report.note")),
      note,
    ],
    action: words.t("report.send"),
    cancel: words.t("form.cancel"),
    act: async () => {
      const told = { reason: reason.value, note: note.value.trim() || null };
      const isNew = await api.report(id, told);
      store.noteReport(id);
      return words.t(isNew ? "report.sent" : "report.before");
    },
  });
  reason.focus();
}

export function withdraw(view, tools) {
  const { words, api, store, gone } = ready(tools);
  const { id } = view.comment;
  ask(view, "withdraw", tools, {
    title: words.t("own.withdraw_sure"),
    fields: [],
    action: words.t("own.withdraw_yes"),
    cancel: words.t("own.withdraw_no"),
    act: async () => {
      await api.withdraw(store.entry(id));
      store.forget(id);
      gone(id);
      return words.t("own.withdrawn");
    },
  });
}

export function edit(view, tools) {
  const { h, words, api, store, gone, use, stop, announce, makeForm } = ready(tools);
  const { id, body } = view.comment;
  const form = makeForm({
    title: h("h3", {}, words.t("own.editing")),
    label: words.t("form.comment"),
    action: words.t("own.save"),
    name: null,
    draft: { body },
    keepDraft: undefined,
    send: (changed) => api.edit(store.entry(id), changed.body),
    sent: (_, own) => {
      store.change(id, { body: own.body, status: own.status });
      stop(view);
      gone(id);
      announce(words.t("own.edited"));
    },
    cancelled: () => stop(view),
  });
  use(view, "edit", form.element);
  form.focus();
}

function ready(tools) {
  tools.words.add(LATER_WORDS);
  return tools;
}

function ask(view, act, { h, tell, explain, words, announce, use, stop }, asking) {
  const error = h("p", { class: "form-error", tabindex: -1, hidden: true });
  const submit = h("button", { type: "submit", part: "button" }, asking.action);
  const cancel = () => stop(view);
  const form = h(
    "form",
    {
      class: "asking",
      part: "form",
      "aria-label": asking.title,
      onkeydown: (event) => event.key === "Escape" && cancel(),
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          const done = await asking.act();
          stop(view);
          announce(done);
        } catch (failed) {
          const { general } = await explain(failed, words);
          tell(error, general);
          error.focus();
        }
      },
    },
    h("h3", {}, asking.title),
    ...asking.fields,
    error,
    h("p", { class: "actions" }, submit, h("button", { type: "button", class: "quiet", onclick: cancel }, asking.cancel)),
  );
  use(view, act, form);
  submit.focus();
}
