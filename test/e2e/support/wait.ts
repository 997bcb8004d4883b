import { inspect } from "node:util";

const pollMs = 250;

/** Reads until it holds and returns what was read; when the time is over, the error shows the last state. */
export async function eventually<T>(
  what: string,
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = 45_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > deadline) {
      throw new Error(`not within ${timeoutMs / 1000} s: ${what}; at last: ${inspect(stateOf(value), { depth: 8 })}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Observes for a while and returns all that was read: for what must not happen. */
export async function observe<T>(ms: number, read: () => Promise<T>): Promise<readonly T[]> {
  const end = Date.now() + ms;
  const seen = [await read()];
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    seen.push(await read());
  }
  return seen;
}

/** Of an object of the cluster its status is what was waited for. */
function stateOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "status" in value ? value.status : value;
}
