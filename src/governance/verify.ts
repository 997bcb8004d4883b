import {
  CHECKPOINT_CHAIN,
  type EvidenceChainHead,
  type EvidenceObject,
  type EvidencePredicate,
  KEY_CHAIN,
} from "../api/index.ts";
import type { PublicKey } from "../trust/index.ts";
import type { RecordProblem } from "./bundle.ts";
import { type CheckedRecord, type Place, KeyRing, checkRecord } from "./check-record.ts";
import { CheckpointReader } from "./checkpoint-reader.ts";
import { type Entry, type EvidenceStore, compareEntries } from "./store.ts";

/** Why a chain is broken. These are API: people filter by them. */
export type ChainProblem =
  | RecordProblem
  /** A record of another chain has been put here. */
  | "WrongChain"
  /** A record stands at another place than the one it was signed for. */
  | "WrongSequence"
  | "Missing"
  | "WrongPrevious"
  | "WrongObject"
  | "WrongSubject"
  | "TimeBackwards"
  /** Two records for one place. */
  | "Forked"
  /** Signed by a key that another one had replaced before. */
  | "RetiredKey"
  /** The end that a checkpoint or a given head names is gone. */
  | "Truncated"
  /** A checkpoint names another record for the place. */
  | "NotAsCheckpointed"
  | "WrongCheckpoint";

export interface Break {
  readonly sequence: number;
  readonly problem: ChainProblem;
  readonly message: string;
}

export interface ChainReport {
  readonly chain: string;
  readonly object?: EvidenceObject;
  readonly records: number;
  readonly first?: string;
  readonly last?: string;
  readonly head?: string;
  /** Decisions that were lost while the store was away, as the chain itself says. */
  readonly lost: number;
  /** The first broken link; absent when the chain is sound. */
  readonly broken?: Break;
}

export interface VerifyOptions {
  readonly store: Pick<EvidenceStore, "list" | "read">;
  /** Keys that are trusted from outside; others only where a trusted one introduced them. */
  readonly keys: readonly PublicKey[];
  /** Heads that were kept elsewhere: each must be the digest of a record. */
  readonly heads?: readonly string[];
  readonly signal: AbortSignal;
}

export interface Verification {
  readonly chains: readonly ChainReport[];
  /** Given heads that no record has. */
  readonly unknownHeads: readonly string[];
  readonly sound: boolean;
}

/**
 * Checks every chain of a store, one record at a time and with nothing but the keys given: signatures, form, places, links,
 * times, keys and checkpoints. Throws only where the store cannot be read.
 */
export async function verifyEvidence({ store, keys, heads = [], signal }: VerifyOptions): Promise<Verification> {
  const chains = byChain(await store.list(signal));
  const ring = new KeyRing(keys);
  const checkpoints = new CheckpointReader();
  const unknown = new Set(heads);
  const reports: ChainReport[] = [];
  const walk = async (chain: string): Promise<void> => {
    const walker = new ChainWalk(chain, ring, checkpoints);
    for (const entry of chains.get(chain) ?? []) {
      signal.throwIfAborted();
      unknown.delete(walker.take(entry, await store.read(entry, signal)));
    }
    reports.push(walker.report());
  };
  // The keys first, for whom they introduce; then what the others have to end in.
  const special = [KEY_CHAIN, CHECKPOINT_CHAIN].filter((chain) => chains.has(chain));
  for (const chain of special) await walk(chain);
  checkpoints.complete();
  for (const chain of [...chains.keys()].filter((chain) => !special.includes(chain)).sort()) await walk(chain);
  const known = new Set(chains.keys());
  reports.push(...checkpoints.vanished(known).map(vanished));
  const settled = reports.map((report) => checkpoints.settle(report));
  return {
    chains: settled,
    unknownHeads: [...unknown],
    sound: unknown.size === 0 && settled.every(({ broken }) => broken === undefined),
  };
}

function byChain(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const chains = new Map<string, Entry[]>();
  for (const entry of [...entries].sort(compareEntries)) {
    const chain = chains.get(entry.chain);
    if (chain === undefined) chains.set(entry.chain, [entry]);
    else chain.push(entry);
  }
  return chains;
}

function vanished(chain: string): ChainReport {
  const message = "a checkpoint names records of this chain, and there is none left";
  return { chain, records: 0, lost: 0, broken: { sequence: 0, problem: "Truncated", message } };
}

/** Goes along one chain. After the first broken link it only counts. */
class ChainWalk {
  readonly #chain: string;
  readonly #ring: KeyRing;
  readonly #checkpoints: CheckpointReader;
  #place: Place;
  #records = 0;
  #lost = 0;
  #object: EvidenceObject | undefined;
  #first: string | undefined;
  #last: string | undefined;
  #broken: Break | undefined;

  constructor(chain: string, ring: KeyRing, checkpoints: CheckpointReader) {
    this.#chain = chain;
    this.#ring = ring;
    this.#checkpoints = checkpoints;
    this.#place = { chain, sequence: 0 };
  }

  /** Returns the digest of the record, as it is. */
  take(entry: Entry, bytes: Buffer): string {
    this.#records += 1;
    const checked = checkRecord(bytes, { entry, expected: this.#place, ring: this.#ring });
    if (checked.ok) this.#accept(checked);
    else this.#broken ??= { sequence: entry.sequence, problem: checked.problem, message: checked.message };
    if (this.#broken === undefined) this.#pass({ ...entry, digest: checked.digest });
    return checked.digest;
  }

  #pass(head: EvidenceChainHead): void {
    if (this.#chain === KEY_CHAIN) this.#checkpoints.passedEarly(head);
    else this.#checkpoints.passed(head);
  }

  #accept({ predicate, digest, keyAge }: CheckedRecord): void {
    if (this.#broken !== undefined) return;
    const { sequence, time, object, decision } = predicate;
    this.#object ??= object;
    this.#first ??= time;
    this.#last = time;
    this.#place = { chain: this.#chain, sequence: sequence + 1, previous: { digest, time, keyAge, object } };
    if (decision.type === "Gap") this.#lost += decision.dropped;
    this.#learn(predicate);
  }

  #learn({ sequence, time, decision }: EvidencePredicate): void {
    if (decision.type === "KeyRotation" && this.#chain === KEY_CHAIN) {
      const message = this.#ring.introduce(decision, time);
      if (message !== undefined) this.#broken = { sequence, problem: "UnknownKey", message };
    }
    if (decision.type === "Checkpoint" && this.#chain === CHECKPOINT_CHAIN) {
      const message = this.#checkpoints.read(decision);
      if (message !== undefined) this.#broken = { sequence, problem: "WrongCheckpoint", message };
    }
  }

  report(): ChainReport {
    const [object, first, last, broken] = [this.#object, this.#first, this.#last, this.#broken];
    return {
      chain: this.#chain,
      records: this.#records,
      lost: this.#lost,
      ...(object === undefined ? {} : { object }),
      ...(first === undefined ? {} : { first }),
      ...(last === undefined ? {} : { last }),
      ...(this.#place.previous === undefined ? {} : { head: this.#place.previous.digest }),
      ...(broken === undefined ? {} : { broken }),
    };
  }
}
