// Tells screen readers what happened, through the page's one live region.

const region = () => document.getElementById("status");

/** Say `text`; the same text twice is heard twice. */
export function announce(text) {
  const place = region();
  if (!place) return;
  place.textContent = "";
  requestAnimationFrame(() => {
    place.textContent = text;
  });
}
