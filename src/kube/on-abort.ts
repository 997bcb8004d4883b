import { setMaxListeners } from "node:events";

/**
 * Calls the listener once when the signal aborts, at once if it has. Returns a function that takes the listener back: signals
 * here live as long as the process, and what waits for them does not.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  // Every request and worker under way listens to the same few signals; Node 20 would take the eleventh for a leak.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
