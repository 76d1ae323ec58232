// The comments under the demo article: puts form, list and the reader's own comments together, and
// keeps them up to date while the page is looked at.

import { Api, Problem } from "./api.js";
import { CommentForm } from "./form.js";
import { OwnComments } from "./own.js";
import { tell } from "./parts.js";
import { Thread } from "./thread.js";

const REFRESH_MS = 4_000;
const MAX_REFRESH_MS = 60_000;

const section = document.getElementById("comments");
const { siteKey, articleId } = section.dataset;
const api = new Api(siteKey, articleId);
const own = new OwnComments(siteKey, articleId);
const thread = new Thread(document.getElementById("thread"), { reply: openReply, dismiss });
const announcer = document.getElementById("announcer");
const trouble = document.getElementById("trouble");
const nobody = document.getElementById("nobody");
const older = document.getElementById("older");

let pages = [];
let pagesWanted = 1;
let reply = null;

// --- Writing ---------------------------------------------------------------------------------

document.getElementById("main-form").append(
  new CommentForm({
    title: document.getElementById("comments-title"),
    parentId: null,
    name: own.name,
    post: (comment, key) => api.post(comment, key),
    posted: remember,
    announce,
  }).element,
);

function openReply(comment, view) {
  closeReply();
  const title = document.createElement("h3");
  title.append("Reply to ", comment.name);
  const form = new CommentForm({
    title,
    parentId: comment.id,
    name: own.name,
    post: (comment, key) => api.post(comment, key),
    posted: (posted, answer) => {
      closeReply();
      remember(posted, answer);
    },
    cancelled: closeReply,
    announce,
  });
  view.form.append(form.element);
  view.reply.hidden = true;
  reply = { form, view };
  form.focus();
}

function closeReply() {
  if (reply === null) return;
  const { form, view } = reply;
  reply = null;
  form.element.remove();
  view.reply.hidden = false;
  view.reply.focus();
}

function remember(comment, answer) {
  own.name = comment.author.name;
  own.add({
    id: answer.id,
    receipt: answer.receipt,
    parentId: comment.parent_id,
    name: comment.author.name,
    body: comment.body,
    createdAt: answer.created_at,
    status: answer.status,
  });
  announce("Thank you. Your comment is waiting for review.");
  show();
  refreshSoon(REFRESH_MS);
}

function dismiss(id) {
  own.forget(id);
  show();
  section.focus();
}

// --- Showing ---------------------------------------------------------------------------------

function show() {
  const published = pages.flatMap(({ items }) => items);
  const comments = new Map(
    published.map((item) => [
      item.id,
      {
        id: item.id,
        parentId: item.parent_id,
        name: item.author.name,
        body: item.body,
        createdAt: item.created_at,
        status: "approved",
        own: own.has(item.id),
      },
    ]),
  );
  for (const entry of own.all()) {
    // Once approved, the list alone says whether it is public.
    if (entry.status !== "approved" && !comments.has(entry.id)) {
      comments.set(entry.id, { ...entry, receipt: undefined, own: true });
    }
  }
  thread.show([...comments.values()]);
  nobody.hidden = comments.size > 0 || pages.length === 0;
  older.hidden = !pages.at(-1)?.next_cursor;
  if (pages.length > 0) {
    for (const element of document.querySelectorAll("[data-count]")) {
      element.textContent = new Intl.NumberFormat("en").format(pages[0].count);
    }
  }
}

function announce(sentence) {
  // Emptied first: the same sentence twice is news twice.
  announcer.textContent = "";
  requestAnimationFrame(() => {
    announcer.textContent = sentence;
  });
}

// --- Keeping up to date ----------------------------------------------------------------------

let timer = null;
let refreshing = false;
let delayMs = REFRESH_MS;

async function refresh() {
  if (refreshing) return;
  refreshing = true;
  try {
    // One's own first: what is approved now is in a list that is asked for afterwards.
    await refreshOwn();
    await refreshList();
    tell(trouble, null);
    delayMs = REFRESH_MS;
  } catch {
    tell(trouble, "These comments may be out of date: they cannot be reached just now.");
    delayMs = Math.min(2 * delayMs, MAX_REFRESH_MS);
  } finally {
    refreshing = false;
    show();
    refreshSoon(delayMs);
  }
}

function refreshSoon(inMs) {
  clearTimeout(timer);
  if (document.visibilityState === "visible") timer = setTimeout(refresh, inMs);
}

async function refreshOwn() {
  for (const { id, receipt, status } of own.undecided()) {
    let found;
    try {
      found = await api.own(id, receipt);
    } catch (error) {
      // It is gone for good, as after a fresh start of the service. Anything else passes.
      if (!(error instanceof Problem && [403, 404].includes(error.status))) throw error;
      own.forget(id);
      continue;
    }
    if (found.status === status) continue;
    if (found.status === "withdrawn") own.forget(id);
    else own.change(id, { status: found.status, reason: found.statement_of_reasons?.reason });
    if (found.status === "approved") announce("Your comment is published.");
    if (found.status === "rejected") announce("Your comment was not published.");
  }
}

async function refreshList() {
  const first = await api.list({ etag: pages[0]?.etag });
  if (first === null && pages.length === pagesWanted) return;
  // Any change changes the first page too, by its count; the rest is then read anew.
  const fresh = [first ?? pages[0]];
  while (fresh.length < pagesWanted && fresh.at(-1).next_cursor) {
    fresh.push(await api.list({ cursor: fresh.at(-1).next_cursor }));
  }
  pagesWanted = fresh.length;
  pages = fresh;
}

older.addEventListener("click", () => {
  pagesWanted += 1;
  refresh();
});
document.addEventListener("visibilitychange", () => refreshSoon(0));

refresh();
