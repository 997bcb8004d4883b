import type { Clock, Timer } from "./clock.ts";
import { KeyHeap } from "./key-heap.ts";

/** The longest nap of the one timer. It then looks again: longer delays than a timer can take are fine. */
const maxNapMs = 60 * 60 * 1000;

/** Hands each key on when its time has come. One timer for all of them, armed for the earliest. */
export class DelayedKeys {
  readonly #clock: Clock;
  readonly #onDue: (key: string) => void;
  readonly #heap = new KeyHeap();
  #timer: Timer;
  #wakesAt = Infinity;

  constructor(clock: Clock, onDue: (key: string) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** A key that is delayed already keeps the earlier of its two times. */
  add(key: string, ms: number): void {
    this.#heap.push(key, this.#clock.monotonic() + ms);
    this.#arm();
  }

  clear(): void {
    this.#heap.clear();
    this.#clock.clearTimeout(this.#timer);
    this.#wakesAt = Infinity;
  }

  #arm(): void {
    const dueAt = this.#heap.peek()?.dueAt;
    if (dueAt === undefined || dueAt >= this.#wakesAt) return;
    this.#clock.clearTimeout(this.#timer);
    const nap = Math.min(maxNapMs, Math.max(0, dueAt - this.#clock.monotonic()));
    this.#wakesAt = dueAt;
    this.#timer = this.#clock.setTimeout(() => this.#wake(), Math.ceil(nap));
  }

  #wake(): void {
    this.#wakesAt = Infinity;
    const now = this.#clock.monotonic();
    for (let first = this.#heap.peek(); first !== undefined && first.dueAt <= now; first = this.#heap.peek()) {
      this.#heap.pop();
      this.#onDue(first.key);
    }
    this.#arm();
  }
}
