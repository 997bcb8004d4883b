import { decideFormat, type IncompleteReason } from "../formats/index.ts";
import { SIGNATURE_PREDICATE_TYPE } from "./bundle.ts";
import type { ArtifactFacts } from "./facts.ts";
import { explain, type AttestationContext } from "./messages.ts";
import type { ResolvedAttestation, ResolvedPolicy } from "./policies.ts";
import type { AttestedBy, IndeterminateReason, RejectedReason, Signer } from "./verdict.ts";
import {
  countAuthorities,
  vouchingOf,
  type FactIndex,
  type SignedBundle,
  type Unknown,
  type Vouch,
  type Vouching,
} from "./vouching.ts";

export interface Accepted {
  readonly outcome: "Verified";
  readonly signers: readonly Signer[];
  readonly attestations: readonly AttestedBy[];
  /** By a maximum age: it holds no longer from then on. */
  readonly until?: Date | undefined;
}

export interface Refused {
  readonly outcome: "Rejected";
  readonly reason: RejectedReason;
  readonly message: string;
  /** Time alone changes it then. */
  readonly until?: Date | undefined;
}

export interface Undecided {
  readonly outcome: "Indeterminate";
  readonly reason: IndeterminateReason;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** What one policy says about an artifact that is there. */
export type Opinion = Accepted | Refused | Undecided;

/** One policy's opinion, whatever its mode: enough signatures, and then every attestation. */
export function opinionOf(
  policy: ResolvedPolicy,
  artifact: ArtifactFacts,
  facts: FactIndex,
  { now, use }: { readonly now: Date; readonly use: "Model" | "Image" },
): Opinion {
  if (policy.unreadable !== undefined) {
    return { outcome: "Indeterminate", reason: "PolicyUnreadable", message: explain.unreadable(policy) };
  }
  const signatures = signaturesOf(policy, artifact, facts, now);
  if (signatures.outcome !== "Verified") return signatures;
  const attested = policy.attestations.map((wanted) => attestationOf({ policy, wanted, artifact }, facts, now));
  const refused = attested.find((one) => one.outcome === "Rejected");
  if (refused !== undefined) return refused;
  const unknown = attested.find((one) => one.outcome === "Indeterminate");
  if (unknown !== undefined) return unknown;
  const content = use === "Model" ? contentOf(policy, artifact) : undefined;
  if (content !== undefined) return content;
  const all = [signatures, ...attested.filter((one) => one.outcome === "Verified")];
  return {
    outcome: "Verified",
    signers: signatures.signers,
    attestations: all.flatMap((one) => one.attestations),
    until: earliest(all.map((one) => one.until)),
  };
}

/** It says nothing of the content. That it took too long, or too much memory, does: then it is refused. */
const notTried: ReadonlySet<IncompleteReason> = new Set(["Cancelled", "CannotStart", "InputFailed"]);

/** Undefined: the policy has nothing against what is in it. */
function contentOf(policy: ResolvedPolicy, { content, layers }: ArtifactFacts): Refused | Undecided | undefined {
  if (content === undefined) {
    // Nobody knows what is in it: for what is too large to be read that stays so.
    return layers.state === "Intact"
      ? { outcome: "Indeterminate", reason: "VerifierUnavailable", message: explain.contentNotRead(policy) }
      : rejected("LimitExceeded", explain.contentTooLarge(policy));
  }
  const unread = content.find((layer) => layer.state === "Incomplete" && notTried.has(layer.reason));
  if (unread?.state === "Incomplete") {
    return {
      outcome: "Indeterminate",
      reason: "VerifierUnavailable",
      message: explain.contentNotRead(policy, unread.detail),
    };
  }
  const decision = decideFormat(content, policy.formats);
  if (decision.outcome === "Accepted") return undefined;
  return rejected(decision.reason, explain.contentRefused(policy, decision.message));
}

function signaturesOf(policy: ResolvedPolicy, artifact: ArtifactFacts, facts: FactIndex, now: Date): Opinion {
  const bundles = artifact.bundles.filter((bundle) => bundle.claim.kind === "Signature") as readonly SignedBundle[];
  const vouching = vouchingOf({ policy, bundles, facts, age: policy.age, now });
  const { vouches } = vouching;
  if (countAuthorities(vouches) >= policy.threshold) {
    return {
      outcome: "Verified",
      signers: signersOf(vouches),
      attestations: [],
      until: untilOf(vouches, policy.threshold),
    };
  }
  const unknown = decisive(vouching, policy.threshold);
  if (unknown !== undefined) return undecided(unknown, `authority ${unknown.authority}`);
  if (vouches.length > 0) return rejected("ThresholdNotMet", explain.thresholdNotMet(policy, artifact, vouching));
  const [refusal] = vouching.refusals;
  if (refusal === undefined || refusal.reason === "UntrustedSigner") return unsigned(policy, artifact, vouching);
  return { ...rejected(refusal.reason, explain.refusedSignature(policy, artifact, refusal)), until: refusal.until };
}

/** No signature counts: the reason says what there is instead. */
function unsigned(policy: ResolvedPolicy, artifact: ArtifactFacts, vouching: Vouching): Refused {
  const claims = artifact.bundles.map((bundle) => bundle.claim);
  const signatures = claims.filter((claim) => claim.kind === "Signature");
  const trusted = new Set(policy.authorities.flatMap(({ key }) => key?.fingerprint ?? []));
  const hints = signatures.flatMap(({ signedBy }) => (signedBy.kind === "Key" ? (signedBy.hint ?? []) : []));
  const forged = hints.find((hint) => trusted.has(hint));
  if (forged !== undefined) return rejected("InvalidSignature", explain.forged(policy, artifact, forged));
  if (signatures.length > 0) {
    const found = [...hints.map((hint) => `the key ${hint}`), ...vouching.refusals.map(({ why }) => why)];
    return rejected("UntrustedSigner", explain.untrustedSigner(policy, artifact, found));
  }
  const copied = claims.find(
    (claim) => claim.kind === "OtherDigest" && claim.predicateType === SIGNATURE_PREDICATE_TYPE,
  );
  if (copied?.kind === "OtherDigest")
    return rejected("InvalidSignature", explain.otherDigest(policy, artifact, copied.subjects));
  const damaged = claims.find((claim) => claim.kind === "Malformed");
  if (damaged !== undefined) return rejected("InvalidSignature", explain.damaged(policy, artifact, damaged.problem));
  return rejected("NoSignature", explain.noSignature(policy, artifact));
}

function attestationOf(context: AttestationContext, facts: FactIndex, now: Date): Opinion {
  const { policy, wanted, artifact } = context;
  const ofType = artifact.bundles.filter(
    ({ claim }) => "predicateType" in claim && claim.predicateType === wanted.predicateType,
  );
  if (ofType.some(({ claim }) => claim.kind === "NotRead")) {
    return { outcome: "Indeterminate", reason: "VerifierUnavailable", message: explain.notRead(context) };
  }
  const bundles = ofType.filter(({ claim }) => claim.kind === "Attestation") as readonly SignedBundle[];
  const vouching = vouchingOf({ policy, authorities: wanted.authorities, bundles, facts, age: wanted.age, now });
  const judged = vouching.vouches.map((vouch) => ({ vouch, failed: failedCondition(wanted, vouch, artifact, now) }));
  const failed = judged.find((one) => one.failed !== undefined);
  const good = judged.filter((one) => one.failed === undefined).map(({ vouch }) => vouch);
  const isEnough = countAuthorities(good) >= wanted.threshold;
  if (failed?.failed !== undefined && (wanted.match === "Every" || !isEnough)) {
    // With `Any`, one that is not known yet may still make up for it.
    const unknown = wanted.match === "Every" ? undefined : decisive({ ...vouching, vouches: good }, wanted.threshold);
    if (unknown !== undefined) return undecided(unknown, `attestation ${wanted.name}, authority ${unknown.authority}`);
    return rejected("AttestationRejected", explain.attestationRejected(context, failed.vouch.signer, failed.failed));
  }
  // With `Every`, one that nobody has looked at, or that is not known yet, may be the one that refuses.
  if (wanted.match === "Every" && artifact.leftOut > 0) {
    return { outcome: "Indeterminate", reason: "VerifierUnavailable", message: explain.notAllRead(context) };
  }
  const unknown =
    wanted.match === "Every" ? vouching.unknown[0] : decisive({ ...vouching, vouches: good }, wanted.threshold);
  if (unknown !== undefined && (wanted.match === "Every" || !isEnough)) {
    return undecided(unknown, `attestation ${wanted.name}, authority ${unknown.authority}`);
  }
  if (!isEnough) {
    const [refusal] = vouching.refusals;
    return {
      ...rejected(
        "AttestationMissing",
        explain.attestationMissing(context, { have: countAuthorities(good), refused: refusal?.why }),
      ),
      until: refusal?.until,
    };
  }
  return {
    outcome: "Verified",
    signers: [],
    attestations: [...new Set(good.map(({ signer }) => signer.authority))]
      .sort()
      .map((authority) => ({ policy: policy.name, name: wanted.name, authority })),
    until: untilOf(good, wanted.threshold),
  };
}

/** Undefined: all conditions are true. */
function failedCondition(
  wanted: ResolvedAttestation,
  { bundle: { claim } }: Vouch,
  { name, digest }: ArtifactFacts,
  now: Date,
): string | undefined {
  if (claim.kind !== "Attestation") return "it is no attestation";
  for (const { expression, message } of wanted.conditions) {
    const result = expression.evaluate({ predicate: claim.predicate, artifact: { name, digest }, now });
    if (result.state === "True") continue;
    const why = result.state === "False" ? "is false" : `has no value: ${result.problem}`;
    return `${message === undefined ? "" : `${message}: `}${expression.text} ${why}`;
  }
  return undefined;
}

/** Of too few that vouch: where those that are not known could make up the number, the first of them. */
function decisive({ vouches, unknown }: Vouching, threshold: number): Unknown | undefined {
  return countAuthorities(vouches, unknown) >= threshold ? unknown[0] : undefined;
}

/** Each once, however often they signed, in an order that does not depend on the registry's: by what counts longest. */
function signersOf(vouches: readonly Vouch[]): readonly Signer[] {
  const lasting = [...vouches].sort(
    (a, b) =>
      (b.countsUntil?.getTime() ?? Infinity) - (a.countsUntil?.getTime() ?? Infinity) ||
      (b.signer.signedAt?.getTime() ?? 0) - (a.signer.signedAt?.getTime() ?? 0) ||
      (a.signer.keyFingerprint < b.signer.keyFingerprint ? -1 : 1),
  );
  const signers = new Map<string, Signer>();
  for (const { signer } of lasting) {
    const { authority, keyFingerprint, subject, issuer } = signer;
    const who = JSON.stringify([authority, ...(subject === undefined ? [keyFingerprint] : [subject, issuer ?? null])]);
    if (!signers.has(who)) signers.set(who, signer);
  }
  return [...signers.keys()].sort().flatMap((who) => signers.get(who) ?? []);
}

/** Until when enough of them count; undefined: for ever. */
function untilOf(vouches: readonly Vouch[], threshold: number): Date | undefined {
  const ends = vouches.flatMap(({ countsUntil }) => countsUntil?.getTime() ?? []).sort((a, b) => a - b);
  const end = ends.find(
    (time) =>
      countAuthorities(vouches.filter(({ countsUntil }) => (countsUntil?.getTime() ?? Infinity) > time)) < threshold,
  );
  return end === undefined ? undefined : new Date(end);
}

function earliest(times: readonly (Date | undefined)[]): Date | undefined {
  const known = times.flatMap((time) => time?.getTime() ?? []);
  return known.length === 0 ? undefined : new Date(Math.min(...known));
}

function undecided({ reason, why }: Unknown, who: string): Undecided {
  return { outcome: "Indeterminate", reason, message: explain.unknownAuthority(who, why) };
}

function rejected(reason: RejectedReason, message: string): Refused {
  return { outcome: "Rejected", reason, message };
}
