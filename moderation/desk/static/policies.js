// Thresholds: a slider beside each number, and a bar that shows what happens from where on.
// An empty number is "never"; its slider stands at the end.

import { t } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const END = 1;

function limitsOf(fields) {
  const limits = {};
  for (const input of fields.querySelectorAll("input[type=number]")) {
    const value = Number.parseFloat(input.value);
    limits[input.name.split(".").at(-1)] = Number.isFinite(value) ? value : null;
  }
  return limits;
}

/** Bands of the bar: class and where each begins, in the order of the scores. */
function bandsOf({ approve_below: approve, hold_at: hold, reject_at: reject }) {
  const bands = [];
  if (approve !== undefined) bands.push(["approve", 0], ["queue", approve ?? 0]);
  else bands.push(["approve", 0]);
  bands.push(["held", hold ?? END]);
  if (reject !== undefined && reject !== null) bands.push(["reject", reject]);
  return bands;
}

function draw(fields) {
  const bands = bandsOf(limitsOf(fields));
  const rects = bands.map(([name, from], place) => {
    const to = bands[place + 1]?.[1] ?? END;
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", name);
    rect.setAttribute("x", from);
    rect.setAttribute("width", Math.max(0, to - from));
    rect.setAttribute("height", 1);
    return rect;
  });
  fields.querySelector(".limit-bar").replaceChildren(...rects);
}

function addSlider(input, fields) {
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = END;
  slider.step = 0.01;
  const label = input.labels[0].textContent.trim();
  slider.setAttribute("aria-label", t("policies.slider", { name: label }));
  const follow = () => {
    slider.value = input.value === "" ? END : input.value;
    slider.setAttribute("aria-valuetext", input.value === "" ? input.placeholder : input.value);
  };
  slider.addEventListener("input", () => {
    const never = input.placeholder && Number(slider.value) === END;
    input.value = never ? "" : slider.value;
    follow();
    draw(fields);
  });
  input.addEventListener("input", () => {
    follow();
    draw(fields);
  });
  follow();
  input.after(slider);
}

for (const fields of document.querySelectorAll("[data-limits]")) {
  for (const input of fields.querySelectorAll("input[type=number]")) addSlider(input, fields);
  draw(fields);
}
