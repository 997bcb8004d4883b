/** A pseudo-random number in [0, 1). Injected so that tests are repeatable. */
export type Random = () => number;

export interface BackoffOptions {
  /** Delay after the first failure, in milliseconds. */
  readonly initialMs: number;
  /** No delay is longer than this, jitter included. */
  readonly maxMs: number;
  /** Growth for each further failure. Default 2. */
  readonly factor?: number;
  /** A delay is drawn from [(1 - jitter) * d, d]. Default 0.5; 0 turns it off. */
  readonly jitter?: number;
}

/** The delay before attempt `failures + 1`, where `failures` counts from 1. */
export function backoffDelay(options: BackoffOptions, failures: number, random: Random = Math.random): number {
  const factor = options.factor ?? 2;
  const jitter = options.jitter ?? 0.5;
  // The exponent is bounded because Infinity * 0 would be NaN.
  const exponent = Math.min(Math.max(0, failures - 1), 1000);
  const delay = Math.min(options.maxMs, options.initialMs * factor ** exponent);
  return delay * (1 - jitter * random());
}

/** Counts consecutive failures of one thing. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #failures = 0;

  constructor(options: BackoffOptions, random: Random = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** Records a failure and returns the delay before the next attempt, in milliseconds. */
  next(): number {
    this.#failures += 1;
    return backoffDelay(this.#options, this.#failures, this.#random);
  }

  reset(): void {
    this.#failures = 0;
  }
}
