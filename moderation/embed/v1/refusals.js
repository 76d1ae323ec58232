// What the service refused, in words for readers.

const OF_CODE = {
  author_banned: "error.banned",
  comments_closed: "form.closed",
  guests_not_allowed: "form.readers_only",
  invalid_parent: "error.parent",
  idempotency_mismatch: "error.mixed_up",
  expired_token: "error.sign_in_again",
  invalid_token: "error.sign_in_again",
  unknown_article: "error.article",
  edit_window_over: "error.window",
  not_editable: "error.window",
  unknown_comment: "error.gone",
};

/** A `Problem` of status 4xx → {body, name, general}, as `explain` gives them. */
export function inWords(error, words) {
  const say = words.t.bind(words);
  if (error.status === 429) return { general: say("error.quick", { wait: wait(error.retryAfterS, say) }) };
  const { body, "author.name": name, website } = error.errors;
  if (website) return { general: say("error.trap") };
  if (body || name) return { body: body?.join(" "), name: name?.join(" ") };
  if (error.code === "author_suspended") {
    return { general: say("error.suspended", { when: words.exact(error.until) }) };
  }
  return { general: error.code in OF_CODE ? say(OF_CODE[error.code]) : error.message };
}

function wait(seconds, say) {
  if (!seconds) return say("error.moment");
  if (seconds < 90) return say("error.seconds", { count: seconds });
  return say("error.minutes", { count: Math.ceil(seconds / 60) });
}
