// The 300-character rule as the server has it (moderation/domain/text.py): line ends become \n,
// white space at both ends goes, the rest is put in NFC; a character is a grapheme cluster.

export const MAX_CHARACTERS = 300;

const LINE_END = /\r\n|[\r\u2028\u2029]/g;
const WHITE = "[\\t\\n \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\ufeff]+";
const EDGES = new RegExp(`^${WHITE}|${WHITE}$`, "g");

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The text the server will store for what was written. */
export function tidy(raw) {
  return raw.replace(LINE_END, "\n").replace(EDGES, "").normalize("NFC");
}

/** How many characters a reader counts in `text`, as it is. */
export function countCharacters(text) {
  let number = 0;
  for (const _ of segmenter.segment(text)) number += 1;
  return number;
}
