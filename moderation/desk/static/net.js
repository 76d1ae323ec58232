// Asking the desk by fetch, as its forms would: same paths, same CSRF token, answers in JSON.

import { t } from "./text.js";

const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** What the desk answered when it did not do what was asked. */
export class Refused extends Error {
  /** @param {object} problem RFC 9457: `type`, `status`, `detail`, … */
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
    this.status = problem.status;
    this.code = String(problem.type ?? "").split("#").pop();
  }
}

/** Why something failed, in words for people. */
export function why(error) {
  if (error instanceof Refused) return error.message || t("net.failed");
  return t("net.offline");
}

/**
 * Send a form's fields.
 * @param {string} path
 * @param {FormData|URLSearchParams|Record<string, string>} fields
 * @returns {Promise<any>} the JSON answer, null if there is none
 * @throws {Refused} the desk refused; TypeError: there is no connection
 */
export function post(path, fields) {
  return ask(path, { method: "POST", body: new URLSearchParams(fields), keepalive: true });
}

/** Read JSON. @throws as `post`. */
export function read(path) {
  return ask(path, {});
}

/** Read a piece of a page, as an element's content. @throws as `post`. */
export async function piece(path) {
  const response = await fetch(path, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Refused({ status: response.status, detail: response.statusText });
  const holder = document.createElement("template");
  holder.innerHTML = await response.text();
  return holder.content;
}

async function ask(path, options) {
  const response = await fetch(path, {
    ...options,
    headers: { Accept: "application/json", "X-CSRFToken": csrf() },
  });
  const type = response.headers.get("Content-Type") ?? "";
  const answer = type.includes("json") ? await response.json() : null;
  if (!response.ok) throw new Refused(answer ?? { status: response.status, detail: "" });
  return answer;
}
