import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ResourceType } from "../kube/index.ts";
import type { PolicyObject } from "./policies/index.ts";

export const validatingAdmissionPolicy: ResourceType = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicy",
  plural: "validatingadmissionpolicies",
  namespaced: false,
};

export const validatingAdmissionPolicyBinding: ResourceType = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  kind: "ValidatingAdmissionPolicyBinding",
  plural: "validatingadmissionpolicybindings",
  namespaced: false,
};

export interface LivingPolicy extends KubeObject {
  readonly spec?: unknown;
}

export type LivingPolicies = (kind: PolicyObject["kind"], name: string) => LivingPolicy | undefined;

/**
 * What is missing or changed among the admission policies; empty when all stand as they should. Admission policies cannot
 * guard themselves, so one that is gone or edited has to be seen. Every pass asks, and nearly always nothing is new: `living`
 * gives objects that do not change, and each is compared once.
 */
export function policyGuard(wanted: readonly PolicyObject[], living: LivingPolicies): () => readonly string[] {
  const guarded = wanted.map(({ kind, metadata: { name }, spec }) => {
    const normalSpec = normal(spec);
    let compared: { readonly found: LivingPolicy; readonly isSame: boolean } | undefined;
    return (): readonly string[] => {
      const found = living(kind, name);
      if (found === undefined) return [`${kind} ${name} is missing`];
      if (found.metadata.deletionTimestamp !== undefined) return [`${kind} ${name} is being deleted`];
      if (compared?.found !== found) compared = { found, isSame: isDeepStrictEqual(normal(found.spec), normalSpec) };
      return compared.isSame ? [] : [`${kind} ${name} was changed`];
    };
  });
  return () => guarded.flatMap((problems) => problems());
}

/** Plain JSON: no undefined, no readonly wrappers. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
