import type { VerdictStatus } from "../api/verdict.ts";
import type { ResolvedAuthority } from "./authorities.ts";
import { trustFingerprint } from "./fingerprint.ts";
import { matchesIdentity } from "./identity.ts";
import type { ResolvedPolicy } from "./policies.ts";
import { distinctAuthorities, marksOf, type Candidate } from "./threshold.ts";
import { after, earlier, strictestValidity } from "./term.ts";
import type { Carried, Signer } from "./verdict.ts";

/**
 * What is left of an earlier verdict about the digest. An indeterminate one that stood on a verified one counts, else a
 * second failure in a row would end what the first one kept. The terms are those of today's policies: a time that was
 * shortened since applies at once.
 */
export function carryOver(
  previous: VerdictStatus | undefined,
  digest: string | undefined,
  mandatory: readonly ResolvedPolicy[],
  now: Date,
): Carried | undefined {
  if (previous === undefined || previous.outcome === "Rejected") return undefined;
  const { trustFingerprint: earlierTrust } = previous;
  const signers = (previous.signers ?? []).map(({ signedAt, ...signer }): Signer => ({
    ...signer,
    signedAt: parseTime(signedAt),
  }));
  const verifiedAt = parseTime(previous.verifiedAt);
  const notAfter = parseTime(previous.notAfter);
  if (previous.digest === undefined || (digest !== undefined && digest !== previous.digest)) return undefined;
  if (verifiedAt === undefined || notAfter === undefined || earlierTrust === undefined || signers.length === 0)
    return undefined;

  const validity = strictestValidity(mandatory);
  // A time in the future comes from a clock that was wrong: it must not make a verdict hold longer.
  const start = earlier(verifiedAt, now);
  const end = earlier(notAfter, after(start, validity.validForMs));
  return {
    verifiedAt: start,
    notAfter: end,
    onExpiry: validity.onExpiry,
    graceUntil: after(end, validity.maxGraceMs),
    signers,
    attestations: previous.attestations ?? [],
    policies: previous.policies ?? [],
    trustFingerprint: earlierTrust,
    trust: withdrawn(signers, mandatory)
      ? "Withdrawn"
      : earlierTrust === trustFingerprint(mandatory)
        ? "Same"
        : "Changed",
  };
}

/** Whether too few of those who vouched are still believed by a policy. */
function withdrawn(signers: readonly Signer[], mandatory: readonly ResolvedPolicy[]): boolean {
  return mandatory.some((policy) => {
    const vouched = signers.filter((signer) => signer.policy === policy.name);
    if (vouched.length === 0 || policy.unreadable !== undefined) return false;
    const then = vouched.map((signer): Candidate => ({ authority: signer.authority, marks: marksOf(signer) }));
    const left = vouched.flatMap((signer) =>
      believedAs(signer, policy).map((authority): Candidate => ({ authority, marks: marksOf(signer) })),
    );
    // Of a higher number than was asked for then nothing is known yet: that is a changed policy.
    return distinctAuthorities(left) < Math.min(policy.threshold, distinctAuthorities(then));
  });
}

/** The names of the authorities as which somebody who vouched can be counted today. */
export function believedAs(signer: Signer, policy: ResolvedPolicy): readonly string[] {
  if (policy.deniedKeys.has(signer.keyFingerprint)) return [];
  if (policy.deniedSigners.some((pattern) => matchesIdentity(pattern, signer))) return [];
  return policy.authorities.filter((authority) => mayBelieve(authority, signer)).map(({ name }) => name);
}

function mayBelieve(authority: ResolvedAuthority, signer: Signer): boolean {
  // Whether it vouches is not known at present.
  if (authority.problem !== undefined) return authority.isTransient === true && authority.name === signer.authority;
  if (authority.key !== undefined)
    return signer.subject === undefined && authority.key.fingerprint === signer.keyFingerprint;
  return authority.identities.some((pattern) => matchesIdentity(pattern, signer));
}

function parseTime(text: string | undefined): Date | undefined {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? undefined : time;
}
