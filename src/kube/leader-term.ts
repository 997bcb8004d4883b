import type { Clock, Timer } from "./clock.ts";
import { fencedError } from "./fence.ts";

/** One period of leadership, which lasts as long as it is renewed in time. */
export class LeaderTerm {
  readonly #clock: Clock;
  readonly #renewDeadlineMs: number;
  readonly #held = new AbortController();
  readonly #leading = new AbortController();
  #renewedAt: ClockReading;
  #timer: Timer;

  /** `renewedAt` is when the request that won the lease was about to be sent. */
  constructor(clock: Clock, renewDeadlineMs: number, renewedAt: ClockReading) {
    this.#clock = clock;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#renewedAt = renewedAt;
    this.#arm();
  }

  /** Aborts when writes are no longer permitted. */
  get held(): AbortSignal {
    return this.#held.signal;
  }

  /** Aborts when the work has to stop: with {@link held}, or before it in a graceful stop. */
  get leading(): AbortSignal {
    return this.#leading.signal;
  }

  /**
   * Computed from the clocks, not from a timer: after a pause of the process timers are late. The one of the two clocks
   * that went further counts, for the monotonic one may stand still while a machine is suspended.
   */
  isHeld(): boolean {
    return !this.held.aborted && this.#leftMs() > 0;
  }

  /** The lease was renewed by a request that was about to be sent at `at`. */
  renew(at: ClockReading): void {
    if (this.held.aborted) return;
    this.#renewedAt = at;
    this.#clock.clearTimeout(this.#timer);
    this.#arm();
  }

  /** The work shall stop, but may write what it has begun until {@link end}. */
  stopWork(): void {
    if (!this.leading.aborted) this.#leading.abort(fencedError("the leader is stopping"));
  }

  /** From here on nothing may be written. */
  end(detail: string): void {
    this.#clock.clearTimeout(this.#timer);
    if (!this.held.aborted) this.#held.abort(fencedError(detail));
    if (!this.leading.aborted) this.#leading.abort(fencedError(detail));
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => this.#expire(), Math.max(0, this.#leftMs()));
  }

  #expire(): void {
    // A timer may fire a little early, and a wall clock that was set back may have made it late or early.
    if (this.#leftMs() > 0) this.#arm();
    else this.end("the lease was not renewed in time");
  }

  #leftMs(): number {
    const now = readClocks(this.#clock);
    const elapsed = Math.max(now.monotonic - this.#renewedAt.monotonic, now.wall - this.#renewedAt.wall);
    return this.#renewDeadlineMs - elapsed;
  }
}

/** Both clocks at one moment, in milliseconds. */
export interface ClockReading {
  readonly monotonic: number;
  readonly wall: number;
}

export function readClocks(clock: Clock): ClockReading {
  return { monotonic: clock.monotonic(), wall: clock.now().getTime() };
}
