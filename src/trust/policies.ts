import type { ClusterTrustPolicy } from "../api/cluster-trust-policy.ts";
import { DEFAULT_RULES, type FormatRules } from "../formats/index.ts";
import { resolveAuthority, textOf, type PolicySources, type ResolvedAuthority } from "./authorities.ts";
import { parseDuration } from "./duration.ts";
import { compileExpression, type Expression } from "./expression.ts";
import { withFingerprint } from "./fingerprint.ts";
import { compileIdentity, type IdentityPattern } from "./identity.ts";
import { matchesPattern, matchesSegment } from "./pattern.ts";
import { readTimestampRoot, type TimestampRoot } from "./trust-root.ts";

export interface Validity {
  readonly recheckAfterMs: number;
  readonly validForMs: number;
  readonly onExpiry: "Quarantine" | "KeepRunning";
  readonly maxGraceMs: number;
}

/** How long ago something must, or may, have been signed. Either demands that the time is proven. */
export interface Age {
  readonly minimumMs?: number | undefined;
  readonly maximumMs?: number | undefined;
}

export interface ResolvedCondition {
  readonly expression: Expression;
  readonly message?: string | undefined;
}

export interface ResolvedAttestation {
  readonly name: string;
  readonly predicateType: string;
  /** Absent: every authority of the policy. */
  readonly authorities?: readonly string[] | undefined;
  readonly threshold: number;
  readonly match: "Any" | "Every";
  readonly conditions: readonly ResolvedCondition[];
  readonly age?: Age | undefined;
}

/** A policy with its keys in hand: everything that a decision needs of it. */
export interface ResolvedPolicy {
  readonly name: string;
  readonly generation: number;
  readonly mode: "Enforce" | "Warn";
  readonly references: readonly string[];
  /** Absent: every namespace. */
  readonly namespaces?: readonly string[];
  readonly authorities: readonly ResolvedAuthority[];
  /** How many distinct authorities must have signed. */
  readonly threshold: number;
  /** Who proves when a key signed. */
  readonly timestamps?: TimestampRoot | undefined;
  readonly attestations: readonly ResolvedAttestation[];
  readonly age?: Age | undefined;
  /** What may be in a model. */
  readonly formats: FormatRules;
  readonly denied: ReadonlySet<string>;
  /** Fingerprints of keys that are never believed. */
  readonly deniedKeys: ReadonlySet<string>;
  readonly deniedSigners: readonly IdentityPattern[];
  readonly validity: Validity;
  /** Why its spec could not be read. What it demands is then unknown, so it decides nothing. */
  readonly unreadable?: string;
  /** As {@link policyFingerprint} computes it, where that was done already. */
  readonly fingerprint?: string;
}

const strictest: Validity = { recheckAfterMs: 60_000, validForMs: 3_600_000, onExpiry: "Quarantine", maxGraceMs: 0 };

/** `spec.suspend` plays no part here: what is enforced stays enforced. */
export function resolvePolicy(policy: ClusterTrustPolicy, sources: PolicySources): ResolvedPolicy {
  const { spec, metadata } = policy;
  const problems: string[] = [];
  const timestamps = resolveTimestamps(spec, sources, problems);
  const deniedSigners = (spec.deny?.signers ?? []).flatMap((signer, at) => {
    const compiled = compileIdentity(signer);
    if (compiled.ok) return compiled.pattern;
    problems.push(`deny.signers[${at}]: ${compiled.problem}`);
    return [];
  });
  const attestations = spec.attestations.map((attestation) => resolveAttestation(attestation, problems));
  return withFingerprint({
    name: metadata.name,
    generation: metadata.generation ?? 0,
    mode: spec.mode,
    references: spec.scope.references.map((pattern) => pattern.toLowerCase()),
    ...(spec.scope.namespaces === undefined ? {} : { namespaces: spec.scope.namespaces }),
    authorities: spec.authorities.map((authority) => resolveAuthority(authority, timestamps, sources)),
    threshold: spec.threshold,
    timestamps,
    attestations,
    ...(spec.age === undefined
      ? {}
      : {
          age: { minimumMs: parseDuration(spec.age.minimum ?? ""), maximumMs: parseDuration(spec.age.maximum ?? "") },
        }),
    formats: resolveFormats(spec.formats),
    denied: new Set(spec.deny?.digests ?? []),
    deniedKeys: new Set(spec.deny?.keys ?? []),
    deniedSigners,
    validity: {
      recheckAfterMs: parseDuration(spec.validity.recheckAfter) ?? strictest.recheckAfterMs,
      validForMs: parseDuration(spec.validity.validFor) ?? strictest.validForMs,
      onExpiry: spec.validity.onExpiry,
      maxGraceMs: parseDuration(spec.validity.maxGrace) ?? strictest.maxGraceMs,
    },
    // A mistake in a condition must neither admit anything nor tear down what runs.
    ...(problems.length === 0 ? {} : { unreadable: problems.join("; ") }),
  });
}

/** Stands for a policy whose spec does not parse: it covers everything, and nothing new is admitted until it does. */
export function unreadablePolicy(name: string, generation: number, problem: string): ResolvedPolicy {
  return withFingerprint({
    name,
    generation,
    mode: "Enforce",
    references: ["**"],
    authorities: [],
    threshold: 1,
    attestations: [],
    formats: DEFAULT_RULES,
    denied: new Set(),
    deniedKeys: new Set(),
    deniedSigners: [],
    validity: strictest,
    unreadable: problem,
  });
}

/** Whether an artifact of this name, used in this namespace, is a matter of the policy. */
export function covers(policy: ResolvedPolicy, namespace: string, name: string): boolean {
  return (
    (policy.namespaces?.some((pattern) => matchesSegment(pattern, namespace)) ?? true) &&
    policy.references.some((pattern) => matchesPattern(pattern, name))
  );
}

/** The policies that have a say, in the order of their names. */
export function coveringPolicies(
  policies: readonly ResolvedPolicy[],
  namespace: string,
  name: string,
): readonly ResolvedPolicy[] {
  return policies.filter((policy) => covers(policy, namespace, name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

type Spec = ClusterTrustPolicy["spec"];

function resolveTimestamps(spec: Spec, sources: PolicySources, problems: string[]): TimestampRoot | undefined {
  if (spec.timestampAuthorities.length === 0) return undefined;
  const texts = spec.timestampAuthorities.flatMap(({ name, certificateChain }) => {
    const text = textOf(certificateChain, sources.secret);
    if (typeof text === "string") return text;
    problems.push(`timestampAuthorities ${name}: ${text.problem}`);
    return [];
  });
  // Without one of them it is not what the policy says, and without all of them it is nothing.
  if (texts.length < spec.timestampAuthorities.length) return undefined;
  const root = readTimestampRoot(texts);
  if (root.ok) return root.value;
  problems.push(`timestampAuthorities: ${root.problem}`);
  return undefined;
}

/** Programs never are part of a model. */
function resolveFormats(formats: Spec["formats"]): FormatRules {
  const { allow = DEFAULT_RULES.allow, allowPickle = false, trustedTypes = [] } = formats ?? {};
  return { allow, allowPickle, allowExecutables: false, trustedTypes };
}

function resolveAttestation(attestation: Spec["attestations"][number], problems: string[]): ResolvedAttestation {
  const { name, predicateType, authorities, threshold, match, conditions, maximumAge } = attestation;
  return {
    name,
    predicateType,
    authorities,
    threshold,
    match,
    conditions: conditions.flatMap(({ expression, message }, at) => {
      const compiled = compileExpression(expression);
      if (compiled.ok) return { expression: compiled.expression, message };
      problems.push(`attestation ${name}, conditions[${at}]: ${compiled.problem}`);
      return [];
    }),
    ...(maximumAge === undefined ? {} : { age: { maximumMs: parseDuration(maximumAge) } }),
  };
}
