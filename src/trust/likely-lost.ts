import type { VerdictStatus } from "../api/verdict.ts";
import { believedAs } from "./carry-over.ts";
import { withCommonDenials } from "./decide.ts";
import { coveringPolicies, type ResolvedPolicy } from "./policies.ts";
import { distinctAuthorities, marksOf } from "./threshold.ts";
import type { Signer } from "./verdict.ts";

/** What a verdict is about, and where. */
export interface JudgedArtifact {
  readonly namespace: string;
  /** Of the repository, with its registry. */
  readonly name: string;
  /** Of the index and of the platforms in it, as far as they are known. */
  readonly digests: readonly string[];
}

/**
 * Whether a verdict that let something run probably does so no more under these policies. It only puts work in order, and
 * decides nothing: a wrong guess costs time. So it goes by what a status holds: who vouched, and who attested.
 */
export function isLikelyLost(
  verdict: VerdictStatus | undefined,
  { namespace, name, digests }: JudgedArtifact,
  policies: readonly ResolvedPolicy[],
): boolean {
  const lets = verdict?.exception !== undefined || (verdict?.signers ?? []).length > 0;
  if (verdict === undefined || verdict.outcome === "Rejected" || !lets) return false;
  const covering = coveringPolicies(policies, namespace, name);
  const mandatory = withCommonDenials(covering.filter(({ mode }) => mode === "Enforce"));
  const all = verdict.digest === undefined ? digests : [verdict.digest, ...digests];
  if (mandatory.some(({ denied }) => all.some((digest) => denied.has(digest)))) return true;
  // What a person allows stands in place of what the policies refuse.
  if (verdict.exception !== undefined) return false;
  return (
    mandatory.length === 0 || mandatory.some((policy) => policy.unreadable === undefined && refuses(policy, verdict))
  );
}

function refuses(policy: ResolvedPolicy, { signers = [], attestations = [] }: VerdictStatus): boolean {
  const known = signers.map(({ policy, authority, keyFingerprint, subject, issuer }): Signer => ({
    policy,
    authority,
    keyFingerprint,
    subject,
    issuer,
  }));
  const own = known.filter((signer) => signer.policy === policy.name);
  // Of a policy that had no say before, those who vouched to others may be believed too.
  const vouched = own.length > 0 ? own : known;
  const left = vouched.flatMap((signer) =>
    believedAs(signer, policy).map((authority) => ({ authority, marks: marksOf(signer) })),
  );
  if (distinctAuthorities(left) < policy.threshold) return true;
  return attestations.some(({ policy: of, name, authority }) => {
    const wanted = of === policy.name ? policy.attestations.find((one) => one.name === name) : undefined;
    if (wanted === undefined) return false;
    const attester = policy.authorities.find((one) => one.name === authority);
    const isGone = attester === undefined || (attester.problem !== undefined && attester.isTransient !== true);
    return isGone || wanted.authorities?.includes(authority) === false;
  });
}
