// How many comments articles have: one request for up to a hundred of them, however many places on
// the page show them, and all of one site together.

import { Api } from "./api.js";
import { Pace } from "./pace.js";
import { wordsFor } from "./text.js";

const AT_ONCE = 100;
const COUNTS_PACE_MS = { least: 4_000, most: 10_000, idle: 60_000 };

const books = new Map();

/** The counts of one site, kept up to date for whoever watches. */
export class CountBook {
  #api;
  #watchers = new Map();
  #counts = new Map();
  #etags = new Map();
  #pace = new Pace(() => this.#ask(), COUNTS_PACE_MS);
  #started = false;

  static of(siteKey) {
    if (!books.has(siteKey)) books.set(siteKey, new CountBook(siteKey));
    return books.get(siteKey);
  }

  constructor(siteKey) {
    this.#api = new Api(siteKey);
  }

  /** Call `watcher(count)` now if it is known, and at every change. Returns how to end that. */
  watch(articleId, watcher) {
    const watchers = this.#watchers.get(articleId) ?? new Set();
    this.#watchers.set(articleId, watchers.add(watcher));
    if (this.#counts.has(articleId)) watcher(this.#counts.get(articleId));
    if (!this.#started) {
      this.#started = true;
      // When the elements of this page have all been seen.
      setTimeout(() => {
        this.#pace.start();
        this.#pace.now();
      }, 0);
    } else if (!this.#counts.has(articleId)) {
      this.#pace.start(100);
    }
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watchers.delete(articleId);
      if (this.#watchers.size === 0) {
        this.#pace.stop();
        this.#started = false;
      }
    };
  }

  /** The count as far as it is known. */
  known(articleId) {
    return this.#counts.get(articleId);
  }

  /** A count that came along elsewhere; what was asked for itself goes before it. */
  suggest(articleId, count) {
    if (!this.#counts.has(articleId)) this.#tell(articleId, count);
  }

  /** Ask now. */
  look() {
    this.#pace.now();
  }

  #tell(articleId, count) {
    if (this.#counts.get(articleId) === count) return false;
    this.#counts.set(articleId, count);
    for (const watcher of this.#watchers.get(articleId) ?? []) watcher(count);
    return true;
  }

  async #ask() {
    // In one order, so that all readers of a page ask for the same address.
    const ids = [...this.#watchers.keys()].sort();
    const groups = [];
    for (let at = 0; at < ids.length; at += AT_ONCE) groups.push(ids.slice(at, at + AT_ONCE));
    const answers = await Promise.all(groups.map((group) => this.#api.counts(group, true)));
    let changed = false;
    answers.forEach(({ etag, counts }, at) => {
      const group = groups[at].join("\n");
      if (etag && this.#etags.get(group) === etag) return;
      this.#etags.set(group, etag);
      for (const [id, count] of Object.entries(counts)) changed = this.#tell(id, count) || changed;
    });
    return changed;
  }
}

/** `<comment-count article-id="…">`: a number. What stands in it before is shown until it is known. */
export class CommentCount extends HTMLElement {
  static observedAttributes = ["article-id", "site-key"];
  #end = null;

  connectedCallback() {
    this.#watch();
  }

  disconnectedCallback() {
    this.#end?.();
    this.#end = null;
  }

  attributeChangedCallback() {
    if (this.#end) this.#watch();
  }

  #watch() {
    this.#end?.();
    this.#end = null;
    const [siteKey, articleId] = [siteKeyFor(this), this.getAttribute("article-id")];
    if (!siteKey || !articleId) return;
    const words = wordsFor(this);
    this.#end = CountBook.of(siteKey).watch(articleId, (count) => {
      this.textContent = words.number(count);
      this.toggleAttribute("empty", count === 0);
    });
  }
}

/** The site of an element: its own, of what it stands in, of the script's tag, or of the thread. */
function siteKeyFor(element) {
  const own = element.closest("[site-key]")?.getAttribute("site-key");
  if (own) return own;
  const script = document.querySelector("script[data-site-key]")?.dataset.siteKey;
  return script ?? document.querySelector("comment-thread[site-key]")?.getAttribute("site-key");
}
