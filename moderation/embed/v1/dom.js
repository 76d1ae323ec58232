// Making elements. Text goes in as text and never as HTML.

/**
 * An element: `h("p", {class: "note", hidden: true, onclick: f}, "text", child)`.
 * Members that begin with "on" are listeners; true and false set and leave out an attribute.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Show a sentence in an element, or hide the element when there is none. */
export function tell(element, sentence) {
  if (element.textContent !== (sentence ?? "")) element.textContent = sentence ?? "";
  element.hidden = !sentence;
}

/** Make these the children of `parent`, in this order, moving as few as possible. */
export function arrange(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}

const LINK = /https?:\/\/[^\s<>"'\u2018-\u201f]+/gi;

/** Show a comment's text; addresses of the web as links only where `links` is true. */
export function showBody(element, text, links) {
  element.textContent = "";
  let shown = 0;
  for (const found of links ? text.matchAll(LINK) : []) {
    // What ends a sentence is seldom part of an address.
    const address = found[0].replace(/[.,;:!?)\]}]+$/, "");
    const url = URL.canParse?.(address) ? new URL(address) : null;
    if (!url) continue;
    element.append(text.slice(shown, found.index));
    const attributes = { href: url.href, rel: "ugc nofollow noopener", target: "_blank" };
    element.append(h("a", attributes, address));
    shown = found.index + address.length;
  }
  element.append(text.slice(shown));
}
