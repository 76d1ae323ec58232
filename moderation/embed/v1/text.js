// The words in the reader's language, and numbers and times as they are written there. English is
// at hand; the words of another language are fetched when it is asked for.

import { fetchPart } from "./api.js";
import { ENGLISH, LANGUAGES } from "./words.js";

const UNITS = [
  ["minute", 60],
  ["hour", 3600],
  ["day", 86400],
];
const RELATIVE_FOR_S = 7 * 86400;

export class Words {
  #entries;
  #plurals;
  #numbers;
  #exact;
  #day;
  #relative;

  /** @param asked BCP 47 tags, best first. */
  constructor(asked) {
    const base = (tag) => tag.split("-")[0].toLowerCase();
    const tag = asked.find((one) => one && LANGUAGES.includes(base(one))) ?? "en";
    this.language = base(tag);
    this.#entries = ENGLISH;
    /** Resolves when the words are there; in English, if they cannot be had. */
    this.ready = this.#fetch();
    this.#plurals = new Intl.PluralRules(tag);
    this.#numbers = new Intl.NumberFormat(tag);
    this.#exact = new Intl.DateTimeFormat(tag, { dateStyle: "long", timeStyle: "short" });
    this.#day = new Intl.DateTimeFormat(tag, { dateStyle: "medium" });
    this.#relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
  }

  async #fetch() {
    if (this.language === "en") return;
    try {
      const fetched = await fetchPart(`words-${this.language}`);
      this.#entries = { ...this.#entries, ...fetched.WORDS };
    } catch (error) {
      console.warn(`comment-thread: no words in ${this.language}: ${error}`);
    }
  }

  /** More words, {language: {key: entry}}. */
  add(later) {
    this.#entries = { ...this.#entries, ...later[this.language] };
  }

  /** The text of `key`; `count` chooses the plural form and is written for `{count}`. */
  t(key, values = {}) {
    let entry = this.#entries[key];
    if (typeof entry !== "string") entry = entry[this.#plurals.select(values.count)] ?? entry.other;
    return entry.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.#numbers.format(value) : String(value);
    });
  }

  number(value) {
    return this.#numbers.format(value);
  }

  exact(isoTime) {
    return this.#exact.format(new Date(isoTime));
  }

  /** "5 minutes ago"; after a week the day. */
  ago(isoTime) {
    const time = new Date(isoTime);
    const passedS = (Date.now() - time) / 1000;
    if (passedS > RELATIVE_FOR_S) return this.#day.format(time);
    if (passedS < 60) return this.#relative.format(0, "second");
    const [unit, size] = UNITS.findLast(([, seconds]) => passedS >= seconds);
    return this.#relative.format(-Math.floor(passedS / size), unit);
  }
}

/** The words for an element: its language, else the page's, else the browser's. */
export function wordsFor(element) {
  let place = element;
  while (place && !place.closest("[lang]")) place = place.getRootNode().host;
  return new Words([place?.closest("[lang]").lang, ...navigator.languages]);
}
