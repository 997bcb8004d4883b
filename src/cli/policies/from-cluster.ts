import type { ClusterTrustPolicy } from "../../api/index.ts";
import type { Io } from "../io.ts";
import type { Verifying } from "../registry/open.ts";
import { gatherMaterial, type Material } from "./material.ts";

/** Where policies of the cluster have what they name, as the command line says it. */
export interface MaterialChoice {
  readonly kms: boolean;
  readonly "secret-dir": string | undefined;
  readonly "operator-namespace": string;
}

/** From the operator's own namespace with the caller's rights, unless a folder is given. */
export function materialOf(
  policies: readonly ClusterTrustPolicy[],
  choice: MaterialChoice,
  { cosign, env }: Pick<Verifying, "cosign"> & Pick<Io, "env">,
): Promise<Material> {
  const directory = choice["secret-dir"];
  return gatherMaterial(policies, {
    secrets:
      directory === undefined
        ? { kind: "Cluster", namespace: choice["operator-namespace"] }
        : { kind: "Files", directory },
    ...(choice.kms ? { kms: { cosign, env } } : {}),
  });
}
