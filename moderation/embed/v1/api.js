// The public calls of the service. Reading asks without headers of its own, so that browsers need
// no CORS preflight and caches keep answers by their address.

const BASE = new URL("../", import.meta.url).href;
const TIMEOUT_MS = 10_000;

/** A part of this script that is fetched only where it is needed: "later" or "words-LANGUAGE". */
export const fetchPart = (name) => import(`${BASE}embed/v1/${name}.js`);

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

/** Whether the same request may well succeed in a moment. */
export function passes(error) {
  return error instanceof Unreachable || [502, 503, 504].includes(error.status);
}

export class Api {
  #siteKey;
  #token;

  /** @param token async (renew) → the signed-in reader's JWT, or null; renewed when `renew`. */
  constructor(siteKey, token = async () => null) {
    this.#siteKey = siteKey;
    this.#token = token;
  }

  /** A page of comments: {etag, items, replies, next_cursor, count, open, guests_allowed}. */
  list(query, anew = false) {
    return this.#read("comments", Object.entries(query).filter(([, value]) => value != null), anew);
  }

  /** {etag, counts: {article id: number}} of at most 100 articles. */
  counts(articleIds, anew = false) {
    return this.#read("counts", articleIds.map((id) => ["article_id", id]), anew);
  }

  /** → {id, status, created_at, receipt}. Repeated with the same key it makes one comment. */
  post(comment, key) {
    return this.#tell("POST", "comments", comment, { "Idempotency-Key": key });
  }

  /** One's own comment: `status`, `editable_until`, and when rejected `statement_of_reasons`. */
  own({ id, receipt }) {
    return this.#tell("GET", `comments/${id}`, undefined, { "X-Receipt": receipt });
  }

  edit({ id, receipt }, body) {
    return this.#tell("PATCH", `comments/${id}`, { body }, { "X-Receipt": receipt });
  }

  withdraw({ id, receipt }) {
    return this.#tell("DELETE", `comments/${id}`, undefined, { "X-Receipt": receipt });
  }

  /** → null when this reader has reported it before. */
  report(id, report) {
    return this.#tell("POST", `comments/${id}/reports`, report);
  }

  async #read(path, query, anew) {
    const search = new URLSearchParams([["site_key", this.#siteKey], ...query]);
    // "no-cache" asks again by the ETag, and costs a 304 while nothing has changed.
    const response = await ask(`${path}?${search}`, { cache: anew ? "no-cache" : "default" });
    return { etag: response.headers.get("ETag"), ...(await response.json()) };
  }

  async #tell(method, path, told, headers = {}, renew = false) {
    const token = await this.#token(renew);
    const sent = { "X-Site-Key": this.#siteKey, ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    if (told !== undefined) sent["Content-Type"] = "application/json";
    try {
      const body = told === undefined ? undefined : JSON.stringify(told);
      const response = await ask(path, { method, headers: sent, body, cache: "no-store" });
      return response.status === 204 ? null : await response.json();
    } catch (error) {
      if (error.status !== 401 || !token || renew) throw error;
      return this.#tell(method, path, told, headers, true);
    }
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`${BASE}api/v1/${path}`, {
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...options,
    });
  } catch (error) {
    throw new Unreachable(error.message);
  }
  if (response.ok) return response;
  // A proxy in between may answer with a page of its own.
  const problem = await response.json().catch(() => ({}));
  throw new Problem(response.status, problem, Number(response.headers.get("Retry-After")) || null);
}

/** A key nobody else has. (`crypto.randomUUID` is missing on plain-HTTP hosts.) */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
