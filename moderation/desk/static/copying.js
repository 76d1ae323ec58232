// A button beside what people copy: keys, secrets, commands.

import { announce } from "./announce.js";
import { t } from "./text.js";

for (const place of document.querySelectorAll(".copied")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = t("copying.copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(place.querySelector("code").textContent);
    button.textContent = t("copying.copied");
    announce(t("copying.copied"));
    setTimeout(() => (button.textContent = t("copying.copy")), 2000);
  });
  if (place.matches("pre")) place.after(button);
  else place.append(button);
}
