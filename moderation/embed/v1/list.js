// The list of comments. Elements are kept and only moved when they must be, so that neither the
// reader's place nor a half-written reply is lost when the list changes.

import { CommentView } from "./comment.js";
import { arrange } from "./dom.js";

export class List {
  #element;
  #words;
  #actions;
  #views = new Map();

  constructor(element, words, actions) {
    this.#element = element;
    this.#words = words;
    this.#actions = actions;
  }

  view(id) {
    return this.#views.get(id);
  }

  /**
   * Show these comments, in conversations: replies under the comment that began it, oldest first,
   * and deeper ones beside them, with the name of whom they answer.
   *
   * @param comments as `CommentView.show` takes them, with `replyCount`
   * @param options {newest, links, open}
   */
  show(comments, { newest, links, open }) {
    const byId = new Map(comments.map((comment) => [comment.id, comment]));
    for (const [id, view] of this.#views) {
      if (byId.has(id)) continue;
      // One under which something is being written stays until the reader has saved that.
      if (view.isUsed) byId.set(id, view.comment);
      else this.#views.delete(id);
    }
    const [beginnings, under, loaded] = [[], new Map(), new Map()];
    for (const comment of byId.values()) {
      loaded.set(comment.parentId, (loaded.get(comment.parentId) ?? 0) + (comment.status === "approved"));
      const first = beginningOf(comment, byId);
      if (first === comment) beginnings.push(comment);
      else under.set(first.id, [...(under.get(first.id) ?? []), comment]);
    }
    const elementOf = (comment, isReply) => {
      const parent = byId.get(comment.parentId);
      // Under its own answer nobody needs to be told whom it answers.
      const replyTo = !comment.parentId ? null : !parent ? (comment.parentName ?? "") : isReply && parent.parentId && byId.has(parent.parentId) ? parent.name : null;
      const more = Math.max(0, (comment.replyCount ?? 0) - (loaded.get(comment.id) ?? 0));
      return this.#view(comment.id).show(comment, { replyTo, links, open, more });
    };
    beginnings.sort(newest ? (a, b) => byAge(b, a) : byAge);
    arrange(this.#element, beginnings.map((comment) => elementOf(comment, false).root));
    for (const comment of beginnings) {
      const replies = (under.get(comment.id) ?? []).sort(byAge);
      const { replies: list } = this.#views.get(comment.id);
      arrange(list, replies.map((reply) => elementOf(reply, true).root));
      list.hidden = replies.length === 0;
    }
  }

  #view(id) {
    if (!this.#views.has(id)) this.#views.set(id, new CommentView(this.#words, this.#actions));
    return this.#views.get(id);
  }
}

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
