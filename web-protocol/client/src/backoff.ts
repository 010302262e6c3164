import type { Backoff } from "./api.js";

const DEFAULTS: Backoff = { minMs: 100, maxMs: 10_000 };

/** Delays of one retried thing: each random below a bound that doubles (full jitter), until {@link reset}. */
export class Retries {
  readonly bounds: Backoff;
  #failures = 0;

  constructor(
    readonly random: () => number,
    bounds: Partial<Backoff> = {},
  ) {
    this.bounds = { ...DEFAULTS, ...bounds };
  }

  /** Delay before the next attempt, in milliseconds. */
  next(): number {
    const bound = Math.min(this.bounds.maxMs, this.bounds.minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return this.random() * bound;
  }

  /** Starts over, after a success. */
  reset(): void {
    this.#failures = 0;
  }
}

/** At most one timer, that can be set anew and cleared. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;

  get running(): boolean {
    return this.#handle !== undefined;
  }

  /** Calls `then` after `delayMs`, instead of what was waited for before. */
  start(delayMs: number, then: () => void): void {
    this.stop();
    this.#handle = setTimeout(() => {
      this.#handle = undefined;
      then();
    }, delayMs);
  }

  stop(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}
