import { type EvidenceObject, type EvidencePredicate, VerdictStatus } from "../../../../src/api/index.ts";
import { type Decided, nextRecord, tailOf } from "../../../../src/governance/chain.ts";
import {
  type Fact,
  type SigningKey,
  enforcementFact,
  grantFact,
  quarantineFact,
  readRecord,
  verdictFact,
} from "../../../../src/governance/index.ts";
import type { MemoryStore } from "./memory-store.ts";

export const recorder = { identity: "mlsecops-operator-0", version: "0.1.0" };
export const start = new Date("2026-01-01T00:00:00Z");
export const digest = (n: number): string => `sha256:${String(n % 10).repeat(64)}`;
export const nobody = new AbortController().signal;

export function objectOf(uid: string): EvidenceObject {
  return {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "SecureModel",
    namespace: "shop",
    name: `m-${uid}`,
    uid,
    generation: 1,
  };
}

export function verdict(outcome: "Verified" | "Rejected" = "Verified", n = 1, message = "said"): Fact {
  const status = VerdictStatus.parse({
    outcome,
    reason: outcome === "Verified" ? "Verified" : "NoAuthorities",
    message,
    digest: digest(n),
    policies: [{ name: "release", generation: 1 }],
    trustFingerprint: "t",
  });
  return verdictFact(status, { reference: "registry.example/iris:v1", name: "registry.example/iris" });
}

export const why = { reason: "NoAuthorities", message: "no key is left" };

export function granted(n = 1): Fact {
  return grantFact([{ name: "registry.example/iris", digest: digest(n), uses: ["imageVolume"], notAfter: start }], why);
}

export const withdrawn: Fact = grantFact([], why);
export const quarantined: Fact = quarantineFact({ since: start.toISOString(), ...why });
export const released: Fact = quarantineFact(undefined);
export const enforced: Fact = enforcementFact({ enforced: true, profile: "serving", reason: "Enforced", message: "" });

/** Appends as the recorder does, without one. */
export function append(store: MemoryStore, key: SigningKey, decided: Omit<Decided, "at"> & { at?: Date }): void {
  const records = store.of(decided.chain);
  const last = records.at(-1);
  const tail = last === undefined ? undefined : tailOf(last.bytes, last.sequence).tail;
  const at = new Date(start.getTime() + records.length * 1000);
  const { record } = nextRecord({ at, ...decided }, tail, { key, recorder });
  store.chains.set(decided.chain, [...records, { sequence: record.sequence, bytes: record.bytes }]);
}

export function appendFact(store: MemoryStore, key: SigningKey, uid: string, fact: Fact & { at?: Date }): void {
  append(store, key, { chain: uid, object: objectOf(uid), ...fact });
}

/** What the records of a chain say. */
export function predicates(store: MemoryStore, chain: string): EvidencePredicate[] {
  return store.of(chain).map(({ bytes }) => {
    const read = readRecord(bytes);
    if (!read.ok) throw new Error(read.message);
    return read.statement.predicate;
  });
}

export function types(store: MemoryStore, chain: string): string[] {
  return predicates(store, chain).map(({ decision }) => decision.type);
}
