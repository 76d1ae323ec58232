// The words of scripts, from the page's catalogue: `[script.…]` in `text/LANGUAGE.toml`.

const entries = JSON.parse(document.getElementById("script-text").textContent);
const plurals = new Intl.PluralRules(entries.language);
const numbers = new Intl.NumberFormat(entries.language);

/** The text of `key`; `count` chooses the plural form and is written for `{count}`. */
export function t(key, values = {}) {
  let entry = entries[key];
  if (entry === undefined) throw new Error(`no text ${key}`);
  if (typeof entry !== "string") entry = entry[plurals.select(values.count)] ?? entry.other;
  return entry.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : String(value);
  });
}
