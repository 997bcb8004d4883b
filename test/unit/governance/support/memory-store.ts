import {
  type Appended,
  type Entry,
  type EvidenceStore,
  type NewRecord,
  StoreError,
} from "../../../../src/governance/store.ts";
import { digestOf } from "../../../../src/governance/canonical.ts";

/** Records in memory, which can be away and can be tampered with. */
export class MemoryStore implements EvidenceStore {
  /** By chain, then by place. Two in one place are a fork. */
  readonly chains = new Map<string, { sequence: number; bytes: Buffer }[]>();
  down = false;
  /** Appends, and then says that it did not. */
  losesAnswers = false;
  appends = 0;

  list(): Promise<readonly Entry[]> {
    if (this.down) return Promise.reject(new StoreError("Unavailable", "the store is away"));
    const entries = [...this.chains].flatMap(([chain, records]) =>
      records.map(({ sequence, bytes }) => ({ chain, sequence, digest: digestOf(bytes) })),
    );
    return Promise.resolve(entries);
  }

  read({ chain, digest }: Entry): Promise<Buffer> {
    const found = this.of(chain).find(({ bytes }) => digestOf(bytes) === digest);
    if (this.down || found === undefined) return Promise.reject(new StoreError("Unavailable", "the store is away"));
    return Promise.resolve(found.bytes);
  }

  append({ chain, sequence, bytes }: NewRecord): Promise<Appended> {
    if (this.down) return Promise.reject(new StoreError("Unavailable", "the store is away"));
    this.appends += 1;
    const taken = this.of(chain).find((record) => record.sequence === sequence);
    if (taken !== undefined) return Promise.resolve(taken.bytes.equals(bytes) ? "Kept" : "Taken");
    this.chains.set(chain, [...this.of(chain), { sequence, bytes }]);
    if (this.losesAnswers) return Promise.reject(new StoreError("Unavailable", "the answer was lost"));
    return Promise.resolve("Kept");
  }

  of(chain: string): { sequence: number; bytes: Buffer }[] {
    return this.chains.get(chain) ?? [];
  }
}
