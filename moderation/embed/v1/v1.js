// The comments of an article page, as two elements: <comment-thread> and <comment-count>.

import { MAX_CHARACTERS, countCharacters, tidy } from "./characters.js";
import { CommentCount } from "./counts.js";
import { CommentThread } from "./thread.js";

export { CommentCount, CommentThread, MAX_CHARACTERS, countCharacters, tidy };

// A page may have the script twice.
customElements.get("comment-count") ?? customElements.define("comment-count", CommentCount);
customElements.get("comment-thread") ?? customElements.define("comment-thread", CommentThread);
