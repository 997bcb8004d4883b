import type { VerdictStatus } from "../api/verdict.ts";
import { carryOver } from "./carry-over.ts";
import { exceptionFor, type Exception } from "./exception.ts";
import type { ArtifactFacts, ArtifactState, SignatureFact, TimeFact } from "./facts.ts";
import { trustFingerprint } from "./fingerprint.ts";
import { describeExpiry, explain } from "./messages.ts";
import { opinionOf, type Accepted, type Refused, type Undecided } from "./opinion.ts";
import { coveringPolicies, type ResolvedPolicy } from "./policies.ts";
import { strictestTerm } from "./term.ts";
import type { RejectedReason, Verdict } from "./verdict.ts";
import { FactIndex } from "./vouching.ts";

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
  readonly timeFacts?: readonly TimeFact[] | undefined;
  /** Why facts are missing, if they are. */
  readonly verifierProblem?: string | undefined;
  /** Of a model, the policies also judge what is in it. */
  readonly use: "Model" | "Image";
  readonly previous?: VerdictStatus | undefined;
  /** What people allow in this namespace for a short time. */
  readonly exceptions?: readonly Exception[] | undefined;
  /** From 0 up to 1: how much sooner than need be it is verified again, so that not all are due at once. */
  readonly spread?: number | undefined;
  readonly now: Date;
}

type Finding = (Accepted & { readonly digest: string }) | Refused | Undecided;

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
  const mandatory = withCommonDenials(covering.filter((policy) => policy.mode === "Enforce"));
  const finding = decide(input, mandatory);
  const term = strictestTerm(mandatory, now, input.spread);
  const exception =
    finding.outcome === "Verified"
      ? undefined
      : exceptionFor(input.exceptions ?? [], { digest: artifact.digest, reason: finding.reason }, now);
  const common = {
    digest: artifact.digest,
    policies: mandatory.slice(0, maxListed).map(({ name, generation }) => ({ name, generation })),
    trustFingerprint: trustFingerprint(mandatory),
    decidedAt: now,
    warnings: warningsOf(input, covering),
  };
  if (exception !== undefined && finding.outcome !== "Verified" && artifact.digest !== undefined) {
    return {
      ...common,
      ...term.holds(exception.notAfter),
      outcome: "Verified",
      reason: "BreakGlass",
      digest: artifact.digest,
      message: explain.brokenGlass(exception, finding),
      signers: [],
      attestations: [],
      exception,
      recheckAfter: term.recheckAfter("Verified", exception.notAfter),
    };
  }
  switch (finding.outcome) {
    case "Verified":
      return {
        ...common,
        ...term.holds(finding.until),
        outcome: "Verified",
        reason: "Verified",
        digest: finding.digest,
        message: explain.verified(finding.signers, finding.attestations),
        signers: finding.signers.slice(0, maxListed),
        attestations: finding.attestations.slice(0, maxListed),
        recheckAfter: term.recheckAfter("Verified", finding.until),
      };
    case "Rejected": {
      const { until, ...refusal } = finding;
      return { ...common, ...refusal, recheckAfter: term.recheckAfter(finding.reason, until) };
    }
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
  const facts = factIndex(input, artifact);
  const opinions = mandatory.map((policy) => opinionOf(policy, artifact, facts, input));
  const refusals = opinions.filter((opinion) => opinion.outcome === "Rejected");
  const [refusal] = refusals;
  if (refusal !== undefined) return { ...refusal, message: explain.alsoRefused(refusal.message, refusals.length - 1) };
  const unknown = opinions.find((opinion) => opinion.outcome === "Indeterminate");
  if (unknown !== undefined) return unknown;
  const accepted = opinions.filter((opinion) => opinion.outcome === "Verified");
  const ends = accepted.flatMap(({ until }) => until?.getTime() ?? []);
  return {
    outcome: "Verified",
    digest: artifact.digest,
    signers: accepted.flatMap(({ signers }) => signers),
    attestations: accepted.flatMap(({ attestations }) => attestations),
    until: ends.length === 0 ? undefined : new Date(Math.min(...ends)),
  };
}

function factIndex(input: DecisionInput, artifact: ArtifactFacts): FactIndex {
  return new FactIndex(artifact.digest, input.signatureFacts, input.timeFacts, input.verifierProblem);
}

/** Whom one policy does not believe, none does: a deny list outweighs all that vouch. */
export function withCommonDenials(mandatory: readonly ResolvedPolicy[]): readonly ResolvedPolicy[] {
  const deniedKeys = new Set(mandatory.flatMap((policy) => [...policy.deniedKeys]));
  const deniedSigners = mandatory.flatMap((policy) => policy.deniedSigners);
  return mandatory.map((policy) => {
    const hasAll = policy.deniedKeys.size === deniedKeys.size && policy.deniedSigners.length === deniedSigners.length;
    return hasAll ? policy : { ...policy, deniedKeys, deniedSigners };
  });
}

/** The index and every platform in it: whoever denies one of them means all that would run it. */
function deniedBy(policy: ResolvedPolicy, artifact: ArtifactState): Refused | undefined {
  const digests = [artifact.digest ?? [], artifact.state === "Found" ? artifact.platformDigests : []].flat();
  const denied = digests.find((digest) => policy.denied.has(digest));
  return denied === undefined ? undefined : rejected("DigestDenied", explain.denied(policy, denied, artifact.digest));
}

function unmetRequirement(
  name: string,
  policies: readonly ResolvedPolicy[],
  mandatory: readonly ResolvedPolicy[],
): Refused | undefined {
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy === undefined) return rejected("PolicyMissing", explain.policyMissing(name));
  // A Warn policy refuses nobody; that the requirement has no effect is among the warnings.
  if (mandatory.some((one) => one.name === name) || policy.mode === "Warn") return undefined;
  return rejected("OutOfScope", explain.outOfScope(policy));
}

/** Nobody vouches where nobody is asked. */
function noPolicy(name: string, namespace: string, mandatory: readonly ResolvedPolicy[]): Refused | undefined {
  return mandatory.length > 0 ? undefined : rejected("NoPolicy", explain.noPolicy(name, namespace));
}

/** With too few that can vouch nothing can satisfy the policy, whatever the registry holds. */
function unusable(policy: ResolvedPolicy): Refused | undefined {
  const possible = policy.authorities.filter((one) => one.problem === undefined || one.isTransient === true);
  if (policy.unreadable !== undefined || (possible.length >= policy.threshold && possible.length > 0)) return undefined;
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
      (artifact.state === "Found" ? opinionOf(policy, artifact, factIndex(input, artifact), input) : undefined);
    return finding === undefined || finding.outcome === "Verified" ? [] : [explain.wouldBe(policy, finding)];
  });
  const toothless = input.policies.filter((policy) => policy.mode === "Warn" && required.includes(policy.name));
  return [...wouldBe, ...toothless.map((policy) => explain.toothless(policy))];
}

function rejected(reason: RejectedReason, message: string): Refused {
  return { outcome: "Rejected", reason, message };
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
