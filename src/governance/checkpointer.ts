import { CHECKPOINT_CHAIN, type EvidenceChainHead } from "../api/index.ts";
import type { Clock } from "../kube/index.ts";
import type { Waiting } from "./backlog.ts";
import type { Tail } from "./chain.ts";
import { merkleRoot } from "./merkle.ts";

export interface CheckpointInterval {
  readonly afterMs: number;
  readonly afterRecords: number;
}

const headsInRecord = 1000;

/**
 * Says now and then, in a chain of its own, what all chains end in: whoever kept one checkpoint outside sees whether the end
 * of any chain was cut off later. The first one of a process names all chains, each later one what changed since.
 */
export class Checkpointer {
  readonly #interval: CheckpointInterval;
  readonly #clock: Clock;
  /** Of every chain but that of the checkpoints. */
  readonly #heads = new Map<string, EvidenceChainHead>();
  readonly #changed = new Map<string, EvidenceChainHead>();
  #since: number | undefined;
  #records = 0;
  #waiting = false;

  constructor(interval: CheckpointInterval, clock: Clock) {
    this.#interval = interval;
    this.#clock = clock;
  }

  /** A chain that was there before this process. */
  found(head: EvidenceChainHead): void {
    if (head.chain === CHECKPOINT_CHAIN || this.#heads.has(head.chain)) return;
    this.#heads.set(head.chain, head);
    this.#changed.set(head.chain, head);
  }

  appended(chain: string, { sequence, digest }: Tail): void {
    if (chain === CHECKPOINT_CHAIN) return;
    const head = { chain, sequence, digest };
    this.#heads.set(chain, head);
    this.#changed.set(chain, head);
    this.#since ??= this.#clock.monotonic();
    this.#records += 1;
  }

  /** Milliseconds until a checkpoint is due; undefined while nothing has changed. */
  dueInMs(): number | undefined {
    if (this.#since === undefined || this.#waiting) return undefined;
    if (this.#records >= this.#interval.afterRecords) return 0;
    return Math.max(0, this.#since + this.#interval.afterMs - this.#clock.monotonic());
  }

  /** The records of one checkpoint. `onKept` of the last one is called with its place, to be told to the world outside. */
  take(onKept: (tail: Tail, chains: number) => void): readonly Waiting[] {
    const heads = [...this.#changed.values()].sort((a, b) => (a.chain < b.chain ? -1 : 1));
    const chains = this.#heads.size;
    const root = merkleRoot(this.#heads.values());
    const at = this.#clock.now();
    this.#changed.clear();
    this.#since = undefined;
    this.#records = 0;
    this.#waiting = true;
    const pages = Array.from({ length: Math.max(1, Math.ceil(heads.length / headsInRecord)) }, (_, page) =>
      heads.slice(page * headsInRecord, (page + 1) * headsInRecord),
    );
    return pages.map((page, index) => {
      const isLast = index === pages.length - 1;
      const decision = { type: "Checkpoint", heads: page, chains, ...(isLast ? { root } : {}) } as const;
      const common = { chain: CHECKPOINT_CHAIN, part: "checkpoint", decision, artifacts: [], at, own: true } as const;
      if (!isLast) return common;
      return {
        ...common,
        onKept: (tail: Tail) => {
          this.#waiting = false;
          onKept(tail, chains);
        },
      };
    });
  }
}
