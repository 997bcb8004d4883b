import { LruMap } from "./lru.ts";
import { RegistryError } from "./registry-error.ts";
import { parseRetryAfter } from "./registry-retry.ts";

export interface RegistryGateOptions {
  readonly now?: (() => Date) | undefined;
  /** How many small exchanges one identity has under way with one host. */
  readonly exchanges?: number | undefined;
  /** How many blobs it reads through there at once: these may take minutes. */
  readonly bulk?: number | undefined;
  readonly maxLanes?: number | undefined;
}

export type Traffic = "exchanges" | "bulk";

interface LaneOptions extends Readonly<Record<Traffic, number>> {
  readonly now: () => Date;
}

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** A registry may ask for silence, but not for ever. */
const maxSilenceMs = 3_600_000;
const firstSilenceMs = 1_000;
const maxUnaskedSilenceMs = 60_000;

/**
 * Shared by all who ask registries. For each host and identity there is one lane: nobody asks again there before the time
 * that the host named, and only a few ask at once. Whoever floods a registry under one identity holds up no other.
 */
export class RegistryGate {
  readonly #options: LaneOptions;
  readonly #lanes: LruMap<RegistryLane>;

  constructor({ now, exchanges, bulk, maxLanes }: RegistryGateOptions = {}) {
    this.#options = { now: now ?? (() => new Date()), exchanges: exchanges ?? 16, bulk: bulk ?? 8 };
    this.#lanes = new LruMap(maxLanes ?? 4096);
  }

  lane(host: string, identity: string): RegistryLane {
    const key = `${host} ${identity}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = new RegistryLane(host, this.#options);
    this.#lanes.set(key, lane);
    return lane;
  }
}

/** What one identity has to do with one host. */
export class RegistryLane {
  readonly #host: string;
  readonly #now: () => Date;
  readonly #slots: Readonly<Record<Traffic, Slots>>;
  #silentUntil = 0;
  #refusals = 0;

  constructor(host: string, options: LaneOptions) {
    this.#host = host;
    this.#now = options.now;
    this.#slots = { exchanges: new Slots(options.exchanges), bulk: new Slots(options.bulk) };
  }

  /**
   * Waits for room and returns what gives it back; calling that twice does no harm.
   * @throws RegistryError `RateLimited` before the time that the host named, `Aborted` when the signal does.
   */
  async enter(traffic: Traffic, signal?: AbortSignal): Promise<() => void> {
    this.#refuseSilenced();
    const leave = await this.#slots[traffic].take(signal);
    if (leave === undefined) throw new RegistryError("Aborted", `the request to ${this.#host} was given up`);
    try {
      // Those who waited have not heard yet what the others were told.
      this.#refuseSilenced();
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** Takes note of what the host says about its limits. */
  note({ status, headers }: Answer): void {
    if (status !== 429 && status !== 503) {
      if (status < 400) this.#refusals = 0;
      return;
    }
    const now = this.#now();
    const asked = parseRetryAfter(headers.get("retry-after"), now);
    if (asked === undefined && status === 503) return;
    const unasked = Math.min(firstSilenceMs * 2 ** this.#refusals, maxUnaskedSilenceMs);
    this.#refusals = Math.min(this.#refusals + 1, 16);
    const until = now.getTime() + Math.min(asked ?? unasked, maxSilenceMs);
    this.#silentUntil = Math.max(this.#silentUntil, until);
  }

  #refuseSilenced(): void {
    const retryAfterMs = this.#silentUntil - this.#now().getTime();
    // A clock that was set back must not make an hour of a minute.
    if (retryAfterMs <= 0 || retryAfterMs > maxSilenceMs) return;
    // The time, not what is left of it: what a status says must not change from one second to the next.
    const until = new Date(this.#silentUntil).toISOString().replace(/\.\d+Z$/, "Z");
    throw new RegistryError("RateLimited", `${this.#host} has asked for no more requests before ${until}`, {
      retryAfterMs,
    });
  }
}

/** Room for a number of tasks; who waits is served in order. */
class Slots {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Undefined when the signal aborted before there was room. */
  async take(signal: AbortSignal | undefined): Promise<(() => void) | undefined> {
    if (signal?.aborted === true) return undefined;
    if (this.#free > 0) this.#free--;
    else if (!(await this.#wait(signal))) return undefined;
    let isTaken = true;
    return () => {
      if (isTaken) this.#release();
      isTaken = false;
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (served: boolean): void => {
        this.#waiting.delete(serve);
        signal?.removeEventListener("abort", abort);
        resolve(served);
      };
      const serve = (): void => end(true);
      const abort = (): void => end(false);
      this.#waiting.add(serve);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #release(): void {
    const [next] = this.#waiting;
    // The slot is handed on, so that nobody who comes now overtakes those who wait.
    if (next === undefined) this.#free++;
    else next();
  }
}
