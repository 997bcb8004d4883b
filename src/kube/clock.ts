import { onAbort } from "./on-abort.ts";

/** An armed timer; opaque, to be given back to `clearTimeout`. */
export type Timer = unknown;

/** Time, injected so that tests own it. */
export interface Clock {
  /** Wall time: for what people and other machines read. It may jump. */
  now(): Date;
  /** Milliseconds from an arbitrary start; never goes back. For every duration and deadline. */
  monotonic(): number;
  /** A delay over {@link maxTimerMs} fires early, at that limit: whoever waits that long looks at the time again. */
  setTimeout(callback: () => void, ms: number): Timer;
  clearTimeout(timer: Timer): void;
}

/** Beyond this a Node timer fires at once (after 1 ms) instead of late. */
export const maxTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(Math.max(0, ms), maxTimerMs)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Resolves after `ms`, or as soon as the signal aborts; never rejects. True when the time passed in full. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => {
      release();
      resolve(true);
    }, ms);
    const release = onAbort(signal, () => {
      clock.clearTimeout(timer);
      resolve(false);
    });
  });
}
