import type { Clock, Timer } from "./clock.ts";
import { KubeError } from "./kube-error.ts";

/**
 * Aborts its signal when {@link touch} was not called for a while: how a connection that swallows everything is noticed.
 * One timer that looks at the time, instead of one per touch: a busy watch touches thousands of times a second.
 */
export class InactivityLimit {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #limitMs: number;
  #touchedAt: number;
  #timer: Timer;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#touchedAt = clock.monotonic();
    this.#arm(limitMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    this.#touchedAt = this.#clock.monotonic();
  }

  dispose(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      const left = this.#touchedAt + this.#limitMs - this.#clock.monotonic();
      if (left > 0) {
        this.#arm(left);
        return;
      }
      const message = `nothing was received for ${this.#limitMs} ms`;
      this.#controller.abort(new KubeError("Timeout", message, { reason: inactiveReason }));
    }, ms);
  }
}

export const inactiveReason = "Inactive";
