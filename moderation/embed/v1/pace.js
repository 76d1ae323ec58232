// When to ask again: soon while somebody reads and things change, seldom when nobody does, not at
// all while the page is hidden, and never all readers at once.

const ACTIVE_FOR_MS = 60_000;
const AFTER_ERRORS_MS = 120_000;

let lastActive = performance.now();
for (const sign of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart"]) {
  addEventListener(sign, () => (lastActive = performance.now()), { passive: true, capture: true });
}

export class Pace {
  #run;
  #least;
  #most;
  #idle;
  #delay;
  #timer = null;
  #running = false;
  #lastRun = -Infinity;
  #onVisible = () => this.#look();

  /**
   * @param run async () → whether something had changed.
   * @param ms {least, most, idle}: after a change; while nothing changes; while nobody is there.
   */
  constructor(run, { least, most, idle }) {
    this.#run = run;
    this.#least = this.#delay = least;
    this.#most = most;
    this.#idle = idle;
  }

  /** Begin, with a first run in about `inMs`. */
  start(inMs = this.#least) {
    document.addEventListener("visibilitychange", this.#onVisible);
    addEventListener("online", this.#onVisible);
    this.#delay = this.#least;
    this.#plan(inMs);
  }

  stop() {
    document.removeEventListener("visibilitychange", this.#onVisible);
    removeEventListener("online", this.#onVisible);
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Run now. */
  async now() {
    clearTimeout(this.#timer);
    if (this.#running) return;
    this.#running = true;
    this.#lastRun = performance.now();
    try {
      this.#delay = (await this.#run()) ? this.#least : this.#delay * 1.3;
      const isActive = performance.now() - lastActive < ACTIVE_FOR_MS;
      this.#delay = Math.min(this.#delay, isActive ? this.#most : this.#idle);
    } catch (error) {
      const told = (error.retryAfterS ?? 0) * 1000;
      this.#delay = Math.max(told, Math.min(2 * this.#delay, AFTER_ERRORS_MS));
    } finally {
      this.#running = false;
    }
    if (this.#timer !== null) this.#plan(this.#delay);
  }

  #plan(inMs) {
    clearTimeout(this.#timer);
    // Spread out: ten thousand readers of one article must not ask in step.
    const spread = inMs * (0.8 + 0.4 * Math.random());
    this.#timer = setTimeout(() => document.visibilityState === "visible" && this.now(), spread);
  }

  #look() {
    if (document.visibilityState !== "visible") return;
    const since = performance.now() - this.#lastRun;
    this.#plan(Math.max(500, this.#least - since));
  }
}
