// The reader's own comments, remembered in this browser with the receipts that prove it.

const MAX_KEPT = 30;

export class OwnComments {
  #key;
  #nameKey = "moderation:name";
  #entries;

  constructor(siteKey, articleId) {
    this.#key = `moderation:own:${siteKey}:${articleId}`;
    this.#entries = this.#read();
  }

  /** Entries {id, receipt, parentId, name, body, createdAt, status, reason}, oldest first. */
  all() {
    return this.#entries;
  }

  /** Those whose fate may still change without being seen in the list. */
  undecided() {
    return this.#entries.filter(({ status }) => status === "pending" || status === "queued");
  }

  has(id) {
    return this.#entries.some((entry) => entry.id === id);
  }

  add(entry) {
    // A repeated post is answered with the comment that is here already.
    this.#entries = [...this.#entries.filter(({ id }) => id !== entry.id), entry].slice(-MAX_KEPT);
    this.#write();
  }

  change(id, changes) {
    this.#entries = this.#entries.map((entry) => (entry.id === id ? { ...entry, ...changes } : entry));
    this.#write();
  }

  forget(id) {
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    this.#write();
  }

  /** The name the reader signed with last. */
  get name() {
    return load(this.#nameKey) ?? "";
  }

  set name(name) {
    save(this.#nameKey, name);
  }

  #read() {
    try {
      const entries = JSON.parse(load(this.#key) ?? "[]");
      return Array.isArray(entries) ? entries : [];
    } catch {
      return [];
    }
  }

  #write() {
    save(this.#key, JSON.stringify(this.#entries));
  }
}

// Storage may be forbidden or full; then a comment is remembered as long as the page is open.

function load(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function save(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See above.
  }
}
