// Pieces of the page, made from its <template> elements.

/** A copy of a template → {root, and one member for each `data-part`, in camelCase}. */
export function fromTemplate(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = { root };
  for (const element of root.querySelectorAll("[data-part]")) {
    const name = element.dataset.part.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    parts[name] = element;
  }
  return parts;
}

/** Show a sentence in an element, or hide the element when there is none. */
export function tell(element, sentence) {
  element.textContent = sentence ?? "";
  element.hidden = !sentence;
}
