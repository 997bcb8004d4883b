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

/**
 * Keys that wait for work. A key is in it at most once, and never handed out again before {@link done}: added meanwhile, it
 * comes back afterwards. First come, first served.
 */
export class WorkQueue {
  readonly #backoff: BackoffOptions;
  readonly #random: Random;
  readonly #bucket: TokenBucket;
  readonly #delayed: DelayedKeys;
  /** A Set keeps the order of insertion: this is the queue itself. */
  readonly #ready = new Set<string>();
  readonly #processing = new Set<string>();
  /** Added while being processed. */
  readonly #dirty = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#backoff = options.backoff ?? { initialMs: 100, maxMs: 300_000 };
    this.#random = options.random ?? Math.random;
    this.#bucket = new TokenBucket(options.retryRate ?? { perSecond: 10, burst: 100 }, options.clock);
    this.#delayed = new DelayedKeys(options.clock, (key) => this.add(key));
  }

  /** Keys that could be handed out now. */
  get depth(): number {
    return this.#ready.size + this.#dirty.size;
  }

  add(key: string): void {
    if (!this.#closed) this.#add(key);
  }

  /** Adds the key after `ms`. Of several delays of a key the shortest counts. @throws RangeError for NaN. */
  addAfter(key: string, ms: number): void {
    if (Number.isNaN(ms)) throw new RangeError(`the delay of ${key} is not a number`);
    if (this.#closed) return;
    if (ms <= 0) this.add(key);
    else this.#delayed.add(key, ms);
  }

  /** Adds the key after a failure: later each time, and not before `atLeastMs`. Returns the delay. */
  retry(key: string, atLeastMs = 0): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = Math.max(backoffDelay(this.#backoff, failures, this.#random), this.#bucket.reserve(), atLeastMs);
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

  /** The next key, when there is one; undefined once the queue is closed and empty. Call {@link done} for each key. */
  next(): Promise<string | undefined> {
    const [key] = this.#ready;
    if (key !== undefined) {
      this.#ready.delete(key);
      this.#processing.add(key);
      return Promise.resolve(key);
    }
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The work on the key is over; if it was added meanwhile, it is ready again. */
  done(key: string): void {
    this.#processing.delete(key);
    if (this.#dirty.delete(key)) this.#add(key);
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Takes no more keys and resolves when nothing is being processed. What is ready or dirty is still handed out ("drain")
   * or forgotten ("discard"); what is delayed is forgotten, and found again by whoever lists the objects next.
   */
  close(mode: "drain" | "discard"): Promise<void> {
    this.#closed = true;
    this.#delayed.clear();
    if (mode === "discard") {
      this.#ready.clear();
      this.#dirty.clear();
    }
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #isIdle(): boolean {
    return this.#processing.size === 0 && this.#ready.size === 0;
  }

  #add(key: string): void {
    if (this.#processing.has(key)) {
      this.#dirty.add(key);
      return;
    }
    const worker = this.#waiting.shift();
    if (worker === undefined) {
      this.#ready.add(key);
      return;
    }
    // A worker waits only while nothing is ready, so nobody is overtaken.
    this.#processing.add(key);
    worker(key);
  }
}
