import { backoffDelay, type BackoffOptions, type Random } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { DelayedKeys } from "./delayed-keys.ts";
import { TokenBucket, type RateLimit } from "./token-bucket.ts";

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Delay of a key after its n-th failure in a row. Default 100 ms to 5 min. */
  readonly backoff?: BackoffOptions | undefined;
  /** Bounds the retries of all keys together. Default 10 a second with a burst of 100. */
  readonly retryRate?: RateLimit | undefined;
  readonly random?: Random | undefined;
}

/** Which keys a worker takes: some take only what is urgent, so that there is always one for it. */
export type Band = "Any" | "Urgent";

/** So many urgent keys in a row, and then one of the others: those wait longer, and not for ever. */
const urgentInARow = 16;

/**
 * Keys that wait for work. A key is in it at most once, and never handed out again before {@link done}: added meanwhile, it
 * comes back afterwards. First come, first served, and urgent keys before the others. An urgent key that fails is urgent again
 * when it is tried again; one that was worked on well is a key like the others.
 */
export class WorkQueue {
  readonly #backoff: BackoffOptions;
  readonly #random: Random;
  readonly #bucket: TokenBucket;
  readonly #delayed: DelayedKeys;
  /** A Set keeps the order of insertion: this is the queue itself. */
  readonly #ready = new Set<string>();
  /** Those that go before. */
  readonly #urgent = new Set<string>();
  #urgentRow = 0;
  /** Whether each was handed out as urgent. */
  readonly #processing = new Map<string, boolean>();
  /** Added while being processed, and whether as urgent. */
  readonly #dirty = new Map<string, boolean>();
  /** To be tried again as urgent, when their delay is over. */
  readonly #urgentLater = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #waiting: Readonly<Record<Band, ((key: string | undefined) => void)[]>> = { Any: [], Urgent: [] };
  readonly #idle: (() => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#backoff = options.backoff ?? { initialMs: 100, maxMs: 300_000 };
    this.#random = options.random ?? Math.random;
    this.#bucket = new TokenBucket(options.retryRate ?? { perSecond: 10, burst: 100 }, options.clock);
    this.#delayed = new DelayedKeys(options.clock, (key) => {
      if (!this.#closed) this.#add(key, this.#urgentLater.delete(key));
    });
  }

  /** Keys that could be handed out now. */
  get depth(): number {
    return this.#urgent.size + this.#ready.size + this.#dirty.size;
  }

  add(key: string): void {
    if (!this.#closed) this.#add(key, false);
  }

  /** The key goes before all that are not urgent; one that waits already is moved forward. */
  addUrgent(key: string): void {
    if (!this.#closed) this.#add(key, true);
  }

  /** Adds the key after `ms`. Of several delays of a key the shortest counts. @throws RangeError for NaN. */
  addAfter(key: string, ms: number): void {
    if (Number.isNaN(ms)) throw new RangeError(`the delay of ${key} is not a number`);
    if (this.#closed) return;
    if (ms <= 0) this.#add(key, this.#urgentLater.delete(key));
    else this.#delayed.add(key, ms);
  }

  /** Adds the key after a failure: later each time, and not before `atLeastMs`. Returns the delay. */
  retry(key: string, atLeastMs = 0): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = Math.max(backoffDelay(this.#backoff, failures, this.#random), this.#bucket.reserve(), atLeastMs);
    if (this.#processing.get(key) === true && !this.#closed) this.#urgentLater.add(key);
    this.addAfter(key, delay);
    return delay;
  }

  /** The next failure of the key counts as its first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /**
   * The next key, when there is one; undefined once the queue is closed and has none left of the band. Call {@link done} for
   * each key.
   */
  next(band: Band = "Any"): Promise<string | undefined> {
    const key = this.#take(band);
    if (key !== undefined) return Promise.resolve(key);
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting[band].push(resolve));
  }

  /** The work on the key is over; if it was added meanwhile, it is ready again. */
  done(key: string): void {
    this.#processing.delete(key);
    const urgent = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (urgent !== undefined) this.#add(key, urgent);
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Takes no more keys and resolves when nothing is being processed. What is ready or dirty is still handed out ("drain")
   * or forgotten ("discard"); what is delayed is forgotten, and found again by whoever lists the objects next.
   */
  close(mode: "drain" | "discard"): Promise<void> {
    this.#closed = true;
    this.#delayed.clear();
    this.#urgentLater.clear();
    if (mode === "discard") {
      this.#ready.clear();
      this.#urgent.clear();
      this.#dirty.clear();
    }
    for (const band of ["Any", "Urgent"] as const)
      for (const resolve of this.#waiting[band].splice(0)) resolve(undefined);
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #isIdle(): boolean {
    return this.#processing.size === 0 && this.#ready.size === 0 && this.#urgent.size === 0;
  }

  #take(band: Band): string | undefined {
    const isTurnOfOthers = band === "Any" && this.#urgentRow >= urgentInARow && this.#ready.size > 0;
    const [urgent] = isTurnOfOthers ? [] : this.#urgent;
    if (urgent !== undefined) {
      this.#urgentRow += 1;
      this.#urgent.delete(urgent);
      this.#processing.set(urgent, true);
      return urgent;
    }
    const [key] = band === "Any" ? this.#ready : [];
    if (key === undefined) return undefined;
    this.#urgentRow = 0;
    this.#ready.delete(key);
    this.#processing.set(key, false);
    return key;
  }

  #add(key: string, urgent: boolean): void {
    if (this.#processing.has(key)) {
      this.#dirty.set(key, urgent || this.#dirty.get(key) === true);
      return;
    }
    // A worker waits only while nothing is ready for it, so nobody is overtaken.
    const worker = this.#waiting.Any.shift() ?? (urgent ? this.#waiting.Urgent.shift() : undefined);
    if (worker !== undefined) {
      this.#processing.set(key, urgent);
      worker(key);
    } else if (urgent) {
      this.#ready.delete(key);
      this.#urgent.add(key);
    } else if (!this.#urgent.has(key)) {
      this.#ready.add(key);
    }
  }
}
