import { formatDuration } from "./duration.ts";
import type { ArtifactFacts } from "./facts.ts";
import type { ResolvedPolicy } from "./policies.ts";
import { pinned } from "./reference.ts";
import type { Carried, Signer } from "./verdict.ts";

/** The API's bound on a message. */
const maxLength = 2048;

/** Every message says why, and what a person can do about it. */
export const explain = {
  verified(signers: readonly Signer[]): string {
    const list = signers.map(
      ({ policy, authority, keyFingerprint }) => `${authority} (policy ${policy}, key ${keyFingerprint})`,
    );
    return clip(`signed by ${list.join(", ")}`);
  },
  indeterminate(why: string, then: string): string {
    // What follows from it must not be cut off.
    return `${clip(why, maxLength - then.length - 2)}; ${then}`;
  },
  alsoRefused(message: string, others: number): string {
    if (others === 0) return message;
    const more = ` (${others} more ${others === 1 ? "policy refuses" : "policies refuse"} it)`;
    return clip(message, maxLength - more.length) + more;
  },
  noPolicy(name: string, namespace: string): string {
    return clip(
      `no ClusterTrustPolicy in mode Enforce covers ${name} in namespace ${namespace}; create one whose spec.scope.references match, ` +
        `for example ${name}, or extend the scope of an existing one`,
    );
  },
  policyMissing(name: string): string {
    return `there is no ClusterTrustPolicy ${name}, which this object requires; create it, or remove it from spec.policies`;
  },
  outOfScope(policy: ResolvedPolicy): string {
    return clip(
      `policy ${policy.name} is required by this object, but its scope does not cover the artifact in this namespace ` +
        `(references ${policy.references.join(", ")}; namespaces ${policy.namespaces?.join(", ") ?? "all"}); ` +
        `extend spec.scope of the policy, or remove it from spec.policies`,
    );
  },
  noAuthorities(policy: ResolvedPolicy): string {
    return `policy ${policy.name} names no authority, so nothing can satisfy it; add one to its spec.authorities`;
  },
  policyNotReady(policy: ResolvedPolicy): string {
    return clip(`policy ${policy.name} has no usable key: ${problemsOf(policy)}`);
  },
  unreadable(policy: ResolvedPolicy): string {
    return clip(
      `policy ${policy.name} cannot be read, so what it demands is unknown: ${policy.unreadable ?? ""}; correct its spec`,
    );
  },
  denied(policy: ResolvedPolicy, denied: string, digest: string | undefined): string {
    const what = denied === digest ? denied : `${denied}, which is part of ${digest ?? "the index"},`;
    return `${what} is on the deny list of policy ${policy.name}; use another version, or remove it from spec.deny.digests of the policy`;
  },
  noSignature(policy: ResolvedPolicy, artifact: ArtifactFacts): string {
    return clip(
      `policy ${policy.name} demands a signature and ${at(artifact)} has none that cosign 3 would find; sign it as ` +
        `${authoritiesOf(policy)}: ${command(artifact)}${leftOut(artifact)}`,
    );
  },
  untrustedSigner(policy: ResolvedPolicy, artifact: ArtifactFacts, found: readonly string[]): string {
    const by = found.length === 0 ? "" : `, but by ${[...new Set(found)].slice(0, 4).join(", ")}`;
    return clip(
      `${at(artifact)} is signed by no key that policy ${policy.name} trusts${by}; trusted are ${authoritiesOf(policy)}. ` +
        `Sign it with one of these keys: ${command(artifact)}; or add the signer's key to the policy${leftOut(artifact)}. ${problemsOf(policy)}`.trimEnd(),
    );
  },
  forged(policy: ResolvedPolicy, artifact: ArtifactFacts, hint = ""): string {
    return clip(
      `a signature of ${at(artifact)} names the key ${hint}, which policy ${policy.name} trusts, but was not made with it: ` +
        `it is damaged or forged; sign again: ${command(artifact)}`,
    );
  },
  otherDigest(policy: ResolvedPolicy, artifact: ArtifactFacts, subjects: readonly string[]): string {
    return clip(
      `the signature attached to ${at(artifact)} is not about it but about ${subjects.slice(0, 2).join(", ")}: it was copied, or the artifact ` +
        `was rebuilt. For policy ${policy.name} sign this digest: ${command(artifact)}`,
    );
  },
  damaged(policy: ResolvedPolicy, artifact: ArtifactFacts, problem: string): string {
    return clip(
      `what is attached to ${at(artifact)} is not a usable signature: ${problem}. For policy ${policy.name} sign again: ${command(artifact)}`,
    );
  },
  verifierUnavailable(problem: string | undefined): string {
    return clip(`the signatures could not be checked: ${problem ?? "their check has not been made"}`);
  },
  wouldBe(
    policy: ResolvedPolicy,
    finding: { readonly outcome: string; readonly reason: string; readonly message: string },
  ): string {
    const verb = finding.outcome === "Rejected" ? "would refuse" : "could not decide";
    return clip(
      `policy ${policy.name} is in mode Warn; in mode Enforce it ${verb} (${finding.reason}): ${finding.message}`,
    );
  },
  toothless(policy: ResolvedPolicy): string {
    return `policy ${policy.name} is required by this object but is in mode Warn, so it refuses nothing; set its spec.mode to Enforce`;
  },
} as const;

/** What becomes of what runs, while there is no new verdict. */
export function describeExpiry(carried: Carried | undefined, now: Date): string {
  if (carried === undefined) return "nothing is admitted until this is known";
  const since = carried.verifiedAt.toISOString();
  if (carried.trust === "Withdrawn")
    return `the verdict of ${since} holds no longer: the key it rests on has been withdrawn`;
  const end = carried.notAfter.toISOString();
  const grace =
    carried.onExpiry === "KeepRunning" && carried.trust === "Same"
      ? `what runs may stay until ${carried.graceUntil.toISOString()}`
      : "what runs is quarantined";
  const left = carried.notAfter.getTime() - now.getTime();
  if (left <= 0) return `the verdict of ${since} expired at ${end}, ${grace}`;
  return `nothing new is admitted; what runs rests on the verdict of ${since}, which holds until ${end} (${formatDuration(left)}), then ${grace}`;
}

function authoritiesOf(policy: ResolvedPolicy): string {
  return policy.authorities
    .flatMap(({ name, key }) => (key === undefined ? [] : `${name} (${key.fingerprint})`))
    .join(" or ");
}

function problemsOf(policy: ResolvedPolicy): string {
  return policy.authorities
    .flatMap(({ name, problem }) => (problem === undefined ? [] : `authority ${name}: ${problem}`))
    .join("; ");
}

function leftOut({ leftOut: count }: ArtifactFacts): string {
  return count === 0
    ? ""
    : ` (${count} more bundles are attached than are looked at; remove old ones from the registry)`;
}

function at(artifact: ArtifactFacts): string {
  return pinned(artifact.name, artifact.digest);
}

function command(artifact: ArtifactFacts): string {
  return `cosign sign --key KEY ${at(artifact)}`;
}

function clip(text: string, length = maxLength): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
