import type { ResolvedAuthority } from "./authorities.ts";
import type { AttestationClaim, SignatureClaim } from "./bundle.ts";
import type { BundleFact, SignatureFact, TimeFact } from "./facts.ts";
import { matchesIdentity } from "./identity.ts";
import type { Age, ResolvedPolicy } from "./policies.ts";
import { revocationOf } from "./revocation-list.ts";
import { distinctAuthorities, marksOf, type Candidate } from "./threshold.ts";
import type { IndeterminateReason, RejectedReason, Signer } from "./verdict.ts";

/** A bundle whose claim can be signed by somebody. */
export interface SignedBundle extends BundleFact {
  readonly claim: SignatureClaim | AttestationClaim;
}

/** One signature that counts for a policy. */
export interface Vouch {
  readonly bundle: SignedBundle;
  readonly signer: Signer;
  /** By the policy's maximum age it counts no longer from then on. */
  readonly countsUntil?: Date | undefined;
}

/** One signature that is valid and does not count, and why. */
export interface Refusal {
  readonly kind: "Refusal";
  readonly authority: string;
  readonly reason: RejectedReason;
  readonly why: string;
  /** Time alone changes it then. */
  readonly until?: Date | undefined;
}

/** One authority of which it is not known whether it vouches. */
export interface Unknown {
  readonly kind: "Unknown";
  readonly authority: string;
  readonly reason: IndeterminateReason;
  readonly why: string;
}

/** What the facts say about who vouches, for one policy. */
export interface Vouching {
  readonly vouches: readonly Vouch[];
  readonly refusals: readonly Refusal[];
  readonly unknown: readonly Unknown[];
}

const worth = { invalid: 0, stranger: 1, valid: 2 } as const;

/** Facts, found by what they are about. */
export class FactIndex {
  readonly #signatures = new Map<string, SignatureFact>();
  readonly #times = new Map<string, Date | undefined>();
  readonly problem: string | undefined;

  constructor(digest: string, facts: readonly SignatureFact[], times: readonly TimeFact[] = [], problem?: string) {
    for (const fact of facts) {
      const pair = `${fact.bundleDigest} ${fact.by}`;
      const known = this.#signatures.get(pair);
      // Facts are about one digest; one about another says nothing here. Of two that disagree the worse one counts.
      if (fact.digest === digest && (known === undefined || worth[fact.outcome] < worth[known.outcome]))
        this.#signatures.set(pair, fact);
    }
    for (const { bundleDigest, by, timestamps, signedAt } of times)
      this.#times.set(`${bundleDigest} ${by} ${timestamps}`, signedAt);
    this.problem = problem;
  }

  /** Undefined: nobody has found out yet. */
  signature(bundleDigest: string, by: string): SignatureFact | undefined {
    return this.#signatures.get(`${bundleDigest} ${by}`);
  }

  time(bundleDigest: string, by: string, timestamps: string): Date | undefined {
    return this.#times.get(`${bundleDigest} ${by} ${timestamps}`);
  }
}

export interface VouchingInput {
  readonly policy: ResolvedPolicy;
  /** Names; absent: all. */
  readonly authorities?: readonly string[] | undefined;
  readonly bundles: readonly SignedBundle[];
  readonly facts: FactIndex;
  readonly age?: Age | undefined;
  readonly now: Date;
}

/** Who vouches by these bundles, who does not although the signature is good, and of whom that is not known. */
export function vouchingOf(input: VouchingInput): Vouching {
  const { policy, authorities, bundles } = input;
  const vouches: Vouch[] = [];
  const refusals: Refusal[] = [];
  const unknown: Unknown[] = [];
  for (const authority of policy.authorities) {
    if (authorities !== undefined && !authorities.includes(authority.name)) continue;
    if (authority.problem !== undefined) {
      if (authority.isTransient === true) {
        unknown.push({
          kind: "Unknown",
          authority: authority.name,
          reason: "AuthorityUnknown",
          why: authority.problem,
        });
      }
      continue;
    }
    for (const bundle of bundles) {
      const found = judge(authority, bundle, input);
      if (found === undefined) continue;
      if ("signer" in found) vouches.push(found);
      else if (found.kind === "Refusal") refusals.push(found);
      else unknown.push(found);
    }
  }
  return { vouches, refusals: refusals.sort(byHelp), unknown: unknown.sort(byText) };
}

/** The first is what people are told: what time or they themselves can mend before what nobody can, in whatever order it was found. */
const helpful: readonly RejectedReason[] = [
  "TooNew",
  "TooOld",
  "SigningTimeUnproven",
  "CertificateRevoked",
  "SignerDenied",
  "UntrustedSigner",
];

function byHelp(a: Refusal, b: Refusal): number {
  const rank = helpful.indexOf(a.reason) - helpful.indexOf(b.reason);
  const until = (a.until?.getTime() ?? 0) - (b.until?.getTime() ?? 0);
  return rank || until || byText(a, b);
}

function byText(a: Refusal | Unknown, b: Refusal | Unknown): number {
  const text = ({ reason, authority, why }: Refusal | Unknown): string => `${reason} ${authority} ${why}`;
  return text(a) < text(b) ? -1 : 1;
}

/** How many distinct authorities vouch; with `unknown`: how many may at best. */
export function countAuthorities(vouches: readonly Vouch[], unknown: readonly Unknown[] = []): number {
  return distinctAuthorities([
    ...vouches.map(({ signer }): Candidate => ({ authority: signer.authority, marks: marksOf(signer) })),
    ...unknown.map(({ authority }): Candidate => ({ authority, marks: [`unknown ${authority}`] })),
  ]);
}

function judge(
  authority: Exclude<ResolvedAuthority, { readonly problem: string }>,
  bundle: SignedBundle,
  input: VouchingInput,
): Vouch | Refusal | Unknown | undefined {
  const { policy, facts } = input;
  const { signedBy } = bundle.claim;
  const by = authority.key?.fingerprint ?? authority.root?.fingerprint ?? "";
  // A bundle by a certificate is no matter of a key, and the other way round: nobody has to find that out.
  if ((signedBy.kind === "Key") !== (authority.key !== undefined)) return undefined;
  const fact = facts.signature(bundle.digest, by);
  if (fact === undefined) return unchecked(authority.name, facts);
  if (fact.outcome === "invalid") return undefined;
  if (authority.key !== undefined) {
    if (fact.outcome !== "valid") return undefined;
    const signedAt =
      policy.timestamps === undefined ? undefined : facts.time(bundle.digest, by, policy.timestamps.fingerprint);
    const signer = { policy: policy.name, authority: authority.name, keyFingerprint: by, ...timed(signedAt) };
    return admitted({ bundle, signer }, input);
  }
  const { signer } = fact;
  if (signer === undefined || !authority.identities.some((pattern) => matchesIdentity(pattern, signer))) {
    return refusal(
      authority.name,
      "UntrustedSigner",
      `the certificate names ${nameOf(signer)}, whom the policy does not`,
    );
  }
  // It was looked at for policies that did not name the signer.
  if (fact.outcome === "stranger") return unchecked(authority.name, facts);
  if (authority.revocations !== undefined) {
    switch (revocationOf(signer.path, authority.revocations, input.now)) {
      case "Revoked":
        return refusal(
          authority.name,
          "CertificateRevoked",
          `the certificate of ${nameOf(signer)}, or one above it, is revoked`,
        );
      case "Unknown":
        return {
          kind: "Unknown",
          authority: authority.name,
          reason: "RevocationUnknown",
          why: `whether the certificate of ${nameOf(signer)} is revoked is not known: the revocation list ended at ${authority.revocations.nextUpdate.toISOString()}, or is not by its issuer; put the current one into the policy`,
        };
      case "NotRevoked":
        break;
    }
  }
  const { subject, issuer, keyFingerprint, signedAt } = signer;
  const named = { ...(subject === undefined ? {} : { subject }), ...(issuer === undefined ? {} : { issuer }) };
  return admitted(
    {
      bundle,
      signer: { policy: policy.name, authority: authority.name, keyFingerprint, ...named, ...timed(signedAt) },
    },
    input,
  );
}

function unchecked(authority: string, { problem = "their check has not been made" }: FactIndex): Unknown {
  const why = `the signatures could not be checked: ${problem}`;
  return { kind: "Unknown", authority, reason: "VerifierUnavailable", why };
}

/** What holds for every signer: nobody on the deny list, nothing too new or too old. */
function admitted(vouch: Vouch, { policy, age, now }: VouchingInput): Vouch | Refusal {
  const { authority, keyFingerprint, signedAt } = vouch.signer;
  if (policy.deniedKeys.has(keyFingerprint))
    return refusal(authority, "SignerDenied", `the key ${keyFingerprint} is on the deny list`);
  if (policy.deniedSigners.some((pattern) => matchesIdentity(pattern, vouch.signer)))
    return refusal(authority, "SignerDenied", `${nameOf(vouch.signer)} is on the deny list`);
  if (age?.minimumMs === undefined && age?.maximumMs === undefined) return vouch;
  if (signedAt === undefined) {
    return refusal(
      authority,
      "SigningTimeUnproven",
      "the policy demands an age, and no timestamp by one of its authorities proves when this was signed",
    );
  }
  const ready = new Date(signedAt.getTime() + (age.minimumMs ?? 0));
  if (now < ready) {
    return refusal(
      authority,
      "TooNew",
      `it was signed at ${signedAt.toISOString()} and counts from ${ready.toISOString()} on`,
      ready,
    );
  }
  if (age.maximumMs === undefined) return vouch;
  const countsUntil = new Date(signedAt.getTime() + age.maximumMs);
  return now < countsUntil
    ? { ...vouch, countsUntil }
    : refusal(
        authority,
        "TooOld",
        `it was signed at ${signedAt.toISOString()} and counted until ${countsUntil.toISOString()}`,
      );
}

function refusal(authority: string, reason: RejectedReason, why: string, until?: Date): Refusal {
  return { kind: "Refusal", authority, reason, why, until };
}

function timed(signedAt: Date | undefined): { readonly signedAt?: Date } {
  return signedAt === undefined ? {} : { signedAt };
}

function nameOf(
  signer: { readonly subject?: string | undefined; readonly issuer?: string | undefined } | undefined,
): string {
  const subject = signer?.subject ?? "nobody in a form that has one meaning";
  return signer?.issuer === undefined ? subject : `${subject} (by ${signer.issuer})`;
}
