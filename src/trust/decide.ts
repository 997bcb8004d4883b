import type { VerdictStatus } from "../api/verdict.ts";
import { carryOver } from "./carry-over.ts";
import type { ArtifactFacts, ArtifactState, SignatureFact } from "./facts.ts";
import { trustFingerprint } from "./fingerprint.ts";
import { describeExpiry, explain } from "./messages.ts";
import { coveringPolicies, type ResolvedPolicy } from "./policies.ts";
import { strictestTerm } from "./term.ts";
import type { IndeterminateReason, RejectedReason, Signer, Verdict } from "./verdict.ts";

export interface DecisionInput {
  readonly artifact: ArtifactState;
  /** Where the artifact is to be used. */
  readonly namespace: string;
  /** Every policy there is; which of them have a say is decided here. */
  readonly policies: readonly ResolvedPolicy[];
  /** Policies that the object itself asks for. They only add: each must exist and cover the artifact. */
  readonly required: readonly string[];
  /** A pair of bundle and key that has no fact here is unknown, which is neither valid nor invalid. */
  readonly signatureFacts: readonly SignatureFact[];
  /** Why facts are missing, if they are. */
  readonly verifierProblem?: string | undefined;
  readonly previous?: VerdictStatus | undefined;
  readonly now: Date;
}

type Finding =
  | { readonly outcome: "Verified"; readonly digest: string; readonly signers: readonly Signer[] }
  | { readonly outcome: "Rejected"; readonly reason: RejectedReason; readonly message: string }
  | {
      readonly outcome: "Indeterminate";
      readonly reason: IndeterminateReason;
      readonly message: string;
      readonly retryAfterMs?: number | undefined;
    };
type Refusal = Extract<Finding, { readonly outcome: "Rejected" }>;

/** What the API bounds its lists to. */
const maxListed = 64;

/**
 * Whether an artifact may be used in a namespace. Every Enforce policy whose scope covers it is mandatory, and one that
 * refuses outweighs all that do not know and all that vouch. A Warn policy neither grants nor refuses: what it would say
 * is among the warnings, its deny list included.
 */
export function decideVerdict(input: DecisionInput): Verdict {
  const { artifact, namespace, now } = input;
  const covering = artifact.name === undefined ? [] : coveringPolicies(input.policies, namespace, artifact.name);
  const mandatory = covering.filter((policy) => policy.mode === "Enforce");
  const finding = decide(input, mandatory);
  const term = strictestTerm(mandatory, now);
  const common = {
    digest: artifact.digest,
    policies: mandatory.slice(0, maxListed).map(({ name, generation }) => ({ name, generation })),
    trustFingerprint: trustFingerprint(mandatory),
    decidedAt: now,
    warnings: warningsOf(input, covering),
  };
  switch (finding.outcome) {
    case "Verified":
      return {
        ...common,
        ...term.holds,
        outcome: "Verified",
        reason: "Verified",
        digest: finding.digest,
        message: explain.verified(finding.signers),
        signers: finding.signers,
        recheckAfter: term.recheckAfter("Verified"),
      };
    case "Rejected":
      return { ...common, ...finding, recheckAfter: term.recheckAfter(finding.reason) };
    case "Indeterminate": {
      const { retryAfterMs, ...rest } = finding;
      const carried = carryOver(input.previous, artifact.digest, mandatory, now);
      const stands = carried?.trust === "Same" && now < carried.notAfter;
      return {
        ...common,
        ...rest,
        digest: artifact.digest ?? (carried === undefined ? undefined : input.previous?.digest),
        message: explain.indeterminate(rest.message, describeExpiry(carried, now)),
        carried,
        stands,
        recheckAfter: term.retryAt(retryAfterMs),
      };
    }
  }
}

function decide(input: DecisionInput, mandatory: readonly ResolvedPolicy[]): Finding {
  const { artifact } = input;
  if (artifact.name === undefined) return rejected(artifact.reason, artifact.message);
  const refusal =
    firstOf(mandatory, (policy) => deniedBy(policy, artifact)) ??
    firstOf(input.required, (name) => unmetRequirement(name, input.policies, mandatory)) ??
    noPolicy(artifact.name, input.namespace, mandatory) ??
    firstOf(mandatory, unusable);
  if (refusal !== undefined) return refusal;
  switch (artifact.state) {
    case "Refused":
      return rejected(artifact.reason, artifact.message);
    case "Unavailable":
      return {
        outcome: "Indeterminate",
        reason: artifact.reason,
        message: artifact.message,
        retryAfterMs: artifact.retryAfterMs,
      };
    case "Found":
      return judge(input, artifact, mandatory);
  }
}

/** The policies' opinions on an artifact that is there. */
function judge(input: DecisionInput, artifact: ArtifactFacts, mandatory: readonly ResolvedPolicy[]): Finding {
  if (artifact.layers.state === "Mismatch") return rejected("LayerDigestMismatch", artifact.layers.message);
  const findings = mandatory.map((policy) => opinion(policy, artifact, input));
  const refusals = findings.filter((finding) => finding.outcome === "Rejected");
  const [refusal] = refusals;
  if (refusal !== undefined) return { ...refusal, message: explain.alsoRefused(refusal.message, refusals.length - 1) };
  const unknown = findings.find((finding) => finding.outcome === "Indeterminate");
  if (unknown !== undefined) return unknown;
  const signers = findings.filter((finding) => finding.outcome === "Verified").flatMap((finding) => finding.signers);
  return { outcome: "Verified", digest: artifact.digest, signers: signers.slice(0, maxListed) };
}

/** One policy's opinion, whatever its mode. */
function opinion(policy: ResolvedPolicy, artifact: ArtifactFacts, input: DecisionInput): Finding {
  if (policy.unreadable !== undefined) {
    return { outcome: "Indeterminate", reason: "PolicyUnreadable", message: explain.unreadable(policy) };
  }
  const bundles = artifact.bundles.filter((bundle) => bundle.claim.kind === "Signature");
  const keys = policy.authorities.flatMap(({ name, key }) =>
    key === undefined ? [] : [{ name, fingerprint: key.fingerprint }],
  );
  const facts = new Map<string, SignatureFact["outcome"]>();
  for (const fact of input.signatureFacts) {
    const pair = `${fact.bundleDigest} ${fact.keyFingerprint}`;
    // Facts are about one digest; one about another says nothing here. Of two that disagree the worse one counts.
    if (fact.digest === artifact.digest && facts.get(pair) !== "invalid") facts.set(pair, fact.outcome);
  }
  const outcomes = (fingerprint: string): readonly (SignatureFact["outcome"] | undefined)[] =>
    bundles.map((bundle) => facts.get(`${bundle.digest} ${fingerprint}`));

  const signers = keys
    .filter(({ fingerprint }) => outcomes(fingerprint).includes("valid"))
    .map(({ name, fingerprint }) => ({ policy: policy.name, authority: name, keyFingerprint: fingerprint }));
  if (signers.length > 0) return { outcome: "Verified", digest: artifact.digest, signers };
  if (keys.some(({ fingerprint }) => outcomes(fingerprint).includes(undefined))) {
    return {
      outcome: "Indeterminate",
      reason: "VerifierUnavailable",
      message: explain.verifierUnavailable(input.verifierProblem),
    };
  }
  return unsigned(policy, artifact);
}

/** No signature counts: the reason says what there is instead. */
function unsigned(policy: ResolvedPolicy, artifact: ArtifactFacts): Refusal {
  const claims = artifact.bundles.map((bundle) => bundle.claim);
  const signatures = claims.filter((claim) => claim.kind === "Signature");
  const trusted = new Set(policy.authorities.flatMap(({ key }) => key?.fingerprint ?? []));
  const forged = signatures.find(({ keyHint }) => keyHint !== undefined && trusted.has(keyHint));
  if (forged !== undefined) return rejected("InvalidSignature", explain.forged(policy, artifact, forged.keyHint));
  if (signatures.length > 0) {
    return rejected(
      "UntrustedSigner",
      explain.untrustedSigner(
        policy,
        artifact,
        signatures.flatMap(({ keyHint }) => keyHint ?? []),
      ),
    );
  }
  const copied = claims.find((claim) => claim.kind === "OtherDigest");
  if (copied !== undefined) return rejected("InvalidSignature", explain.otherDigest(policy, artifact, copied.subjects));
  const damaged = claims.find((claim) => claim.kind === "Malformed");
  if (damaged !== undefined) return rejected("InvalidSignature", explain.damaged(policy, artifact, damaged.problem));
  return rejected("NoSignature", explain.noSignature(policy, artifact));
}

/** The index and every platform in it: whoever denies one of them means all that would run it. */
function deniedBy(policy: ResolvedPolicy, artifact: ArtifactState): Refusal | undefined {
  const digests = [artifact.digest ?? [], artifact.state === "Found" ? artifact.platformDigests : []].flat();
  const denied = digests.find((digest) => policy.denied.has(digest));
  return denied === undefined ? undefined : rejected("DigestDenied", explain.denied(policy, denied, artifact.digest));
}

function unmetRequirement(
  name: string,
  policies: readonly ResolvedPolicy[],
  mandatory: readonly ResolvedPolicy[],
): Refusal | undefined {
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy === undefined) return rejected("PolicyMissing", explain.policyMissing(name));
  // A Warn policy refuses nobody; that the requirement has no effect is among the warnings.
  if (mandatory.includes(policy) || policy.mode === "Warn") return undefined;
  return rejected("OutOfScope", explain.outOfScope(policy));
}

/** Nobody vouches where nobody is asked. */
function noPolicy(name: string, namespace: string, mandatory: readonly ResolvedPolicy[]): Refusal | undefined {
  return mandatory.length > 0 ? undefined : rejected("NoPolicy", explain.noPolicy(name, namespace));
}

/** Without a key nothing can satisfy the policy, whatever the registry holds. */
function unusable(policy: ResolvedPolicy): Refusal | undefined {
  if (policy.unreadable !== undefined || policy.authorities.some(({ key }) => key !== undefined)) return undefined;
  if (policy.authorities.length === 0) return rejected("NoAuthorities", explain.noAuthorities(policy));
  return rejected("PolicyNotReady", explain.policyNotReady(policy));
}

function warningsOf(input: DecisionInput, covering: readonly ResolvedPolicy[]): readonly string[] {
  const { artifact, required } = input;
  const warn = covering.filter((policy) => policy.mode === "Warn");
  const wouldBe = warn.flatMap((policy) => {
    const finding =
      deniedBy(policy, artifact) ??
      unusable(policy) ??
      (artifact.state === "Found" ? opinion(policy, artifact, input) : undefined);
    return finding === undefined || finding.outcome === "Verified" ? [] : [explain.wouldBe(policy, finding)];
  });
  const toothless = input.policies.filter((policy) => policy.mode === "Warn" && required.includes(policy.name));
  return [...wouldBe, ...toothless.map((policy) => explain.toothless(policy))];
}

function rejected(reason: RejectedReason, message: string): Refusal {
  return { outcome: "Rejected", reason, message };
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
