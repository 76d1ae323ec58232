// One comment in the list: its head, its text, and what can be done with it.

import { arrange, h, showBody, tell } from "./dom.js";

export class CommentView {
  #words;
  #actions;
  #shown = null;

  /** @param actions {reply, report, edit, withdraw, dismiss, more, link}, each called with the view. */
  constructor(words, actions) {
    this.#words = words;
    this.#actions = actions;
    this.author = h("b", { class: "author", part: "author", dir: "auto" });
    this.replyTo = h("span", { class: "reply-to", hidden: true, dir: "auto" });
    this.time = h("time", {});
    this.link = h("a", { class: "time", onclick: () => this.#actions.link(this) }, this.time);
    this.badge = h("span", { class: "badge", part: "badge", hidden: true });
    this.body = h("p", { class: "body", part: "body", dir: "auto" });
    this.reason = h("p", { class: "reason", hidden: true });
    this.buttons = Object.fromEntries(
      ["reply", "edit", "withdraw", "dismiss", "report"].map((act) => [act, this.#button(act)]),
    );
    this.actions = h("p", { class: "actions" }, ...Object.values(this.buttons));
    this.place = h("div", {});
    this.replies = h("ul", { class: "replies", "aria-label": words.t("list.replies"), hidden: true });
    this.more = h("button", { type: "button", class: "quiet more", hidden: true, onclick: () => this.#actions.more(this) });
    this.article = h(
      "article",
      { part: "comment", tabindex: -1 },
      h("div", { class: "comment-head" }, this.author, this.replyTo, this.link, this.badge),
      this.body,
      this.reason,
      this.actions,
    );
    this.root = h("li", { class: "comment" }, this.article, this.place, this.replies, this.more);
  }

  #button(act) {
    const words = { reply: "list.reply", report: "report.report" }[act] ?? `own.${act}`;
    return h("button", { type: "button", class: "quiet", "data-act": act, onclick: () => this.#actions[act](this) }, this.#words.t(words));
  }

  /** Whether something is being written under it. */
  get isUsed() {
    return this.place.hasChildNodes();
  }

  /** Put a form, or nothing, under the comment; the button that asked for it makes room. */
  use(element, act = null) {
    arrange(this.place, element ? [element] : []);
    this.act = element ? act : null;
    this.show(this.comment, this.context, true);
  }

  /**
   * @param comment {id, parentId, name, body, createdAt, status, reason, own, canEdit, reported}
   * @param context {replyTo: a name, "" where it is gone, null where it needs no telling;
   *   links, more: number of replies not here yet, open}
   */
  show(comment, context, anew = false) {
    const words = this.#words;
    tell(this.time, words.ago(comment.createdAt));
    const shown = JSON.stringify([comment, context]);
    if (!anew && this.#shown === shown) return this;
    this.#shown = shown;
    this.comment = comment;
    this.context = context;
    this.root.dataset.status = comment.status;
    this.root.dataset.id = comment.id;
    tell(this.author, comment.name);
    const { replyTo } = context;
    tell(this.replyTo, replyTo === null ? null : replyTo ? words.t("list.in_reply", { name: replyTo }) : words.t("list.in_reply_gone"));
    this.time.dateTime = comment.createdAt;
    this.time.title = words.exact(comment.createdAt);
    const approved = comment.status === "approved";
    if (approved) this.link.href = `#comment-${comment.id}`;
    else this.link.removeAttribute("href");
    const rejected = comment.status === "rejected";
    const badge = rejected ? "own.rejected" : approved ? (comment.own ? "own.you" : null) : "own.waiting";
    tell(this.badge, badge && words.t(badge));
    showBody(this.body, comment.body, context.links);
    const reason = comment.reason ? words.t("own.reason", { reason: comment.reason }) : words.t("own.no_reason");
    tell(this.reason, rejected ? reason : null);
    const can = {
      reply: approved && context.open,
      edit: comment.own && comment.canEdit && !rejected,
      withdraw: comment.own && !rejected,
      dismiss: rejected,
      report: approved && !comment.own,
    };
    for (const [act, button] of Object.entries(this.buttons)) {
      button.hidden = !can[act] || this.act === act;
    }
    const { reply, report } = this.buttons;
    reply.setAttribute("aria-label", words.t("list.reply_to", { name: comment.name }));
    tell(report, words.t(comment.reported ? "report.done" : "report.report"));
    report.hidden = !can.report || this.act === "report";
    report.disabled = comment.reported;
    tell(this.more, context.more > 0 ? words.t("list.more_replies", { count: context.more }) : null);
    return this;
  }
}
