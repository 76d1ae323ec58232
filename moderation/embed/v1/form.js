// The form to write a comment, a reply, or one's comment anew: counter, checks, sending, and what
// went wrong.

import { Problem, newKey, passes } from "./api.js";
import { MAX_CHARACTERS, countCharacters, tidy } from "./characters.js";
import { h, tell } from "./dom.js";
import { explain } from "./errors.js";

const FEW_LEFT = 20;
const MAX_TYPING_MS = 604_800_000;
const RETRIES_MS = [1_000, 3_000];

let formsMade = 0;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms * (0.8 + 0.4 * Math.random())));

export class CommentForm {
  #options;
  #attempt = null;
  #busy = false;
  #announcedLeft = Infinity;
  #typing = null;
  #resume = () => this.#submit();

  /**
   * @param options words; title: a node for the head; label, action: of the field and the button;
   *   name: to fill in, or null for no such field; reader: the name of who is signed in;
   *   draft: {body, attempt} to go on with; keepDraft(draft); send(comment, key): sends it;
   *   sent(comment, answer); cancelled: when given, there is a button for it; announce(sentence).
   */
  constructor(options) {
    this.#options = options;
    const { words } = options;
    const id = (part) => `form-${formsMade}-${part}`;
    formsMade += 1;
    this.left = h("span", {});
    this.leftLabel = h("span", { class: "unseen" });
    this.counter = h("p", { class: "counter", part: "counter", id: id("counter") }, this.left, this.leftLabel);
    this.body = h("textarea", {
      id: id("body"),
      part: "field",
      rows: 4,
      dir: "auto",
      autocomplete: "off",
      required: true,
      "aria-describedby": `${id("counter")} ${id("body-error")}`,
      oninput: (event) => this.#typed(event.timeStamp),
    });
    this.bodyError = h("p", { class: "field-error", part: "error", id: id("body-error"), hidden: true });
    this.name = h("input", {
      id: id("name"),
      part: "field",
      dir: "auto",
      autocomplete: "nickname",
      required: true,
      "aria-describedby": id("name-error"),
      oninput: () => this.#mark("name", null),
    });
    this.nameError = h("p", { class: "field-error", part: "error", id: id("name-error"), hidden: true });
    this.nameField = h("div", {}, h("label", { for: id("name") }, words.t("form.name")), this.name, this.nameError);
    this.reader = h("p", { class: "faint", hidden: true });
    // A trap: nobody sees it, and simple programs fill in every field.
    this.website = h("input", { id: id("website"), name: "website", tabindex: -1, autocomplete: "off" });
    const trap = h("div", { class: "trap", "aria-hidden": "true" }, h("label", { for: id("website") }, words.t("form.trap")), this.website);
    this.error = h("p", { class: "form-error", part: "error", tabindex: -1, hidden: true });
    this.button = h("button", { type: "submit", part: "button" }, options.action);
    const cancel = options.cancelled && h("button", { type: "button", class: "quiet", onclick: options.cancelled }, words.t("form.cancel"));
    this.element = h(
      "form",
      {
        class: "comment-form",
        part: "form",
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.#submit();
        },
        onkeydown: (event) => this.#keyed(event),
      },
      h("div", { class: "form-head" }, options.title, this.counter),
      h("label", { for: id("body") }, options.label),
      this.body,
      this.bodyError,
      options.name === null ? null : this.nameField,
      this.reader,
      trap,
      this.error,
      h("p", { class: "actions" }, this.button, cancel),
    );
    this.name.value = options.name ?? "";
    this.body.value = options.draft?.body ?? "";
    this.#attempt = options.draft?.attempt ?? null;
    this.setReader(options.reader);
    this.#count();
  }

  focus() {
    this.body.focus();
  }

  /** Show who is signed in in place of the field for a name. */
  setReader(name) {
    tell(this.reader, name ? this.#options.words.t("form.signed_in", { name }) : null);
    this.nameField.hidden = Boolean(name);
  }

  /** Before it is taken out of the page. */
  end() {
    removeEventListener("online", this.#resume);
  }

  get #asksName() {
    return this.nameField.isConnected && !this.nameField.hidden;
  }

  #keyed(event) {
    if (event.key === "Escape" && this.#options.cancelled) {
      event.stopPropagation();
      this.#options.cancelled();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === this.body) {
      event.preventDefault();
      this.#submit();
    }
  }

  #typed(time) {
    this.#typing = { first: this.#typing?.first ?? time, last: time };
    this.#keepDraft();
    this.#count();
  }

  #keepDraft() {
    const body = this.body.value;
    this.#options.keepDraft?.(body ? { body, attempt: this.#attempt } : null);
  }

  #count() {
    const { words, announce } = this.#options;
    const remaining = MAX_CHARACTERS - countCharacters(tidy(this.body.value));
    tell(this.left, words.number(remaining).replace("-", "−"));
    tell(this.leftLabel, ` ${words.t("form.left", { count: remaining })}`);
    this.counter.classList.toggle("few", remaining <= FEW_LEFT && remaining >= 0);
    this.counter.classList.toggle("none", remaining < 0);
    const tooLong = words.t("form.too_long", { count: -remaining });
    this.#mark("body", remaining < 0 ? tooLong : null);
    // Told once on the way down, not at every key.
    const step = remaining < 0 ? -1 : remaining <= FEW_LEFT ? FEW_LEFT : Infinity;
    if (step < this.#announcedLeft) {
      announce(step < 0 ? tooLong : words.t("form.few_left", { count: remaining }));
    }
    this.#announcedLeft = step;
    return remaining;
  }

  #mark(field, sentence) {
    tell(this[`${field}Error`], sentence);
    if (sentence) this[field].setAttribute("aria-invalid", "true");
    else this[field].removeAttribute("aria-invalid");
  }

  #show({ body, name, general }) {
    this.#mark("body", body);
    this.#mark("name", name);
    tell(this.error, general);
    const first = body ? this.body : name ? this.name : general ? this.error : null;
    if (first) {
      this.#options.announce(body ?? name ?? general);
      first.focus();
    }
    return first === null;
  }

  #check() {
    const { words } = this.#options;
    const remaining = this.#count();
    const tooLong = remaining < 0 ? words.t("form.too_long", { count: -remaining }) : null;
    return this.#show({
      body: tooLong ?? (tidy(this.body.value) ? null : words.t("form.empty")),
      name: this.#asksName && !tidy(this.name.value) ? words.t("form.no_name") : null,
    });
  }

  async #submit() {
    removeEventListener("online", this.#resume);
    if (this.#busy || !this.#check()) return;
    const comment = { body: tidy(this.body.value) };
    if (this.#asksName) comment.author = { name: tidy(this.name.value) };
    // An attempt that failed may have arrived all the same: with its key it is not made twice,
    // not even after the page was loaded anew.
    const text = JSON.stringify(comment);
    if (this.#attempt?.text !== text) this.#attempt = { text, key: newKey() };
    this.#keepDraft();
    this.#busy = true;
    this.button.setAttribute("aria-disabled", "true");
    try {
      const answer = await this.#send({ ...comment, ...this.#signs() });
      this.#attempt = this.#typing = null;
      this.body.value = "";
      this.#options.keepDraft?.(null);
      this.#count();
      this.#options.sent(comment, answer);
    } catch (error) {
      if (!(error instanceof Problem || passes(error))) console.error(error);
      if (error.code === "idempotency_mismatch") this.#attempt = null;
      if (error.errors?.website) this.website.value = "";
      this.#show(await explain(error, this.#options.words));
      if (!navigator.onLine) addEventListener("online", this.#resume, { once: true });
    } finally {
      this.#busy = false;
      this.button.removeAttribute("aria-disabled");
    }
  }

  async #send(comment) {
    for (const waitMs of RETRIES_MS) {
      try {
        return await this.#options.send(comment, this.#attempt.key);
      } catch (error) {
        if (!passes(error) || !navigator.onLine) throw error;
        await pause(waitMs);
      }
    }
    return this.#options.send(comment, this.#attempt.key);
  }

  /** By what spam is told: how long the typing took, left out where unknown, and the trap. */
  #signs() {
    const { first, last } = this.#typing ?? {};
    return {
      typing_ms: this.#typing ? Math.min(Math.round(last - first), MAX_TYPING_MS) : undefined,
      website: this.website.value || undefined,
    };
  }
}
