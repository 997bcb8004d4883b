import type { Clock, Timer } from "../../../src/kube/index.ts";

interface FakeTimer {
  readonly dueAt: number;
  readonly callback: () => void;
}

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #monotonic = 0;
  #wall = Date.parse("2026-01-01T00:00:00Z");
  #lastId = 0;
  readonly #timers = new Map<number, FakeTimer>();

  now(): Date {
    return new Date(this.#wall);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    this.#lastId += 1;
    this.#timers.set(this.#lastId, { dueAt: this.#monotonic + Math.max(0, ms), callback });
    return this.#lastId;
  }

  clearTimeout(timer: Timer): void {
    if (typeof timer === "number") this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Fires what falls due on the way, in order, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms;
    await settle();
    for (let next = this.#earliest(target); next !== undefined; next = this.#earliest(target)) {
      const [id, timer] = next;
      this.#timers.delete(id);
      this.#moveTo(timer.dueAt);
      timer.callback();
      await settle();
    }
    this.#moveTo(target);
    await settle();
  }

  /** Time passes but nothing runs, as when the process is stopped. */
  jump(ms: number): void {
    this.#moveTo(this.#monotonic + ms);
  }

  /** Only the wall clock, as when it is set. */
  setWall(time: Date): void {
    this.#wall = time.getTime();
  }

  #earliest(limit: number): [number, FakeTimer] | undefined {
    let best: [number, FakeTimer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].dueAt <= limit && (best === undefined || entry[1].dueAt < best[1].dueAt)) best = entry;
    }
    return best;
  }

  #moveTo(time: number): void {
    if (time <= this.#monotonic) return;
    this.#wall += time - this.#monotonic;
    this.#monotonic = time;
  }
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
