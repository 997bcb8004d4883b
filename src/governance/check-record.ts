import { isDeepStrictEqual } from "node:util";
import type { EvidenceDecision, EvidenceObject, EvidencePredicate } from "../api/index.ts";
import { type PublicKey, parsePublicKey } from "../trust/index.ts";
import { isSignedBy, readRecord } from "./bundle.ts";
import { digestOf } from "./canonical.ts";
import { subjectsOf } from "./chain.ts";
import type { Entry } from "./store.ts";
import type { ChainProblem } from "./verify.ts";

/** What the next record of a chain must follow. */
export interface Place {
  readonly chain: string;
  readonly sequence: number;
  readonly previous?: {
    readonly digest: string;
    readonly time: string;
    readonly keyAge: number;
    readonly object: EvidenceObject | undefined;
  };
}

export interface CheckedRecord {
  readonly ok: true;
  readonly digest: string;
  readonly predicate: EvidencePredicate;
  /** Of the key that signed it: how many were introduced before. */
  readonly keyAge: number;
}

export type Checked =
  | CheckedRecord
  | { readonly ok: false; readonly digest: string; readonly problem: ChainProblem; readonly message: string };

interface KnownKey {
  readonly key: PublicKey;
  readonly age: number;
  /** When another one took its place. */
  retired?: string;
}

/** The keys that may sign, those from outside and those that they introduced. */
export class KeyRing {
  readonly #keys = new Map<string, KnownKey>();
  #introduced = 0;

  constructor(keys: readonly PublicKey[]) {
    for (const key of keys) this.#keys.set(key.fingerprint, { key, age: 0 });
  }

  get(fingerprint: string): KnownKey | undefined {
    return this.#keys.get(fingerprint);
  }

  /** Of a record whose signature was checked. Returns what is wrong with it. */
  introduce(rotation: Extract<EvidenceDecision, { type: "KeyRotation" }>, time: string): string | undefined {
    const parsed = parsePublicKey(rotation.publicKey);
    if (!parsed.ok) return parsed.problem;
    if (parsed.key.fingerprint !== rotation.fingerprint) return "the key it introduces has another fingerprint";
    const replaced = rotation.replaces === undefined ? undefined : this.#keys.get(rotation.replaces);
    if (replaced !== undefined) replaced.retired ??= time;
    this.#keys.set(parsed.key.fingerprint, { key: parsed.key, age: this.#introduced });
    this.#introduced += 1;
    return undefined;
  }
}

/** One record at one place of a chain. Pure. */
export function checkRecord(
  bytes: Buffer,
  { entry, expected, ring }: { readonly entry: Entry; readonly expected: Place; readonly ring: KeyRing },
): Checked {
  const digest = digestOf(bytes);
  const bad = (problem: ChainProblem, message: string): Checked => ({ ok: false, digest, problem, message });
  const { previous } = expected;
  if (entry.sequence < expected.sequence) return bad("Forked", "there are two records for this place");
  if (entry.sequence > expected.sequence) {
    const last = entry.sequence - 1;
    const which = last === expected.sequence ? `record ${last} is` : `records ${expected.sequence} to ${last} are`;
    return bad("Missing", `${which} missing before it`);
  }
  if (entry.digest !== undefined && entry.digest !== digest)
    return bad("Unreadable", "its content is not what its name says: it was changed");
  const read = readRecord(bytes);
  if (!read.ok) return bad(read.problem, read.message);
  const { statement, signature } = read;
  const { predicate } = statement;
  const { chain, sequence, time, object, decision } = predicate;
  const known = ring.get(signature.keyFingerprint);
  if (known === undefined)
    return bad("UnknownKey", `it is signed by ${signature.keyFingerprint}, a key that nothing trusted has introduced`);
  if (!isSignedBy(signature, known.key)) return bad("BadSignature", "its signature does not fit: it was changed");
  if (chain !== expected.chain) return bad("WrongChain", `it belongs to chain ${chain}`);
  if (sequence !== expected.sequence) return bad("WrongSequence", `it was signed as record ${sequence}`);
  if (predicate.previous !== previous?.digest)
    return bad("WrongPrevious", "it does not follow the record before it: one of the two was replaced");
  if (previous !== undefined && time < previous.time)
    return bad("TimeBackwards", `its time, ${time}, is before that of the record before it`);
  if (known.retired !== undefined && time > known.retired)
    return bad("RetiredKey", `its key was replaced at ${known.retired}`);
  if (previous !== undefined && known.age < previous.keyAge)
    return bad("RetiredKey", "its key is older than the one that signed the record before it");
  if (previous !== undefined && !isSameObject(previous.object, object))
    return bad("WrongObject", "it is about another object than the record before it");
  if (object !== undefined && object.uid !== chain) return bad("WrongObject", "its object has another uid");
  // Artifacts are what the decision says; where it says none, the subject is the object.
  if (
    !hasArtifacts(decision) &&
    !isDeepStrictEqual(statement.subject, subjectsOf({ chain, artifacts: [], ...obj(object) }))
  )
    return bad("WrongSubject", "its subject is not the object that it is about");
  return { ok: true, digest, predicate, keyAge: known.age };
}

function obj(object: EvidenceObject | undefined) {
  return object === undefined ? {} : { object };
}

function hasArtifacts(decision: EvidenceDecision): boolean {
  return decision.type === "Grant" || (decision.type === "Verdict" && decision.digest !== undefined);
}

function isSameObject(a: EvidenceObject | undefined, b: EvidenceObject | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const { generation: _a, ...first } = a;
  const { generation: _b, ...second } = b;
  return isDeepStrictEqual(first, second);
}
