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
 * guard themselves, so one that is gone or edited has to be seen. Pure.
 */
export function policyProblems(wanted: readonly PolicyObject[], living: LivingPolicies): readonly string[] {
  return wanted.flatMap(({ kind, metadata, spec }) => {
    const found = living(kind, metadata.name);
    if (found === undefined) return [`${kind} ${metadata.name} is missing`];
    if (found.metadata.deletionTimestamp !== undefined) return [`${kind} ${metadata.name} is being deleted`];
    return isDeepStrictEqual(normal(found.spec), normal(spec)) ? [] : [`${kind} ${metadata.name} was changed`];
  });
}

/** Plain JSON: no undefined, no readonly wrappers. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
