import type { FormatScanner } from "../formats/index.ts";
import type { Egress } from "../egress/index.ts";
import type { TokenBucket } from "../kube/index.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { BundleVerifier } from "./cosign.ts";
import type { FactCache } from "./fact-cache.ts";
import type { GatherLimits } from "./gather.ts";
import type { connectRegistry } from "./registry-mirrored.ts";
import type { RegistryMirror } from "./registry-mirrors.ts";

export interface VerifierOptions {
  readonly egress: Egress;
  readonly bundleVerifier: BundleVerifier;
  readonly cache?: FactCache | undefined;
  /** As given to the egress too. */
  readonly plainHttpHosts?: readonly string[] | undefined;
  /** For one exchange with a registry. */
  readonly registryTimeoutMs?: number | undefined;
  /** Where content is asked for instead of at the registry of its name. */
  readonly mirrors?: readonly RegistryMirror[] | undefined;
  /** For what registries say of time, such as when to come back. */
  readonly clock?: (() => Date) | undefined;
  readonly limits?: Partial<GatherLimits> | undefined;
  /** Keeps what was gathered over a restart. */
  readonly store?: Pick<ArtifactStore, "load" | "keep" | "forget"> | undefined;
  /** Looks into the content of models. */
  readonly scanner?: FormatScanner | undefined;
  /** How often registries are asked again about what is known. Absent: as often as it is due. */
  readonly recheckBudget?: Pick<TokenBucket, "tryTake"> | undefined;
  /** Reads artifacts. Only who has them elsewhere than in a registry gives it. */
  readonly connect?: typeof connectRegistry | undefined;
}
