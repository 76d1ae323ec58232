// The public calls of the service, for one article of one site.

const TIMEOUT_MS = 10_000;

/** The service answered with problem details (RFC 9457). */
export class Problem extends Error {
  constructor(status, problem, retryAfterS) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = (problem.type ?? "").split("#")[1] ?? "";
    this.errors = problem.errors ?? {};
    this.until = problem.until;
    this.retryAfterS = retryAfterS;
  }
}

/** No answer came: no network, no server, or too late. What was asked may have been done. */
export class Unreachable extends Error {}

export class Api {
  constructor(siteKey, articleId) {
    this.siteKey = siteKey;
    this.articleId = articleId;
  }

  /** → {id, status, created_at, receipt}. Repeated with the same key it makes one comment. */
  async post(comment, idempotencyKey) {
    const response = await this.#ask("/api/v1/comments", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
      body: JSON.stringify({
        article_id: this.articleId,
        article: { url: location.href.split("#")[0], title: document.title },
        ...comment,
      }),
    });
    return response.json();
  }

  /**
   * One page of approved comments, newest first: {etag, items, next_cursor, count}.
   * null when nothing has changed since the answer with `etag`.
   */
  async list({ cursor, etag } = {}) {
    const query = new URLSearchParams({ article_id: this.articleId, sort: "newest", limit: "50" });
    if (cursor) query.set("cursor", cursor);
    const headers = etag ? { "If-None-Match": etag } : {};
    // With "no-store" the browser's own cache stays out of it, and a 304 reaches this code.
    const response = await this.#ask(`/api/v1/comments?${query}`, { headers, cache: "no-store" });
    if (response.status === 304) return null;
    return { etag: response.headers.get("ETag"), ...(await response.json()) };
  }

  /** One's own comment: its `status` and, when rejected, `statement_of_reasons`. */
  async own(id, receipt) {
    const path = `/api/v1/comments/${encodeURIComponent(id)}`;
    const response = await this.#ask(path, { headers: { "X-Receipt": receipt }, cache: "no-store" });
    return response.json();
  }

  async #ask(path, { headers = {}, ...rest }) {
    let response;
    try {
      response = await fetch(path, {
        ...rest,
        headers: { Accept: "application/json", "X-Site-Key": this.siteKey, ...headers },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new Unreachable(error.message);
    }
    if (response.ok || response.status === 304) return response;
    // A proxy in between may answer with a page of its own.
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem, Number(response.headers.get("Retry-After")) || null);
  }
}

/** A key nobody else has. (`crypto.randomUUID` is missing on plain-HTTP hosts.) */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
