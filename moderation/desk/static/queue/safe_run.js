// Keys of the safe run: j and k go along the lines, x unticks one, a approves what is ticked.

const boxes = () => [...document.querySelectorAll(".lines input")];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches('select, textarea, input:not([type="checkbox"])')) return;
  const all = boxes();
  const place = all.indexOf(document.activeElement);
  const does = {
    j: () => all[Math.min(place + 1, all.length - 1)]?.focus(),
    k: () => all[Math.max(place - 1, 0)]?.focus(),
    x: () => all[place]?.click(),
    a: () => document.querySelector('#decide [value="approve"]')?.click(),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
