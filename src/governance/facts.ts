import { type EvidenceDecision, type EvidenceObject, VerdictBasis, type VerdictStatus } from "../api/index.ts";
import { type KubeObject, type ResourceType, truncateUtf8 } from "../kube/index.ts";
import { canonicalJson, digestOf } from "./canonical.ts";

/** An artifact that a decision is about. */
export interface Artifact {
  /** Without tag or digest. */
  readonly name: string;
  readonly digest: string;
}

/** What is decided now about one part of an object. Said in every pass: it is recorded when it is another than before. */
export interface Fact {
  /** Such as "verdict" or "image/onnx". */
  readonly part: string;
  readonly decision: EvidenceDecision;
  readonly artifacts: readonly Artifact[];
  /** It is recorded only where something else of the part was: nothing begins with it. */
  readonly ends?: true;
}

/** Why an object has nothing granted any more, where no verdict says so. */
export const deleted = { reason: "Deleted", message: "the object is being deleted" } as const;
export const nothingToGrant = { reason: "NothingGranted", message: "nothing that it names may run" } as const;
/** Whoever deleted the object wanted the namespace open. */
export const opened = { reason: "Opened", message: "spec.deletionPolicy is Open" } as const;

const maxDigests = 512;
/** What may differ while the decision is the same. */
const incidental: ReadonlySet<string> = new Set(["message", "verifiedAt", "notAfter", "snapshot"]);

/** Equal for two decisions that say the same. */
export function identityOf(decision: EvidenceDecision): string {
  const kept = JSON.stringify(decision, (key, value: unknown) => (incidental.has(key) ? undefined : value));
  return digestOf(canonicalJson(JSON.parse(kept)));
}

export interface VerdictAbout {
  /** Default "verdict", and "image/…" for an allowed image. */
  readonly part?: string;
  readonly reference: string;
  /** Of the artifact, without tag or digest; undefined where the reference cannot be read. */
  readonly name?: string | undefined;
  readonly image?: string;
}

/** A verdict; without a digest its subject is the object. */
export function verdictFact(verdict: VerdictStatus, { part, reference, name, image }: VerdictAbout): Fact {
  // What else a status says is left out: a record has no place for it.
  const { outcome, reason, ...basis } = VerdictBasis.parse(verdict);
  const { digest } = basis;
  return {
    part: part ?? (image === undefined ? "verdict" : `image/${image}`),
    decision: {
      type: "Verdict",
      ...(image === undefined ? {} : { image }),
      outcome,
      ...reasonOf({ reason, message: verdict.message }),
      reference,
      ...given(basis),
    },
    artifacts: digest === undefined || name === undefined ? [] : [{ name, digest }],
  };
}

export interface GrantedDigest extends Artifact {
  readonly uses: readonly string[];
  readonly notAfter: Date;
}

/** All that an object has granted now; `why` it has nothing, where it has nothing. */
export function grantFact(
  granted: readonly GrantedDigest[],
  why: { readonly reason: string; readonly message: string },
): Fact {
  const part = "grant";
  const sorted = [...granted].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  if (sorted.length === 0)
    return { part, decision: { type: "Withdrawal", ...reasonOf(why) }, artifacts: [], ends: true };
  const digests = sorted.slice(0, maxDigests).map(({ digest, uses, notAfter }) => ({
    digest,
    uses: [...uses].sort(),
    notAfter: notAfter.toISOString(),
  }));
  const omitted = sorted.length - digests.length;
  const artifacts = sorted.map(({ name, digest }) => ({ name, digest }));
  return { part, decision: { type: "Grant", digests, omitted }, artifacts };
}

export function quarantineFact(
  quarantine:
    | {
        readonly since: string;
        readonly reason: string;
        readonly message: string;
        readonly snapshot?: string | undefined;
      }
    | undefined,
): Fact {
  const part = "quarantine";
  if (quarantine === undefined) return { part, decision: { type: "Release" }, artifacts: [], ends: true };
  const { since, snapshot } = quarantine;
  const decision = { type: "Quarantine", since, ...reasonOf(quarantine) } as const;
  return { part, decision: snapshot === undefined ? decision : { ...decision, snapshot }, artifacts: [] };
}

/** What keeps the object from what it asks for, besides its verdict; undefined when nothing does. */
export function refusalFact(refusal: { readonly reason: string; readonly message: string } | undefined): Fact {
  const part = "refusal";
  if (refusal === undefined) return { part, decision: { type: "Admission" }, artifacts: [], ends: true };
  return { part, decision: { type: "Refusal", ...reasonOf(refusal) }, artifacts: [] };
}

export function enforcementFact(state: {
  readonly enforced: boolean;
  readonly profile: string;
  readonly reason: string;
  readonly message: string;
}): Fact {
  const { enforced, profile } = state;
  return {
    part: "enforcement",
    decision: { type: "Enforcement", enforced, profile, ...reasonOf(state) },
    artifacts: [],
  };
}

export function isolationFact(state: {
  readonly isolated: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly breaches: number;
  readonly objects: readonly string[];
}): Fact {
  const { isolated, breaches } = state;
  const objects = [...new Set(state.objects)];
  const decision = { type: "Isolation", isolated, breaches, objects, ...reasonOf(state) } as const;
  return { part: "isolation", decision, artifacts: [] };
}

/** Without what is undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function reasonOf({ reason, message }: { readonly reason: string; readonly message: string }) {
  return { reason, message: truncateUtf8(message, 2048) };
}

/** An object of a kind of ours; undefined for one that the API server has not given a uid. */
export function evidenceObject(
  { kind, group, version }: Pick<ResourceType, "kind" | "group" | "version">,
  { metadata: { namespace, name, uid, generation = 0 } }: KubeObject,
): EvidenceObject | undefined {
  if (uid === undefined) return undefined;
  const apiVersion = `${group}/${version}`;
  return { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }), name, uid, generation };
}
