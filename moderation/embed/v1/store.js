// What this browser remembers: the reader's own comments with the receipts that prove it, what
// was begun and not sent, their name, and what they have reported.

const MAX_KEPT = 30;

// Storage may be forbidden or full; then all this lasts as long as the page is open.
const memory = new Map();

function load(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? memory.get(key) ?? otherwise;
  } catch {
    return memory.get(key) ?? otherwise;
  }
}

function save(key, value) {
  memory.set(key, value);
  try {
    if (value == null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // See above.
  }
}

export class Store {
  #place;

  constructor(siteKey, articleId) {
    this.#place = `${siteKey}:${articleId}`;
  }

  /** Own comments {id, receipt, parentId, name, body, createdAt, status, reason, editableUntil}. */
  own() {
    const entries = load(`moderation:own:${this.#place}`, []);
    return Array.isArray(entries) ? entries : [];
  }

  entry(id) {
    return this.own().find((entry) => entry.id === id);
  }

  keep(entry) {
    // A repeated post is answered with the comment that is here already.
    const others = this.own().filter(({ id }) => id !== entry.id);
    save(`moderation:own:${this.#place}`, [...others, entry].slice(-MAX_KEPT));
  }

  change(id, changes) {
    const entries = this.own().map((entry) => (entry.id === id ? { ...entry, ...changes } : entry));
    save(`moderation:own:${this.#place}`, entries);
  }

  forget(id) {
    save(`moderation:own:${this.#place}`, this.own().filter((entry) => entry.id !== id));
  }

  /** What was begun as a reply to `parentId`, or as a comment: {body, attempt}. */
  draft(parentId) {
    return load(`moderation:draft:${this.#place}:${parentId ?? ""}`, {});
  }

  keepDraft(parentId, draft) {
    save(`moderation:draft:${this.#place}:${parentId ?? ""}`, draft);
  }

  /** The name the reader signed with last. */
  get name() {
    const name = load("moderation:name", "");
    return typeof name === "string" ? name : "";
  }

  set name(name) {
    save("moderation:name", name);
  }

  hasReported(id) {
    return load("moderation:reported", []).includes(id);
  }

  noteReport(id) {
    save("moderation:reported", [...load("moderation:reported", []), id].slice(-200));
  }
}
