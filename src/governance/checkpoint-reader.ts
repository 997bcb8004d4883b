import type { EvidenceChainHead, EvidenceDecision } from "../api/index.ts";
import { merkleRoot } from "./merkle.ts";
import type { Break, ChainReport } from "./verify.ts";

type Checkpoint = Extract<EvidenceDecision, { type: "Checkpoint" }>;

/** What the checkpoints say of all chains, and whether that is what is there. */
export class CheckpointReader {
  /** As the last checkpoint that was read has it. */
  readonly #heads = new Map<string, EvidenceChainHead>();
  /** Every place that a checkpoint ever named and that was not come by yet. */
  readonly #named = new Map<string, Map<number, string>>();
  /** What was passed before any checkpoint was read: the keys come first. */
  readonly #early: EvidenceChainHead[] = [];
  readonly #broken = new Map<string, Break>();

  /** Returns what is wrong with it. */
  read({ heads, chains, root }: Checkpoint): string | undefined {
    for (const head of heads) {
      const before = this.#heads.get(head.chain);
      if (before !== undefined && head.sequence < before.sequence)
        return `it names record ${head.sequence} of chain ${head.chain}, and one before it record ${before.sequence}`;
      this.#heads.set(head.chain, head);
      const places = this.#named.get(head.chain) ?? new Map<number, string>();
      places.set(head.sequence, head.digest);
      this.#named.set(head.chain, places);
    }
    if (root === undefined) return undefined;
    if (this.#heads.size !== chains)
      return `it was made of ${chains} chains, and ${this.#heads.size} were named up to then: evidence was taken away`;
    return merkleRoot(this.#heads.values()) === root ? undefined : "its root is not that of the heads it is made of";
  }

  /** A sound record of the chain of keys. */
  passedEarly(head: EvidenceChainHead): void {
    this.#early.push(head);
  }

  /** A sound record of another chain, once all checkpoints were read. */
  passed({ chain, sequence, digest }: EvidenceChainHead): void {
    const named = this.#named.get(chain);
    const expected = named?.get(sequence);
    named?.delete(sequence);
    if (expected === undefined || expected === digest || this.#broken.has(chain)) return;
    const message = "a checkpoint names another record for this place: the chain was written anew";
    this.#broken.set(chain, { sequence, problem: "NotAsCheckpointed", message });
  }

  /** No more checkpoints follow. */
  complete(): void {
    for (const head of this.#early) this.passed(head);
  }

  /** Chains that checkpoints name and that are not there. */
  vanished(known: ReadonlySet<string>): readonly string[] {
    return [...this.#heads.keys()].filter((chain) => !known.has(chain)).sort();
  }

  /** Adds to the report of a sound chain what the checkpoints have against it. */
  settle(report: ChainReport): ChainReport {
    if (report.broken !== undefined) return report;
    const broken = this.#broken.get(report.chain);
    if (broken !== undefined) return { ...report, broken };
    const left = [...(this.#named.get(report.chain)?.keys() ?? [])];
    if (left.length === 0) return report;
    const sequence = Math.max(...left);
    const message = `a checkpoint names record ${sequence}: the end of the chain was cut off`;
    return { ...report, broken: { sequence, problem: "Truncated", message } };
  }
}
