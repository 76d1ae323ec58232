// The panel about an author, where it is the content of a drawer: its forms and tabs change the panel
// and leave the page alone. On a page of its own they work as they are.

import { announce } from "./announce.js";
import { piece, post, why } from "./net.js";

class AuthorPanel extends HTMLElement {
  connectedCallback() {
    if (!this.closest("dialog")) return;
    this.addEventListener("submit", (event) => this.#act(event));
    this.addEventListener("click", (event) => this.#follow(event));
  }

  async #act(event) {
    event.preventDefault();
    const form = event.target;
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    try {
      const path = new URL(form.action).pathname;
      const done = await post(path, new FormData(form));
      const undo = done.batch_id ? `&undo=${encodeURIComponent(done.batch_id)}` : "";
      await this.#show(`${this.dataset.path}?fragment=1${undo}`);
      announce(done.message);
      /** Somebody's standing or comments are not what they were; `rejected`: ids of comments. */
      const detail = { authorId: this.dataset.path.split("/").pop(), rejected: done.rejected ?? [] };
      document.dispatchEvent(new CustomEvent("author-changed", { detail }));
    } catch (error) {
      for (const button of buttons) button.disabled = false;
      this.#complain(form, error);
    }
  }

  async #follow(event) {
    const link = event.target.closest("a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    const to = new URL(link.href);
    const isOurs = to.pathname === this.dataset.path && (link.closest(".tabs") || link.rel === "next");
    if (!isOurs) return;
    event.preventDefault();
    to.searchParams.set("fragment", "1");
    try {
      await this.#show(to.pathname + to.search, "#author-comments");
    } catch (error) {
      announce(why(error));
    }
  }

  /** Put the piece at `path` in place of what is here, and the focus on `place` in it. */
  async #show(path, place = "#author-name") {
    const fresh = (await piece(path)).querySelector("author-panel");
    this.replaceChildren(...fresh.childNodes);
    const heading = this.querySelector(place);
    heading.tabIndex = -1;
    heading.focus({ preventScroll: place === "#author-name" });
    heading.scrollIntoView({ block: "nearest" });
  }

  #complain(form, error) {
    const told = form.querySelector(".error") ?? document.createElement("p");
    told.className = "error";
    told.setAttribute("role", "alert");
    const fields = Object.values(error.problem?.errors ?? {}).flat();
    told.textContent = fields.join(" ") || why(error);
    form.append(told);
  }
}

customElements.define("author-panel", AuthorPanel);
