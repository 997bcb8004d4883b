import type { VerdictStatus } from "../api/verdict.ts";
import { trustFingerprint } from "./fingerprint.ts";
import type { ResolvedPolicy } from "./policies.ts";
import { after, strictestValidity } from "./term.ts";
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
  const { signers = [], trustFingerprint: earlierTrust } = previous;
  const verifiedAt = parseTime(previous.verifiedAt);
  const notAfter = parseTime(previous.notAfter);
  if (previous.digest === undefined || (digest !== undefined && digest !== previous.digest)) return undefined;
  if (verifiedAt === undefined || notAfter === undefined || earlierTrust === undefined || signers.length === 0)
    return undefined;

  const validity = strictestValidity(mandatory);
  // A time in the future comes from a clock that was wrong: it must not make a verdict hold longer.
  const start = verifiedAt < now ? verifiedAt : now;
  const bound = after(start, validity.validForMs);
  const end = notAfter < bound ? notAfter : bound;
  return {
    verifiedAt: start,
    notAfter: end,
    onExpiry: validity.onExpiry,
    graceUntil: after(end, validity.maxGraceMs),
    signers,
    policies: previous.policies ?? [],
    trustFingerprint: earlierTrust,
    trust: withdrawn(signers, mandatory)
      ? "Withdrawn"
      : earlierTrust === trustFingerprint(mandatory)
        ? "Same"
        : "Changed",
  };
}

function withdrawn(signers: readonly Signer[], mandatory: readonly ResolvedPolicy[]): boolean {
  return mandatory.some((policy) => {
    const vouched = signers.filter((signer) => signer.policy === policy.name);
    if (vouched.length === 0 || policy.unreadable !== undefined) return false;
    const keys = new Set(policy.authorities.map(({ key }) => key?.fingerprint));
    return !vouched.some((signer) => keys.has(signer.keyFingerprint));
  });
}

function parseTime(text: string | undefined): Date | undefined {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? undefined : time;
}
