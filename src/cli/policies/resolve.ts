import type { ClusterTrustPolicy } from "../../api/index.ts";
import { resolvePolicy, type ResolvedPolicy, secretsOf } from "../../trust/index.ts";
import type { Material } from "./material.ts";

/** Policies with what they take from elsewhere. Where that is not known, what the policy demands is not known either. */
export function resolvePolicies(
  policies: readonly ClusterTrustPolicy[],
  { secrets, unknown, kms }: Material,
): readonly ResolvedPolicy[] {
  return policies.map((policy) => {
    const resolved = resolvePolicy(policy, {
      secret: (name) => secrets.get(name),
      kmsKey: (uri) => kms.get(uri) ?? { state: "Unknown", problem: `the key ${uri} has not been read` },
    });
    const missing = secretsOf(policy).flatMap((name) => {
      const reason = unknown.get(name);
      return reason === undefined ? [] : [`Secret ${name} cannot be read: ${reason}`];
    });
    return missing.length === 0 ? resolved : { ...resolved, unreadable: missing.join("; ") };
  });
}
