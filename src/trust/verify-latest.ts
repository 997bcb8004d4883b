import type { Exception } from "./exception.ts";
import { trustFingerprint } from "./fingerprint.ts";
import type { ResolvedPolicy } from "./policies.ts";
import type { Verifier } from "./verifier.ts";
import type { Verification, VerifyRequest } from "./verify-request.ts";

/** What verdicts rest on, as it is now. */
export interface TrustBasis {
  readonly policies: () => readonly ResolvedPolicy[];
  /** What people allow in a namespace for a short time. */
  readonly exceptions: (namespace: string) => readonly Exception[];
}

const attempts = 3;

/**
 * Verifies by the policies as they are when the answer is there: reading an artifact can take minutes, and a key that was
 * taken away meanwhile must not count. Deciding again costs nothing, the facts are in hand.
 */
export async function verifyLatest(
  verifier: Pick<Verifier, "verify">,
  basis: TrustBasis,
  request: Omit<VerifyRequest, "policies" | "exceptions">,
): Promise<Verification> {
  const { namespace } = request;
  for (let attempt = 1; ; attempt++) {
    const [policies, exceptions] = [basis.policies(), basis.exceptions(namespace)];
    const verification = await verifier.verify({ ...request, policies, exceptions });
    const isCurrent =
      isSameTrust(policies, basis.policies()) &&
      JSON.stringify(exceptions) === JSON.stringify(basis.exceptions(namespace));
    if (attempt === attempts || isCurrent) return verification;
  }
}

/** The same objects as a rule, which need no hash. */
function isSameTrust(before: readonly ResolvedPolicy[], now: readonly ResolvedPolicy[]): boolean {
  const areSame = before.length === now.length && before.every((policy, at) => policy === now[at]);
  return areSame || trustFingerprint(before) === trustFingerprint(now);
}
