import { clusterTrustPolicy, parseObject, type ClusterTrustPolicySpec } from "../../../src/api/index.ts";
import { Egress } from "../../../src/egress/index.ts";
import {
  Cosign,
  resolvePolicy,
  Verifier,
  type BundleCheck,
  type BundleOutcome,
  type BundleVerifier,
  type FactCache,
  type PublicKey,
  type ResolvedPolicy,
  type Verification,
} from "../../../src/trust/index.ts";
import { forEachOf } from "../../integration/kube/support.ts";
import { cosignPath } from "../../integration/trust/support/signer.ts";
import { Pusher } from "../../integration/trust/support/pusher.ts";
import type { CountedRegistry } from "./counted-registry.ts";
import type { KeySigner } from "./key-signer.ts";

export const repository = "models/iris";
export const releaseKey = "release";

/** Artifacts that differ, each signed in both forms. Returns them as references with a digest. */
export async function pushSigned(registry: CountedRegistry, signer: KeySigner, count: number): Promise<string[]> {
  const pusher = new Pusher(`http://${registry.host}`, repository);
  const references: string[] = [];
  await forEachOf([...Array(count).keys()], 2, async (index) => {
    const digest = await pusher.artifact(`model ${index}`, `v${index}`);
    const reference = `${registry.host}/${repository}@${digest}`;
    for (const form of ["bundle", "tag"] as const) await signer.sign(releaseKey, reference, form);
    references.push(reference);
  });
  await pusher.close();
  return references;
}

/** The real cosign, and how often it was run. */
export class CountedCosign implements BundleVerifier {
  readonly #cosign = new Cosign({ path: cosignPath });
  runs = 0;

  verifyBundle(check: BundleCheck): Promise<BundleOutcome> {
    this.runs += 1;
    return this.#cosign.verifyBundle(check);
  }
}

/** As production has it, but for loopback. */
export function benchEgress(): Egress {
  return new Egress({ plainHttpHosts: ["127.0.0.1"], addressCheck: () => undefined, maxConnectionsPerHost: 64 });
}

export interface VerifierParts {
  readonly registry: CountedRegistry;
  readonly egress: Egress;
  readonly cosign: BundleVerifier;
  readonly cache?: FactCache;
}

export function createVerifier({ registry, egress, cosign, cache }: VerifierParts): Verifier {
  return new Verifier({ egress, plainHttpHosts: [registry.host], bundleVerifier: cosign, cache });
}

type Authorities = ClusterTrustPolicySpec["authorities"];

/** A policy for everything, as one in the cluster would be read. */
export function policyOf(authorities: Authorities, threshold = 1): ResolvedPolicy {
  const object = {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "ClusterTrustPolicy",
    metadata: { name: "bench", generation: 1 },
    spec: { scope: { references: ["**"] }, authorities, threshold },
  };
  const parsed = parseObject(clusterTrustPolicy, object as never);
  if (!parsed.ok) throw new Error(parsed.message);
  const none = (uri: string) => ({ state: "Unknown", problem: uri }) as const;
  return resolvePolicy(parsed.value, { secret: () => undefined, kmsKey: none });
}

export function keyAuthorities(keys: readonly PublicKey[]): Authorities {
  return keys.map(({ pem }, index) => ({ name: `key-${index}`, key: { inline: pem } }));
}

/** A benchmark of refusals would be a fast one. */
export function mustBeVerified({ verdict }: Verification): void {
  if (verdict.outcome !== "Verified") throw new Error(`${verdict.outcome} ${verdict.reason}: ${verdict.message}`);
}
