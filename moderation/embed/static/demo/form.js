// The form to write a comment or a reply: counter, checks, posting, and what went wrong.

import { newKey } from "./api.js";
import { MAX_CHARACTERS, countCharacters, tidy } from "./characters.js";
import { fromTemplate, tell } from "./parts.js";
import { characters, explain } from "./words.js";

const FEW_LEFT = 20;
const MAX_TYPING_MS = 604_800_000;

let formsMade = 0;

export class CommentForm {
  #parts;
  #options;
  #attempt = null;
  #busy = false;
  #announcedLeft = Infinity;
  #typing = null;

  /**
   * @param options title: a node for the form's head; parentId: of the comment replied to, or null;
   *   name: what to fill in; post(comment, key): sends it; posted(comment, answer): after success;
   *   cancelled: when given, there is a button for it; announce(sentence).
   */
  constructor(options) {
    this.#options = options;
    const parts = (this.#parts = fromTemplate("form-template"));
    this.element = parts.root;
    parts.title.append(options.title);
    parts.name.value = options.name;
    if (options.cancelled) {
      parts.submit.textContent = "Post reply";
      parts.bodyLabel.textContent = "Your reply";
      parts.cancel.hidden = false;
      parts.cancel.addEventListener("click", options.cancelled);
      this.element.addEventListener("keydown", (event) => {
        if (event.key === "Escape") options.cancelled();
      });
    }
    this.#connectLabels();
    parts.body.addEventListener("input", (event) => {
      this.#typing = { first: this.#typing?.first ?? event.timeStamp, last: event.timeStamp };
      this.#count();
    });
    parts.name.addEventListener("input", () => this.#mark("name", null));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#count();
  }

  focus() {
    this.#parts.body.focus();
  }

  #connectLabels() {
    const prefix = `form-${(formsMade += 1)}`;
    const { counter, body, bodyLabel, bodyError, name, nameLabel, nameError } = this.#parts;
    for (const element of [counter, body, bodyError, name, nameError]) {
      element.id = `${prefix}-${element.dataset.part}`;
    }
    bodyLabel.htmlFor = body.id;
    nameLabel.htmlFor = name.id;
    body.setAttribute("aria-describedby", `${counter.id} ${bodyError.id}`);
    name.setAttribute("aria-describedby", nameError.id);
  }

  #count() {
    const { body, left, counter } = this.#parts;
    const remaining = MAX_CHARACTERS - countCharacters(tidy(body.value));
    left.textContent = String(remaining).replace("-", "−");
    counter.classList.toggle("few", remaining <= FEW_LEFT && remaining >= 0);
    counter.classList.toggle("none", remaining < 0);
    this.#mark("body", remaining < 0 ? tooLong(-remaining) : null);
    // Told once on the way down, not at every key.
    const step = remaining < 0 ? -1 : remaining <= FEW_LEFT ? FEW_LEFT : Infinity;
    if (step < this.#announcedLeft) {
      this.#options.announce(step < 0 ? tooLong(-remaining) : `${characters(remaining)} left.`);
    }
    this.#announcedLeft = step;
    return remaining;
  }

  #mark(field, sentence) {
    tell(this.#parts[`${field}Error`], sentence);
    if (sentence) this.#parts[field].setAttribute("aria-invalid", "true");
    else this.#parts[field].removeAttribute("aria-invalid");
  }

  #show({ body, name, general }) {
    this.#mark("body", body);
    this.#mark("name", name);
    tell(this.#parts.error, general);
    const first = body ? "body" : name ? "name" : general ? "error" : null;
    if (first) {
      this.#options.announce(body ?? name ?? general);
      this.#parts[first].focus();
    }
    return first === null;
  }

  #check() {
    const { body, name } = this.#parts;
    const remaining = this.#count();
    return this.#show({
      body: remaining < 0 ? tooLong(-remaining) : tidy(body.value) ? null : "Please write a comment.",
      name: tidy(name.value) ? null : "Please write your name.",
    });
  }

  async #submit() {
    if (this.#busy || !this.#check()) return;
    const { body, name, submit } = this.#parts;
    const comment = {
      body: tidy(body.value),
      author: { name: tidy(name.value) },
      parent_id: this.#options.parentId,
    };
    // An attempt that failed may have arrived all the same: with its key it is not made twice.
    const text = JSON.stringify(comment);
    if (this.#attempt?.text !== text) this.#attempt = { text, key: newKey() };
    this.#busy = true;
    submit.setAttribute("aria-disabled", "true");
    try {
      // How long the typing took is a sign by which spam is told; it is left out where unknown.
      const { first, last } = this.#typing ?? {};
      const typing_ms = this.#typing ? Math.min(Math.round(last - first), MAX_TYPING_MS) : undefined;
      const answer = await this.#options.post({ ...comment, typing_ms }, this.#attempt.key);
      this.#attempt = this.#typing = null;
      body.value = "";
      this.#count();
      this.#options.posted(comment, answer);
    } catch (error) {
      if (error.code === "idempotency_mismatch") this.#attempt = null;
      this.#show(explain(error));
    } finally {
      this.#busy = false;
      submit.removeAttribute("aria-disabled");
    }
  }
}

function tooLong(by) {
  return `The comment is ${characters(by)} too long.`;
}
