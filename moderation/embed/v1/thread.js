// `<comment-thread site-key="…" article-id="…">`: puts form, list and the reader's own comments
// together, and keeps them up to date while the page is looked at.

import { Api, Problem, fetchPart } from "./api.js";
import { CountBook } from "./counts.js";
import { h, tell } from "./dom.js";
import { explain } from "./errors.js";
import { CommentForm } from "./form.js";
import { List } from "./list.js";
import { Pace } from "./pace.js";
import { Reader } from "./reader.js";
import { Store } from "./store.js";
import { SHEET } from "./styles.js";
import { wordsFor } from "./text.js";

const CONVERSATIONS_AT_ONCE = 20;
const REPLIES_AT_ONCE = 100;
const SOON_MS = 2_000;
const THREAD_PACE_MS = { least: 3_000, most: 10_000, idle: 60_000 };
/** Edits change no count; the list is looked at for them now and then. */
const LIST_MS = 60_000;

export class CommentThread extends HTMLElement {
  static observedAttributes = ["site-key", "article-id", "sort", "links", "token", "lang"];

  /** The signed-in reader; see `token` and `getToken`. */
  #reader = new Reader(() => this.#signedIn());
  #parts = null;
  #api;
  #words;
  #store;
  #book;
  #list;
  #form;
  #pages;
  #wanted;
  #extras;
  #early = null;
  #listedAt;
  #newest;
  #linked;
  #pace = null;
  #endCount = null;
  #onHash = () => this.#openLinked();

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [SHEET];
    for (const name of ["token", "getToken"]) {
      // Set before this script had come.
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
  }

  /** The signed-in reader's JWT, or null for a guest. The attribute of this name does the same. */
  get token() {
    return this.#reader.token;
  }

  set token(token) {
    this.#reader.token = token;
  }

  /** async () → a JWT that is good for some minutes, or null; called again before it expires. */
  get getToken() {
    return this.#reader.renew;
  }

  set getToken(renew) {
    this.#reader.renew = renew;
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback(name, before, value) {
    if (name === "token") this.#reader.token = value;
    else if (this.#pace && before !== value) this.#begin();
  }

  #begin() {
    this.#end();
    const [siteKey, articleId] = [this.getAttribute("site-key"), this.getAttribute("article-id")];
    if (!siteKey || !articleId) return;
    this.#words = wordsFor(this);
    this.#api = new Api(siteKey, (renew) => this.#reader.bearer(renew));
    this.#store = new Store(siteKey, articleId);
    this.#pages = [];
    this.#wanted = 1;
    this.#extras = new Map();
    this.#listedAt = -Infinity;
    this.#newest = this.getAttribute("sort") !== "oldest";
    this.#linked = null;
    this.#book = CountBook.of(siteKey);
    this.#pace = new Pace(() => this.#look(), THREAD_PACE_MS);
    const pace = this.#pace;
    // While the words come, the comments do.
    this.#early = this.#askList(false);
    this.#early.catch(() => null); // told of where it is awaited
    this.#words.ready.then(() => {
      if (this.#pace !== pace) return;
      this.#build();
      this.#endCount = this.#book.watch(articleId, (count) => this.#counted(count));
      addEventListener("hashchange", this.#onHash);
      pace.start();
      pace.now();
    });
  }

  #end() {
    this.#pace?.stop();
    this.#pace = null;
    this.#endCount?.();
    this.#form?.end();
    removeEventListener("hashchange", this.#onHash);
  }

  /** Somebody else than before writes here, or nobody whose name is known. */
  #signedIn() {
    if (!this.#form) return;
    this.#form.setReader(this.#reader.name);
    this.#show();
  }

  // --- Building ------------------------------------------------------------------------------

  #build() {
    const words = this.#words;
    const parts = (this.#parts = {
      count: h("span", { class: "count", part: "count" }),
      place: h("div", {}),
      closed: h("p", { class: "notice", hidden: true }),
      signIn: h("slot", { name: "sign-in", hidden: true }),
      trouble: h("p", { class: "notice", part: "notice", hidden: true }),
      list: h("ul", { class: "thread", "aria-label": words.t("list.label") }),
      loading: h("p", { class: "faint" }, words.t("list.loading")),
      nobody: h("p", { class: "faint", hidden: true }, words.t("list.nobody")),
      more: h("button", { type: "button", class: "quiet", part: "more", hidden: true, onclick: () => this.#showMore() }, words.t("list.more")),
      status: h("p", { class: "unseen", role: "status" }),
    });
    parts.title = h("h2", { id: "title", part: "title" }, words.t("form.title"), " ", parts.count);
    parts.order = h(
      "select",
      { "aria-label": words.t("list.order"), part: "order", onchange: () => this.#reorder() },
      h("option", { value: "newest", selected: this.#newest }, words.t("list.newest")),
      h("option", { value: "oldest", selected: !this.#newest }, words.t("list.oldest")),
    );
    parts.bar = h("p", { class: "bar", hidden: true }, parts.order);
    parts.section = h(
      "section",
      { "aria-labelledby": "title", part: "thread", lang: words.language, tabindex: -1 },
      parts.place,
      parts.closed,
      parts.signIn,
      parts.bar,
      parts.trouble,
      parts.loading,
      parts.list,
      parts.nobody,
      parts.more,
      parts.status,
    );
    this.shadowRoot.replaceChildren(parts.section);
    const act = (f) => (view) => f.call(this, view);
    this.#list = new List(parts.list, words, {
      reply: act(this.#reply),
      report: act(this.#later("report")),
      edit: act(this.#later("edit")),
      withdraw: act(this.#later("withdraw")),
      dismiss: act(this.#dismiss),
      more: act(this.#showReplies),
      link: act(this.#link),
    });
    this.#form = this.#makeForm(null, {
      title: parts.title,
      label: words.t("form.comment"),
      action: words.t("form.post"),
      sent: (comment, answer) => this.#remember(comment, answer, null),
    });
    parts.place.append(this.#form.element);
  }

  #makeForm(parent, options) {
    const parentId = parent?.id ?? null;
    return new CommentForm({
      words: this.#words,
      name: this.#store.name,
      reader: this.#reader.name,
      draft: this.#store.draft(parentId),
      keepDraft: (draft) => this.#store.keepDraft(parentId, draft),
      send: (comment, key) =>
        this.#api.post({ ...comment, parent_id: parentId, article_id: this.getAttribute("article-id"), article: this.#article() }, key),
      announce: (sentence) => this.#announce(sentence),
      ...options,
    });
  }

  /** What is told of the article when the comment is the first under it. */
  #article() {
    const canonical = document.querySelector("link[rel=canonical]")?.href ?? location.href;
    return {
      url: this.getAttribute("article-url") ?? canonical.split("#")[0],
      title: this.getAttribute("article-title") ?? document.title.slice(0, 250) ?? undefined,
    };
  }

  // --- Acts ----------------------------------------------------------------------------------

  #remember(comment, answer, parent) {
    if (comment.author) this.#store.name = comment.author.name;
    this.#store.keep({
      id: answer.id,
      receipt: answer.receipt,
      parentId: parent?.id ?? null,
      parentName: parent?.name,
      name: comment.author?.name ?? this.#reader.name,
      body: comment.body,
      createdAt: answer.created_at,
      status: answer.status,
    });
    this.#announce(this.#words.t("own.thanks"));
    this.#show();
    this.#pace?.start(SOON_MS);
    this.dispatchEvent(new CustomEvent("comment-posted", { bubbles: true, composed: true, detail: { id: answer.id } }));
  }

  #reply(view) {
    const title = h("h3", {}, this.#words.t("form.reply_title", { name: view.comment.name }));
    const form = this.#makeForm(view.comment, {
      title,
      label: this.#words.t("form.reply"),
      action: this.#words.t("form.post_reply"),
      sent: (comment, answer) => {
        this.#stopUsing(view);
        this.#remember(comment, answer, view.comment);
      },
      cancelled: () => this.#stopUsing(view),
    });
    this.#use(view, "reply", form.element);
    form.focus();
  }

  /** What is done by a part of this script that is fetched only then. */
  #later(act) {
    return async (view) => {
      try {
        const acts = await fetchPart("later");
        acts[act](view, this.#tools());
      } catch {
        this.#announce(this.#words.t("error.unreachable"));
      }
    };
  }

  #tools() {
    return {
      h,
      tell,
      explain,
      words: this.#words,
      api: this.#api,
      store: this.#store,
      announce: (sentence) => this.#announce(sentence),
      makeForm: (options) => this.#makeForm(null, options),
      use: (view, act, element) => this.#use(view, act, element),
      stop: (view) => this.#stopUsing(view),
      gone: (id) => this.#gone(id),
    };
  }

  /** A comment that is public no more: the list without it, before the service has told so. */
  #gone(id) {
    for (const page of this.#allPages()) {
      for (const key of ["items", "replies"]) page[key] = page[key]?.filter((item) => item.id !== id);
    }
    this.#listedAt = -Infinity;
    this.#show();
    this.#parts.section.focus();
    this.#book.look();
    this.#pace?.start(SOON_MS);
  }

  #use(view, act, element) {
    if (this.#used) this.#stopUsing(this.#used);
    this.#used = view;
    view.use(element, act);
  }

  #used = null;

  #stopUsing(view) {
    const { act } = view;
    view.use(null);
    this.#used = null;
    this.#show();
    if (view.root.isConnected) (view.buttons[act]?.hidden === false ? view.buttons[act] : view.article).focus();
  }

  #dismiss(view) {
    this.#store.forget(view.comment.id);
    this.#show();
    this.#parts.section.focus();
  }

  #announce(sentence) {
    // Emptied first: the same sentence twice is news twice.
    const { status } = this.#parts;
    status.textContent = "";
    requestAnimationFrame(() => (status.textContent = sentence));
  }

  // --- Reading -------------------------------------------------------------------------------

  /** All that may have changed; returns whether something had. */
  async #look() {
    try {
      // One's own first: what is approved now is in a list that is asked for afterwards.
      let changed = await this.#refreshOwn();
      const first = this.#pages[0];
      const old = performance.now() - this.#listedAt > LIST_MS;
      if (changed) this.#book.look();
      if (changed || old || first?.count !== this.#book.known(this.getAttribute("article-id"))) {
        changed = (await this.#refreshList()) || changed;
      }
      tell(this.#parts.trouble, null);
      this.#show();
      return changed;
    } catch (error) {
      this.#parts.loading.hidden = true;
      const refused = error instanceof Problem && [401, 403].includes(error.status);
      if (refused) console.warn(`comment-thread: ${error.message}`);
      const key = refused ? "list.refused" : this.#pages.length ? "list.stale" : "list.unreachable";
      tell(this.#parts.trouble, this.#words.t(key));
      this.#show();
      throw error;
    }
  }

  async #refreshOwn() {
    let changed = false;
    for (const entry of this.#store.own()) {
      const isDecided = entry.status !== "pending" && entry.status !== "queued";
      if (isDecided) continue;
      let found;
      try {
        found = await this.#api.own(entry);
      } catch (error) {
        // It is gone for good, as after a fresh start of the service. Anything else passes.
        if (!(error instanceof Problem && [403, 404].includes(error.status))) throw error;
        this.#store.forget(entry.id);
        changed = true;
        continue;
      }
      const { status, editable_until: editableUntil, statement_of_reasons: statement } = found;
      if (status === "withdrawn") this.#store.forget(entry.id);
      else this.#store.change(entry.id, { status, editableUntil, reason: statement?.reason });
      if (status === entry.status) continue;
      if (status === "approved") this.#announce(this.#words.t("own.published"));
      if (status === "rejected") this.#announce(this.#words.t("own.not_published"));
      changed = changed || status !== "queued";
    }
    return changed;
  }

  async #refreshList() {
    const anew = this.#pages.length > 0;
    const early = this.#early;
    this.#early = null;
    const first = await (early ?? this.#askList(anew));
    this.#listedAt = performance.now();
    this.#book.suggest(this.getAttribute("article-id"), first.count);
    if (first.etag === this.#pages[0]?.etag && this.#pages.length === this.#wanted) return false;
    // Any change of the count changes the first page too; the rest is then read anew.
    const fresh = [first];
    while (fresh.length < this.#wanted && fresh.at(-1).next_cursor) {
      fresh.push(await this.#askList(anew, fresh.at(-1).next_cursor));
    }
    for (const extra of this.#extras.values()) extra.page = await this.#api.list(extra.query, true);
    const isFirst = this.#pages.length === 0;
    this.#wanted = fresh.length;
    this.#pages = fresh;
    this.#show();
    if (isFirst) this.#openLinked();
    return true;
  }

  #askList(anew, cursor) {
    const sort = this.#newest ? "newest" : "oldest";
    const query = { article_id: this.getAttribute("article-id"), threads: true, sort, limit: CONVERSATIONS_AT_ONCE, cursor };
    return this.#api.list(query, anew);
  }

  #counted(count) {
    tell(this.#parts.count, this.#words.number(count));
    if (this.#pages.length && this.#pages[0].count !== count) this.#pace?.now();
  }

  #showMore() {
    this.#wanted += 1;
    this.#listedAt = -Infinity;
    this.#pace.now();
  }

  #reorder() {
    this.#newest = this.#parts.order.value !== "oldest";
    this.#wanted = 1;
    this.#listedAt = -Infinity;
    this.#pace.now();
  }

  async #showReplies(view) {
    const { id } = view.comment;
    const before = [...this.#extras.values()].filter(({ query }) => query.parent_id === id).at(-1);
    const cursor = before?.page.next_cursor ?? undefined;
    await this.#addExtra({ parent_id: id, sort: "oldest", limit: REPLIES_AT_ONCE, cursor });
  }

  async #addExtra(query) {
    const asked = { article_id: this.getAttribute("article-id"), ...query };
    try {
      const page = await this.#api.list(asked, true);
      if (page.items.length) this.#extras.set(JSON.stringify(query), { query: asked, page });
      this.#show();
      return page;
    } catch {
      tell(this.#parts.trouble, this.#words.t("list.stale"));
      return null;
    }
  }

  // --- Links to one comment --------------------------------------------------------------------

  async #openLinked() {
    const id = /^#comment-([\w-]{1,64})$/.exec(location.hash)?.[1];
    if (!id || !this.#pages.length) return;
    if (!this.#list.view(id)) {
      const page = await this.#addExtra({ comment_id: id });
      if (page && !page.items.length) this.#announce(this.#words.t("list.not_here"));
    }
    const view = this.#list.view(id);
    if (view) this.#link(view);
  }

  #link(view) {
    this.#linked?.root.classList.remove("linked");
    this.#linked = view;
    view.root.classList.add("linked");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    view.article.focus({ preventScroll: true });
    view.article.scrollIntoView({ block: "center", behavior: calm ? "instant" : "smooth" });
  }

  #allPages() {
    return [...this.#pages, ...[...this.#extras.values()].map(({ page }) => page)];
  }

  // --- Showing -------------------------------------------------------------------------------

  #show() {
    const own = new Map(this.#store.own().map((entry) => [entry.id, entry]));
    const comments = new Map();
    for (const item of this.#allPages().flatMap(({ items, replies = [] }) => [...items, ...replies])) {
      comments.set(item.id, {
        id: item.id,
        parentId: item.parent_id,
        name: item.author.name,
        body: item.body,
        createdAt: item.created_at,
        replyCount: item.reply_count,
        status: "approved",
        own: own.has(item.id),
        canEdit: Date.parse(own.get(item.id)?.editableUntil) > Date.now(),
        reported: this.#store.hasReported(item.id),
      });
    }
    for (const { receipt, editableUntil, ...entry } of own.values()) {
      // Once approved, the list alone says whether it is public.
      if (entry.status === "approved" || comments.has(entry.id)) continue;
      const canEdit = !editableUntil || Date.parse(editableUntil) > Date.now();
      comments.set(entry.id, { ...entry, own: true, canEdit });
    }
    const [first, parts] = [this.#pages[0], this.#parts];
    const open = first?.open !== false;
    const mayWrite = open && (first?.guests_allowed !== false || Boolean(this.#reader.name));
    this.#list.show([...comments.values()], { newest: this.#newest, links: this.getAttribute("links") === "on", open: mayWrite });
    if (first) parts.loading.hidden = true;
    parts.nobody.hidden = comments.size > 0 || !first;
    parts.bar.hidden = comments.size < 2;
    parts.more.hidden = !this.#pages.at(-1)?.next_cursor;
    parts.place.classList.toggle("head-only", !mayWrite);
    tell(parts.closed, mayWrite ? null : this.#words.t(open ? "form.readers_only" : "form.closed"));
    parts.signIn.hidden = mayWrite || !open;
  }
}
