import {
  EVIDENCE_PREDICATE_TYPE,
  type EvidenceDecision,
  type EvidenceObject,
  type EvidencePredicate,
  type EvidenceStatement,
  STATEMENT_TYPE,
} from "../api/index.ts";
import { readRecord, signRecord } from "./bundle.ts";
import { canonicalJson, digestOf } from "./canonical.ts";
import { type Artifact, identityOf } from "./facts.ts";
import type { SigningKey } from "./signing-key.ts";
import type { NewRecord } from "./store.ts";

/** What a chain ends in now. */
export interface Tail {
  readonly sequence: number;
  readonly digest: string;
  readonly time: string;
  /** By part, the identity of its last decision. */
  readonly state: Readonly<Record<string, string>>;
}

/** A decision that waits to be recorded. */
export interface Decided {
  readonly chain: string;
  readonly object?: EvidenceObject;
  readonly part: string;
  readonly decision: EvidenceDecision;
  readonly artifacts: readonly Artifact[];
  readonly at: Date;
  /** Of the pass that decided. */
  readonly reconcileId?: string | undefined;
}

export interface Recording {
  readonly key: SigningKey;
  readonly recorder: EvidencePredicate["recorder"];
}

const maxSubjects = 64;
const maxParts = 128;

/** The next record of a chain, signed. Pure but for the signature, which is another one each time. */
export function nextRecord(
  decided: Decided,
  tail: Tail | undefined,
  { key, recorder }: Recording,
): { readonly record: NewRecord; readonly tail: Tail } {
  const { chain, object, part, decision, reconcileId } = decided;
  const at = decided.at.toISOString();
  // The clock of a new leader may be behind that of the one before.
  const time = tail !== undefined && tail.time > at ? tail.time : at;
  const sequence = tail === undefined ? 0 : tail.sequence + 1;
  const state = bounded({ ...tail?.state, [part]: identityOf(decision) }, part);
  const predicate: EvidencePredicate = {
    chain,
    sequence,
    ...(tail === undefined ? {} : { previous: tail.digest }),
    time,
    ...(object === undefined ? {} : { object }),
    recorder,
    ...(reconcileId === undefined ? {} : { reconcileId }),
    part,
    decision,
    state,
  };
  const statement: EvidenceStatement = {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(decided),
    predicateType: EVIDENCE_PREDICATE_TYPE,
    predicate,
  };
  const bytes = signRecord(statement, key);
  const digest = digestOf(bytes);
  const artifact = decided.artifacts[0]?.digest;
  return { record: { chain, sequence, digest, bytes, artifact }, tail: { sequence, digest, time, state } };
}

/**
 * The tail that a kept record makes. One that cannot be read has been tampered with: the chain goes on behind it, so that
 * what comes is kept and what happened is seen.
 */
export function tailOf(bytes: Buffer, sequence: number): { readonly tail: Tail; readonly problem?: string } {
  const digest = digestOf(bytes);
  const read = readRecord(bytes);
  if (!read.ok) return { tail: { sequence, digest, time: "", state: {} }, problem: read.message };
  const { time, state } = read.statement.predicate;
  return { tail: { sequence, digest, time, state } };
}

/** The artifacts; else the object itself, by the hash of what identifies it. */
export function subjectsOf({
  chain,
  object,
  artifacts,
}: Pick<Decided, "chain" | "object" | "artifacts">): EvidenceStatement["subject"] {
  const found = artifacts.slice(0, maxSubjects).map(({ name, digest }) => ({ name, digest: sha256(digest) }));
  if (found.length > 0) return found;
  if (object === undefined) return [{ name: chain, digest: sha256(digestOf(chain)) }];
  const { generation: _generation, ...identity } = object;
  const { apiVersion, kind, namespace, name } = object;
  const path = [apiVersion, kind, ...(namespace === undefined ? [] : [namespace]), name].join("/");
  return [{ name: path, digest: sha256(digestOf(canonicalJson(identity))) }];
}

function sha256(digest: string) {
  return { sha256: digest.slice("sha256:".length) };
}

/** What is forgotten here is at worst recorded once more. */
function bounded(state: Readonly<Record<string, string>>, part: string): Readonly<Record<string, string>> {
  const parts = Object.keys(state);
  if (parts.length <= maxParts) return state;
  const dropped = parts.find((one) => one !== part && one.startsWith("image/")) ?? parts.find((one) => one !== part);
  return Object.fromEntries(Object.entries(state).filter(([one]) => one !== dropped));
}
