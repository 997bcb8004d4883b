import { isDeepStrictEqual } from "node:util";
import type { ClusterTrustPolicy } from "../../api/index.ts";
import type { ReplayReport } from "./schema.ts";

export interface Overlay {
  readonly policies: readonly ClusterTrustPolicy[];
  readonly summary: ReplayReport["policies"];
}

/**
 * The policies as they would be: those of the file in the place of those of the same name, and without those that they
 * replace. Pure.
 */
export function overlay(
  living: readonly ClusterTrustPolicy[],
  given: readonly ClusterTrustPolicy[],
  replaced: readonly string[],
): Overlay {
  const before = new Map(living.map((policy) => [policy.metadata.name, policy]));
  const names = new Set(given.map(({ metadata }) => metadata.name));
  const removed = replaced.filter((name) => before.has(name) && !names.has(name));
  const kept = living.filter(({ metadata }) => !names.has(metadata.name) && !removed.includes(metadata.name));
  const next = given.map((policy) => {
    const old = before.get(policy.metadata.name);
    // A file has no generation: the API server counts one up when the spec differs.
    const generation = old === undefined ? 1 : (old.metadata.generation ?? 0) + (sameSpec(old, policy) ? 0 : 1);
    return { ...policy, metadata: { ...policy.metadata, generation } };
  });
  return {
    policies: [...kept, ...next],
    summary: {
      added: [...names].filter((name) => !before.has(name)),
      changed: given.flatMap((policy) => {
        const old = before.get(policy.metadata.name);
        return old === undefined || sameSpec(old, policy) ? [] : [policy.metadata.name];
      }),
      removed,
    },
  };
}

function sameSpec(a: ClusterTrustPolicy, b: ClusterTrustPolicy): boolean {
  return isDeepStrictEqual(a.spec, b.spec);
}
