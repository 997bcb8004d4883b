import { trustFingerprint } from "./fingerprint.ts";
import type { ResolvedPolicy } from "./policies.ts";
import type { Verification, Verifier, VerifyRequest } from "./verifier.ts";

const attempts = 3;

/**
 * Verifies by the policies as they are when the answer is there: reading an artifact can take minutes, and a key that was
 * taken away meanwhile must not count. Deciding again costs nothing, the facts are in hand.
 */
export async function verifyLatest(
  verifier: Pick<Verifier, "verify">,
  policies: () => readonly ResolvedPolicy[],
  request: Omit<VerifyRequest, "policies">,
): Promise<Verification> {
  for (let attempt = 1; ; attempt++) {
    const before = policies();
    const verification = await verifier.verify({ ...request, policies: before });
    if (attempt === attempts || trustFingerprint(before) === trustFingerprint(policies())) return verification;
  }
}
