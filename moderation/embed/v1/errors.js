// What went wrong, in words for readers. For what the service refuses they are fetched only then: it
// has just answered, so they can be had.

import { Unreachable, fetchPart } from "./api.js";

/** An error → {body, name, general}: the sentences beside each field and for all. Never rejects. */
export async function explain(error, words) {
  if (error instanceof Unreachable) {
    return { general: words.t(navigator.onLine ? "error.unreachable" : "error.offline") };
  }
  try {
    if (error.status < 500) return (await fetchPart("later")).explainRefusal(error, words);
  } catch {
    // Then there is no better word for it than this.
  }
  return { general: words.t("error.ours") };
}
