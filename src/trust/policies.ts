import type { ClusterTrustPolicy } from "../api/cluster-trust-policy.ts";
import { parseDuration } from "./duration.ts";
import { parsePublicKey, type PublicKey } from "./keys.ts";
import { matchesPattern, matchesSegment } from "./pattern.ts";

export type ResolvedAuthority =
  | { readonly name: string; readonly key: PublicKey; readonly problem?: undefined }
  | { readonly name: string; readonly key?: undefined; readonly problem: string };

export interface Validity {
  readonly recheckAfterMs: number;
  readonly validForMs: number;
  readonly onExpiry: "Quarantine" | "KeepRunning";
  readonly maxGraceMs: number;
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
  readonly denied: ReadonlySet<string>;
  readonly validity: Validity;
  /** Why its spec could not be read. What it covers is then unknown, so it covers everything and decides nothing. */
  readonly unreadable?: string;
}

/** The base64 `data` of a Secret in the operator's own namespace; undefined when there is no such Secret. */
export type SecretLookup = (name: string) => Readonly<Record<string, string>> | undefined;

const strictest: Validity = { recheckAfterMs: 60_000, validForMs: 3_600_000, onExpiry: "Quarantine", maxGraceMs: 0 };

/** `spec.suspend` plays no part here: what is enforced stays enforced. */
export function resolvePolicy(policy: ClusterTrustPolicy, secrets: SecretLookup): ResolvedPolicy {
  const { spec, metadata } = policy;
  return {
    name: metadata.name,
    generation: metadata.generation ?? 0,
    mode: spec.mode,
    references: spec.scope.references.map((pattern) => pattern.toLowerCase()),
    ...(spec.scope.namespaces === undefined ? {} : { namespaces: spec.scope.namespaces }),
    authorities: spec.authorities.map(({ name, key }) => resolveAuthority(name, key, secrets)),
    denied: new Set(spec.deny?.digests ?? []),
    validity: {
      recheckAfterMs: parseDuration(spec.validity.recheckAfter) ?? strictest.recheckAfterMs,
      validForMs: parseDuration(spec.validity.validFor) ?? strictest.validForMs,
      onExpiry: spec.validity.onExpiry,
      maxGraceMs: parseDuration(spec.validity.maxGrace) ?? strictest.maxGraceMs,
    },
  };
}

/** Stands for a policy whose spec does not parse: nothing new is admitted until it does. */
export function unreadablePolicy(name: string, generation: number, problem: string): ResolvedPolicy {
  return {
    name,
    generation,
    mode: "Enforce",
    references: ["**"],
    authorities: [],
    denied: new Set(),
    validity: strictest,
    unreadable: problem,
  };
}

/** Which Secrets of the operator's namespace a policy takes keys from: whoever changes one changes the policy. */
export function keySecretsOf(policy: ClusterTrustPolicy): readonly string[] {
  return [...new Set(policy.spec.authorities.flatMap(({ key }) => key.secretRef?.name ?? []))];
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

type KeySource = ClusterTrustPolicy["spec"]["authorities"][number]["key"];

function resolveAuthority(name: string, source: KeySource, secrets: SecretLookup): ResolvedAuthority {
  const text = keyText(source, secrets);
  if (typeof text !== "string") return { name, problem: text.problem };
  const parsed = parsePublicKey(text);
  return parsed.ok ? { name, key: parsed.key } : { name, problem: parsed.problem };
}

function keyText(source: KeySource, secrets: SecretLookup): string | { readonly problem: string } {
  const { inline, secretRef } = source;
  if (inline !== undefined) return inline;
  if (secretRef === undefined) return { problem: "it names neither an inline key nor a Secret; give one of them" };
  const data = secrets(secretRef.name);
  if (data === undefined) {
    return {
      problem: `there is no Secret ${secretRef.name} in the operator's namespace; create it with the public key under ${secretRef.key}`,
    };
  }
  const value = Object.hasOwn(data, secretRef.key) ? data[secretRef.key] : undefined;
  if (value === undefined)
    return { problem: `Secret ${secretRef.name} has no key ${secretRef.key}; put the public key there` };
  return Buffer.from(value, "base64").toString("utf8");
}
