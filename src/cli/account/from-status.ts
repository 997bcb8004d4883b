import type { ClusterTrustPolicy, VerdictStatus } from "../../api/index.ts";
import { parseReference, resolvePolicy } from "../../trust/index.ts";
import { whyNotCovered } from "./coverage.ts";
import type { AuthorityAccount, PolicyAccount } from "./schema.ts";

/**
 * What a verdict in a status tells of each policy. It holds who vouched, not who did not or why: for that somebody must
 * look at the registry. Pure.
 */
export function accountsFromStatus(
  policies: readonly ClusterTrustPolicy[],
  { reference, namespace }: { readonly reference: string; readonly namespace: string },
  verdict: VerdictStatus | undefined,
): readonly PolicyAccount[] {
  const parsed = parseReference(reference);
  if (!parsed.ok) return [];
  const accounts = policies.map((policy): PolicyAccount => {
    // Only scope, names and numbers are looked at here.
    const resolved = resolvePolicy(policy, {
      secret: () => undefined,
      kmsKey: () => ({ state: "Unknown", problem: "not asked" }),
    });
    const { name, generation, mode, threshold } = resolved;
    const whyNot = whyNotCovered(resolved, namespace, parsed.reference.name);
    const head = { name, generation, mode, need: threshold };
    if (whyNot !== undefined) return { ...head, covers: false, whyNot, have: 0, authorities: [], attestations: [] };
    const authorities = policy.spec.authorities.map((authority) => authorityOf(authority.name, policy, verdict));
    const ofPolicy = (verdict?.attestations ?? []).filter((one) => one.policy === name);
    return {
      ...head,
      covers: true,
      have: authorities.filter(({ state }) => state === "Vouches").length,
      authorities,
      attestations: resolved.attestations.map((wanted) => ({
        ...{ name: wanted.name, predicateType: wanted.predicateType, need: wanted.threshold, match: wanted.match },
        authorities: [...(wanted.authorities ?? resolved.authorities.map((authority) => authority.name))],
        have: ofPolicy.filter((one) => one.name === wanted.name).length,
        statements: [],
        notes: ofPolicy.filter((one) => one.name === wanted.name).map(({ authority }) => `by ${authority}`),
      })),
    };
  });
  return accounts.sort((a, b) => Number(b.covers) - Number(a.covers) || (a.name < b.name ? -1 : 1));
}

function authorityOf(name: string, policy: ClusterTrustPolicy, verdict: VerdictStatus | undefined): AuthorityAccount {
  const signatures = (verdict?.signers ?? [])
    .filter((signer) => signer.policy === policy.metadata.name && signer.authority === name)
    .map(({ policy: _policy, ...signer }) => signer);
  if (signatures.length > 0) return { name, state: "Vouches", signatures, notes: [] };
  const problem = policy.status?.authorities?.find((authority) => authority.name === name)?.problem;
  if (problem !== undefined) return { name, state: "Unusable", signatures, notes: [problem] };
  // A verdict that is not Verified names nobody, whoever signed.
  if (verdict?.outcome === "Verified") return { name, state: "DoesNotVouch", signatures, notes: [] };
  return { name, state: "Unknown", signatures, notes: ["the status does not say: --refresh asks the registry"] };
}
