// The signed-in reader: their JWT as the publisher's page hands it over, and who it says they are.

const BEFORE_EXPIRY_MS = 30_000;

export class Reader {
  #token = null;
  #renew = null;
  #renewing = null;
  #changed;

  /** @param changed is called when it is known who is signed in. */
  constructor(changed) {
    this.#changed = changed;
  }

  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token || null;
    this.#changed();
  }

  get renew() {
    return this.#renew;
  }

  set renew(renew) {
    this.#renew = renew;
    if (renew && !this.#token) this.#askAnew();
  }

  /** As the token says; it is the service that checks it. Null for a guest. */
  get name() {
    return this.#claims?.name ?? null;
  }

  /** The token to send, a new one when it expires in a moment or when `renew`. */
  async bearer(renew = false) {
    const expires = (this.#claims?.exp ?? Infinity) * 1000;
    if (this.#renew && (renew || this.#renewing || expires - Date.now() < BEFORE_EXPIRY_MS)) {
      await this.#askAnew();
    }
    return this.#token;
  }

  #askAnew() {
    this.#renewing ??= Promise.resolve(this.#renew())
      .then((token) => (this.token = token))
      .catch((error) => console.warn(`comment-thread: no token came: ${error}`))
      .finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  get #claims() {
    try {
      const payload = this.#token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
      const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return null;
    }
  }
}
