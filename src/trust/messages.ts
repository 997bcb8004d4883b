import type { ResolvedAuthority } from "./authorities.ts";
import type { Exception } from "./exception.ts";
import { formatDuration } from "./duration.ts";
import type { ArtifactFacts } from "./facts.ts";
import { describeIdentity } from "./identity.ts";
import type { ResolvedAttestation, ResolvedPolicy } from "./policies.ts";
import { pinned } from "./reference.ts";
import type { AttestedBy, Carried, Signer } from "./verdict.ts";
import type { Refusal, Vouching } from "./vouching.ts";

/** What an opinion on an attestation is about. */
export interface AttestationContext {
  readonly policy: ResolvedPolicy;
  readonly wanted: ResolvedAttestation;
  readonly artifact: ArtifactFacts;
}

/** The API's bound on a message. */
const maxLength = 2048;

/** Every message says why, and what a person can do about it. */
export const explain = {
  verified(signers: readonly Signer[], attestations: readonly AttestedBy[] = []): string {
    const signed = signers.map((signer) => `${signer.authority} (policy ${signer.policy}, ${describeSigner(signer)})`);
    const attested = attestations.map(({ name, authority }) => `${name} by ${authority}`);
    return clip(`signed by ${signed.join(", ")}${attested.length === 0 ? "" : `; attested: ${attested.join(", ")}`}`);
  },
  brokenGlass(
    { name, approver, reason, notAfter }: Exception,
    refusal: { readonly reason: string; readonly message: string },
  ): string {
    return clip(
      `allowed by ${approver} until ${notAfter.toISOString()} although the policies do not (ModelAction ${name}: ${reason}); ` +
        `without it: ${refusal.reason}: ${refusal.message}`,
    );
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
    return clip(`policy ${policy.name} ${needs(policy)}, and too few are usable: ${problemsOf(policy)}`);
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
      `${at(artifact)} is signed by nobody whom policy ${policy.name} trusts${by}; trusted are ${authoritiesOf(policy)}. ` +
        `Sign it as one of these: ${command(artifact)}; or add the signer to the policy${leftOut(artifact)}. ${problemsOf(policy)}`.trimEnd(),
    );
  },
  thresholdNotMet(policy: ResolvedPolicy, artifact: ArtifactFacts, { vouches, refusals }: Vouching): string {
    const have = [...new Set(vouches.map(({ signer }) => signer.authority))];
    const missing = policy.authorities.map(({ name }) => name).filter((name) => !have.includes(name));
    const notes = refusals.map(({ authority, why }) => `; ${authority}: ${why}`);
    const next =
      missing.length === 0
        ? "their signatures rest on one key or identity, which counts once"
        : `let it also be signed by ${missing.join(" or ")}: ${command(artifact)}`;
    return clip(
      `policy ${policy.name} ${needs(policy)}, and ${at(artifact)} is signed by ${have.join(" and ")} only; ${next}${[...new Set(notes)].join("")}${leftOut(artifact)}`,
    );
  },
  refusedSignature(policy: ResolvedPolicy, artifact: ArtifactFacts, { authority, why }: Refusal): string {
    return clip(
      `the signature of ${at(artifact)} by ${authority} does not count for policy ${policy.name}: ${why}; sign it again as ` +
        `${authoritiesOf(policy)}, or change the policy`,
    );
  },
  attestationMissing(
    { policy, wanted, artifact }: AttestationContext,
    { have, refused }: { readonly have: number; readonly refused?: string | undefined },
  ): string {
    const whose = wanted.authorities?.join(" or ") ?? "an authority of the policy";
    const count = wanted.threshold === 1 ? "one" : `${wanted.threshold}`;
    return clip(
      `policy ${policy.name} demands the attestation ${wanted.name} (${wanted.predicateType}) by ${whose}, ${count} of them, and ${at(artifact)} has ` +
        `${have === 0 ? "none" : `${have} only`}${refused === undefined ? "" : ` that counts (${refused})`}; attest it: ` +
        `cosign attest --key KEY --type ${wanted.predicateType} --predicate FILE ${at(artifact)}`,
    );
  },
  attestationRejected({ policy, wanted }: AttestationContext, signer: Signer, failed: string): string {
    return clip(
      `policy ${policy.name} does not accept the attestation ${wanted.name} (${wanted.predicateType}) by ${signer.authority}: ${failed}; ` +
        `use a version for which it is true, or change the condition`,
    );
  },
  notRead({ policy, wanted }: AttestationContext): string {
    return `the attestations ${wanted.name} that policy ${policy.name} demands have not been read yet`;
  },
  contentNotRead(policy: ResolvedPolicy, why = ""): string {
    return clip(
      `what is in the model has not been looked through yet, as policy ${policy.name} demands${why === "" ? "" : `: ${why}`}`,
    );
  },
  contentTooLarge(policy: ResolvedPolicy): string {
    return (
      `policy ${policy.name} demands that the model is looked through, and it is larger than the operator reads; ` +
      "split it, or let the administrator raise --max-artifact-bytes"
    );
  },
  contentRefused(policy: ResolvedPolicy, message: string): string {
    return clip(`policy ${policy.name} refuses what is in the model: ${message}`);
  },
  notAllRead({ policy, wanted, artifact }: AttestationContext): string {
    return clip(
      `policy ${policy.name} demands that every attestation ${wanted.name} meets its conditions, and not all of them are looked at${leftOut(artifact)}`,
    );
  },
  unknownAuthority(who: string, why: string): string {
    return clip(`${who}: ${why}`);
  },
  forged(policy: ResolvedPolicy, artifact: ArtifactFacts, hint = ""): string {
    return clip(
      `a signature of ${at(artifact)} names the key ${hint}, which policy ${policy.name} trusts, but was not made with it: ` +
        `it is damaged or forged; sign again: ${command(artifact)}`,
    );
  },
  otherDigest(policy: ResolvedPolicy, artifact: ArtifactFacts, subjects: readonly string[]): string {
    return clip(
      `the signature attached to ${at(artifact)} is not about it but about ${subjects.slice(0, 2).join(", ") || "something without a sha256 digest"}: it was copied, or the artifact ` +
        `was rebuilt. For policy ${policy.name} sign this digest: ${command(artifact)}`,
    );
  },
  damaged(policy: ResolvedPolicy, artifact: ArtifactFacts, problem: string): string {
    return clip(
      `what is attached to ${at(artifact)} is not a usable signature: ${problem}. For policy ${policy.name} sign again: ${command(artifact)}`,
    );
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
  return policy.authorities.flatMap((authority) => describeAuthority(authority) ?? []).join(" or ");
}

function describeAuthority(authority: ResolvedAuthority): string | undefined {
  if (authority.problem !== undefined) return undefined;
  if (authority.key !== undefined) return `${authority.name} (${authority.key.fingerprint})`;
  return `${authority.name} (${authority.identities.map(describeIdentity).join(", ")})`;
}

function describeSigner({ keyFingerprint, subject, issuer, signedAt }: Signer): string {
  const who =
    subject === undefined ? `key ${keyFingerprint}` : `${subject}${issuer === undefined ? "" : ` by ${issuer}`}`;
  return signedAt === undefined ? who : `${who}, at ${signedAt.toISOString()}`;
}

/** How many signatures, in words. */
function needs({ threshold, authorities }: ResolvedPolicy): string {
  if (threshold === 1) return "needs one signature";
  return `needs ${threshold} distinct signers of ${authorities.map(({ name }) => name).join(", ")}`;
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
