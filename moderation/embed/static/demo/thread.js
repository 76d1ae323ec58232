// The list of comments. Elements are kept and only moved when they must be, so that neither the
// reader's place nor a half-written reply is lost when the list changes.

import { fromTemplate, tell } from "./parts.js";
import { when } from "./words.js";

const BADGES = {
  pending: "Waiting for review",
  queued: "Waiting for review",
  rejected: "Not published",
};

export class Thread {
  #list;
  #actions;
  #views = new Map();

  /** @param actions reply(comment, view): the reader wants to answer; dismiss(id). */
  constructor(list, actions) {
    this.#list = list;
    this.#actions = actions;
  }

  /**
   * Show these comments: {id, parentId, name, body, createdAt, status, reason, own}.
   * Newest first; replies under the comment that began it, oldest first.
   */
  show(comments) {
    const byId = new Map(comments.map((comment) => [comment.id, comment]));
    const replies = new Map();
    const beginnings = [];
    for (const comment of comments) {
      const first = beginningOf(comment, byId);
      if (first === comment) beginnings.push(comment);
      else replies.set(first.id, [...(replies.get(first.id) ?? []), comment]);
    }
    for (const [id, view] of this.#views) {
      // One that is being replied to stays until the reader has saved what was written.
      if (!byId.has(id) && !view.form.hasChildNodes()) {
        view.root.remove();
        this.#views.delete(id);
      }
    }
    beginnings.sort(byAge).reverse();
    arrange(this.#list, beginnings.map((comment) => this.#view(comment, null).root));
    for (const comment of beginnings) {
      const under = (replies.get(comment.id) ?? []).sort(byAge);
      const { replies: list } = this.#views.get(comment.id);
      const elements = under.map((reply) => {
        const parent = byId.get(reply.parentId);
        return this.#view(reply, parent.id === comment.id ? null : parent.name).root;
      });
      arrange(list, elements);
      list.hidden = elements.length === 0;
    }
  }

  #view(comment, replyTo) {
    let view = this.#views.get(comment.id);
    if (!view) {
      view = fromTemplate("comment-template");
      view.reply.addEventListener("click", () => this.#actions.reply(view.comment, view));
      view.dismiss.addEventListener("click", () => this.#actions.dismiss(comment.id));
      this.#views.set(comment.id, view);
    }
    const shown = JSON.stringify([comment, replyTo]);
    if (view.shown === shown) return view;
    view.shown = shown;
    view.comment = comment;
    view.root.dataset.status = comment.status;
    view.author.textContent = comment.name;
    tell(view.replyTo, replyTo && `to ${replyTo}`);
    view.time.dateTime = comment.createdAt;
    view.time.textContent = when(comment.createdAt);
    tell(view.badge, BADGES[comment.status] ?? (comment.own ? "You" : null));
    view.body.textContent = comment.body;
    const rejected = comment.status === "rejected";
    tell(view.reason, rejected ? (comment.reason ? `Reason: ${comment.reason}` : NO_REASON) : null);
    view.reply.hidden = comment.status !== "approved";
    view.reply.setAttribute("aria-label", `Reply to ${comment.name}`);
    view.dismiss.hidden = !rejected;
    return view;
  }
}

const NO_REASON = "No reason was given.";

/** Oldest first; ids grow too, and decide between two of one moment. */
function byAge(a, b) {
  return Date.parse(a.createdAt) - Date.parse(b.createdAt) || (a.id < b.id ? -1 : 1);
}

/** The comment a conversation began with, as far as it is here. */
function beginningOf(comment, byId) {
  let first = comment;
  while (byId.has(first.parentId)) first = byId.get(first.parentId);
  return first;
}

/** Make these the children of `parent`, in this order, moving as few as possible. */
function arrange(parent, elements) {
  let next = parent.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}
