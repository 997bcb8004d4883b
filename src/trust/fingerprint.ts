import { createHash } from "node:crypto";
import type { ResolvedAuthority } from "./authorities.ts";
import { identityMaterial } from "./identity.ts";
import type { Age, ResolvedPolicy } from "./policies.ts";

/**
 * A hash over whom a policy trusts for what. How long a verdict holds is not part of it: a shorter time applies to old
 * verdicts too, without making them a matter of other people's trust. The generation is not either, so a policy that is
 * deleted and created again as it was leaves verdicts as they are.
 */
export function policyFingerprint(policy: ResolvedPolicy): string {
  return policy.fingerprint ?? computeFingerprint(policy);
}

/**
 * The same policy with its fingerprint at hand: every verdict asks for it, several times. It is not enumerable, so that a copy
 * of the policy that differs in something does not pass for the policy.
 */
export function withFingerprint(policy: Omit<ResolvedPolicy, "fingerprint">): ResolvedPolicy {
  return Object.defineProperty({ ...policy }, "fingerprint", { value: computeFingerprint(policy), enumerable: false });
}

function computeFingerprint(policy: Omit<ResolvedPolicy, "fingerprint">): string {
  return hash({
    name: policy.name,
    mode: policy.mode,
    references: [...policy.references].sort(),
    namespaces: policy.namespaces === undefined ? null : [...policy.namespaces].sort(),
    authorities: policy.authorities
      .map((authority) => [authority.name, materialOf(authority)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    threshold: policy.threshold,
    timestamps: policy.timestamps?.fingerprint ?? null,
    attestations: policy.attestations.map(({ conditions, ...rest }) => ({
      ...rest,
      authorities: rest.authorities ?? null,
      age: ageOf(rest.age),
      conditions: conditions.map(({ expression }) => expression.text),
    })),
    age: ageOf(policy.age),
    formats: {
      allow: [...policy.formats.allow].sort(),
      allowPickle: policy.formats.allowPickle,
      trustedTypes: [...policy.formats.trustedTypes].sort(),
    },
    denied: [...policy.denied].sort(),
    deniedKeys: [...policy.deniedKeys].sort(),
    deniedSigners: policy.deniedSigners.map(identityMaterial),
    unreadable: policy.unreadable !== undefined,
  });
}

/** A revocation list is not part of it: a new one comes each day, and what it says is looked up in each decision. */
function materialOf(authority: ResolvedAuthority): unknown {
  if (authority.key !== undefined) return authority.key.fingerprint;
  if (authority.root === undefined) return null;
  return [authority.root.fingerprint, ...authority.identities.map(identityMaterial)];
}

function ageOf(age: Age | undefined): unknown {
  return age === undefined ? null : [age.minimumMs ?? null, age.maximumMs ?? null];
}

/** A hash over everything a verdict by these policies rests on. */
export function trustFingerprint(policies: readonly ResolvedPolicy[]): string {
  return hash(policies.map(policyFingerprint).sort());
}

export function hash(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalJson(value)).digest("hex")}`;
}

/** JSON with the names of every object in order, so that equal content has equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${canonicalJson(entry)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
