// What readers are told: errors, states and times in words.

import { Unreachable } from "./api.js";

const KEPT = "Your text is still here.";

const OF_CODE = {
  author_banned: "You cannot comment here any more.",
  comments_closed: "Comments on this article are closed.",
  guests_not_allowed: "Only readers who are signed in can comment here.",
  invalid_parent: "The comment you reply to is no longer here.",
  idempotency_mismatch: `Something got mixed up. ${KEPT} Please post it again.`,
};

/** An error of posting → {body, name, general}: the sentences beside each field and for all. */
export function explain(error) {
  if (error instanceof Unreachable) {
    return {
      general: `The comments could not be reached. ${KEPT} Check the connection and post it again.`,
    };
  }
  if (error.status === 429) {
    return { general: `That was very quick. ${KEPT} Please post it again in ${wait(error.retryAfterS)}.` };
  }
  if (error.status === undefined || error.status >= 500) {
    return { general: `Something failed on our side. ${KEPT} Please post it again in a moment.` };
  }
  const { body, "author.name": name } = error.errors;
  if (body || name) return { body: body?.join(" "), name: name?.join(" ") };
  if (error.code === "author_suspended") {
    return { general: `You cannot comment here until ${when(error.until)}. ${KEPT}` };
  }
  return { general: OF_CODE[error.code] ?? error.message };
}

function wait(seconds) {
  if (!seconds) return "a moment";
  if (seconds < 90) return seconds === 1 ? "a second" : `${seconds} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

const dateAndTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });

/** A point in time as readers write it, in their own time zone. */
export function when(isoTime) {
  return dateAndTime.format(new Date(isoTime));
}

export function characters(number) {
  return number === 1 ? "1 character" : `${number} characters`;
}
