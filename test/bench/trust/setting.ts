import type { Egress } from "../../../src/egress/index.ts";
import type { PublicKey } from "../../../src/trust/index.ts";
import { benchEgress, CountedCosign, pushSigned, releaseKey } from "../support/artifacts.ts";
import { CountedRegistry } from "../support/counted-registry.ts";
import { KeySigner } from "../support/key-signer.ts";

/** As many workers as are measured, so that no two of them verify the same artifact at the same time. */
const artifacts = 32;

/** What the benchmarks of the trust room share: a registry with signed artifacts, and the means to verify them. */
export interface Setting {
  readonly registry: CountedRegistry;
  readonly signer: KeySigner;
  readonly egress: Egress;
  readonly cosign: CountedCosign;
  /** With digests; each is signed by `release`, in both forms. */
  readonly references: readonly string[];
  readonly release: PublicKey;
  readonly remove: () => Promise<void>;
}

export async function createSetting(): Promise<Setting> {
  const [registry, signer, egress] = [await CountedRegistry.start(), await KeySigner.create(), benchEgress()];
  const release = await signer.key(releaseKey);
  const references = await pushSigned(registry, signer, artifacts);
  const remove = async (): Promise<void> => {
    await egress.close();
    await registry.remove();
    await signer.remove();
  };
  return { registry, signer, egress, cosign: new CountedCosign(), references, release, remove };
}
