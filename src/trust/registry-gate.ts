import { LruMap } from "../kube/index.ts";
import { RegistryError } from "./registry-error.ts";
import { parseRetryAfter } from "./registry-retry.ts";

export interface RegistryGateOptions {
  readonly now?: (() => Date) | undefined;
  /** How many small exchanges a tenant has under way with one host under one identity. */
  readonly exchanges?: number | undefined;
  /** How many blobs it reads through there at once: these may take minutes. */
  readonly bulk?: number | undefined;
  readonly maxLanes?: number | undefined;
}

export type Traffic = "exchanges" | "bulk";

interface GateOptions extends Readonly<Record<Traffic, number>> {
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
 * Shared by all who ask registries. Nobody asks a host again under an identity before the time that the host named, and each
 * tenant has only a few requests under way there. Whoever floods a registry holds up nobody else: not under another
 * identity, and not another tenant under the same one, such as that of strangers.
 */
export class RegistryGate {
  readonly #options: GateOptions;
  readonly #silences: LruMap<string, Silence>;
  readonly #rooms: LruMap<string, Room>;

  constructor({ now, exchanges, bulk, maxLanes = 4096 }: RegistryGateOptions = {}) {
    this.#options = { now: now ?? (() => new Date()), exchanges: exchanges ?? 16, bulk: bulk ?? 8 };
    this.#silences = new LruMap(maxLanes);
    this.#rooms = new LruMap(maxLanes);
  }

  lane(host: string, identity: string, tenant = ""): RegistryLane {
    const { now, exchanges, bulk } = this.#options;
    const silence = entry(this.#silences, `${host} ${identity}`, () => new Silence(host, now));
    const room = entry(this.#rooms, `${host} ${identity} ${tenant}`, () => ({
      exchanges: new Slots(exchanges),
      bulk: new Slots(bulk),
    }));
    return new RegistryLane(host, silence, room);
  }
}

function entry<V>(map: LruMap<string, V>, key: string, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const fresh = create();
  map.set(key, fresh);
  return fresh;
}

/** The way of one tenant to one host under one identity. */
export class RegistryLane {
  readonly #host: string;
  readonly #silence: Silence;
  readonly #room: Room;

  constructor(host: string, silence: Silence, room: Room) {
    this.#host = host;
    this.#silence = silence;
    this.#room = room;
  }

  /**
   * Waits for room and returns what gives it back; calling that twice does no harm.
   * @throws RegistryError `RateLimited` before the time that the host named, `Aborted` when the signal does.
   */
  async enter(traffic: Traffic, signal?: AbortSignal): Promise<() => void> {
    this.#silence.check();
    const leave = await this.#room[traffic].take(signal);
    if (leave === undefined) throw new RegistryError("Aborted", `the request to ${this.#host} was given up`);
    try {
      // Those who waited have not heard yet what the others were told.
      this.#silence.check();
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** Takes note of what the host says about its limits. */
  note(answer: Answer): void {
    this.#silence.note(answer);
  }
}

/** Until when a host is not asked under an identity. */
class Silence {
  readonly #host: string;
  readonly #now: () => Date;
  #until = 0;
  #refusals = 0;

  constructor(host: string, now: () => Date) {
    this.#host = host;
    this.#now = now;
  }

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
    this.#until = Math.max(this.#until, now.getTime() + Math.min(asked ?? unasked, maxSilenceMs));
  }

  check(): void {
    const retryAfterMs = this.#until - this.#now().getTime();
    // A clock that was set back must not make an hour of a minute.
    if (retryAfterMs <= 0 || retryAfterMs > maxSilenceMs) return;
    // The time, not what is left of it: what a status says must not change from one second to the next.
    const until = new Date(this.#until).toISOString().replace(/\.\d+Z$/, "Z");
    throw new RegistryError("RateLimited", `${this.#host} has asked for no more requests before ${until}`, {
      retryAfterMs,
    });
  }
}

type Room = Readonly<Record<Traffic, Slots>>;

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
