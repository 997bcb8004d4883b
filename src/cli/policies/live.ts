import type { ClusterTrustPolicy } from "../../api/index.ts";
import { type ResolvedPolicy, unreadablePolicy } from "../../trust/index.ts";
import type { Listed } from "../cluster.ts";
import type { Material } from "./material.ts";
import { resolvePolicies } from "./resolve.ts";

/** The policies as the operator sees them: one that does not parse covers everything and decides nothing. Pure. */
export function livePolicies(
  { objects, unreadable }: Listed<ClusterTrustPolicy>,
  material: Material,
): readonly ResolvedPolicy[] {
  return [
    ...resolvePolicies(objects, material),
    ...unreadable.map(({ name, problem }) => unreadablePolicy(name, 0, problem)),
  ];
}
