import type { EvidenceStatus } from "../api/index.ts";
import type { Decided, Tail } from "./chain.ts";
import { identityOf } from "./facts.ts";
import type { SigningKey } from "./signing-key.ts";
import type { NewRecord } from "./store.ts";

export interface Waiting extends Decided {
  /** Recorded only where something else of the part was. */
  readonly ends?: true;
  /** Of the recorder itself: never dropped. */
  readonly own?: true;
  /** Signs it instead of the current key. */
  readonly key?: SigningKey;
  readonly onKept?: (tail: Tail) => void;
  /** Once signed it stays the same however often it is sent: another signature would make a fork. */
  prepared?: Prepared;
}

export interface Prepared {
  readonly record: NewRecord;
  readonly tail: Tail;
}

/** One chain as this process knows it. */
export interface Chain {
  readonly id: string;
  readonly waiting: Waiting[];
  /** By part, the identity of what was said last, recorded or not. */
  readonly said: Map<string, string>;
  /** Undefined until it was looked up, and null where there is no record yet. */
  tail: Tail | null | undefined;
  gap: { dropped: number; readonly first: Date; last: Date; readonly sample: Decided } | undefined;
}

const maxIdleChains = 20_000;

/** Decisions that wait, in order for each chain and bounded over all: when it is full the oldest goes, and leaves a gap. */
export class Backlog {
  readonly #chains = new Map<string, Chain>();
  /** Those with something to do, in turn. */
  readonly #due = new Set<Chain>();
  /** What may be dropped, the oldest first. */
  readonly #droppable = new Map<Waiting, Chain>();
  /** Those that are being recorded. They wait too, but are not dropped. */
  readonly #taken = new Set<Waiting>();
  readonly #maxWaiting: number;
  readonly #onDrop: (dropped: Waiting) => void;

  constructor(maxWaiting: number, onDrop: (dropped: Waiting) => void) {
    this.#maxWaiting = maxWaiting;
    this.#onDrop = onDrop;
  }

  /** Decisions that are not recorded yet. */
  get size(): number {
    return this.#droppable.size + this.#taken.size;
  }

  /** Whether it is another decision than the last one said of the part. */
  add(decided: Waiting): boolean {
    const chain = this.chain(decided.chain);
    const identity = identityOf(decided.decision);
    if (decided.own !== true) {
      if (chain.said.get(decided.part) === identity) return false;
      chain.said.set(decided.part, identity);
      this.#droppable.set(decided, chain);
      if (this.#droppable.size > this.#maxWaiting) this.#dropOldest();
    }
    chain.waiting.push(decided);
    this.#due.add(chain);
    return true;
  }

  chain(id: string): Chain {
    const known = this.#chains.get(id);
    if (known !== undefined) return known;
    const made: Chain = { id, waiting: [], said: new Map(), tail: undefined, gap: undefined };
    this.#chains.set(id, made);
    if (this.#chains.size > maxIdleChains) this.#forgetOneBut(made);
    return made;
  }

  isWaiting(id: string): boolean {
    const chain = this.#chains.get(id);
    return chain !== undefined && this.#due.has(chain);
  }

  /** Where the chain of an object stands, as far as this process knows. */
  headOf(id: string): EvidenceStatus | undefined {
    const tail = this.#chains.get(id)?.tail;
    if (tail === undefined || tail === null) return undefined;
    return { sequence: tail.sequence, head: tail.digest, recordedAt: tail.time };
  }

  /** Up to `count` chains that have something to do; each goes to the end of the row. */
  next(count: number): readonly Chain[] {
    const chains: Chain[] = [];
    for (const chain of this.#due) {
      if (chains.length === count) break;
      chains.push(chain);
    }
    for (const chain of chains) {
      this.#due.delete(chain);
      this.#due.add(chain);
    }
    return chains;
  }

  /** The first one that waits. From here on it is not dropped any more. */
  first(chain: Chain): Waiting | undefined {
    const { gap } = chain;
    // What is signed already has its place.
    if (gap !== undefined && chain.waiting[0]?.prepared === undefined) {
      const { dropped, first, last, sample } = gap;
      chain.gap = undefined;
      const decision = {
        type: "Gap",
        dropped,
        first: first.toISOString(),
        last: last.toISOString(),
      } as const;
      chain.waiting.unshift({ ...sample, part: "gap", decision, artifacts: [], at: last, own: true });
    }
    const [first] = chain.waiting;
    if (first !== undefined && this.#droppable.delete(first)) this.#taken.add(first);
    return first;
  }

  /** The first one is done. */
  done(chain: Chain): void {
    const done = chain.waiting.shift();
    if (done !== undefined) this.#taken.delete(done);
    if (chain.waiting.length === 0 && chain.gap === undefined) this.#due.delete(chain);
  }

  #dropOldest(): void {
    const [oldest] = this.#droppable;
    if (oldest === undefined) return;
    const [waiting, chain] = oldest;
    this.#droppable.delete(waiting);
    chain.waiting.splice(chain.waiting.indexOf(waiting), 1);
    // Said once more, it is to be recorded.
    chain.said.delete(waiting.part);
    const { chain: id, object, part, decision, artifacts, at } = waiting;
    const sample = { chain: id, part, decision, artifacts, at, ...(object === undefined ? {} : { object }) };
    chain.gap ??= { dropped: 0, first: at, last: at, sample };
    chain.gap.dropped += 1;
    chain.gap.last = at;
    this.#due.add(chain);
    this.#onDrop(waiting);
  }

  /** Its tail is in the store, and what is said again is compared with that. */
  #forgetOneBut(made: Chain): void {
    for (const chain of this.#chains.values()) {
      if (chain === made || this.#due.has(chain)) continue;
      this.#chains.delete(chain.id);
      return;
    }
  }
}
