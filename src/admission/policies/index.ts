import type { OperatorIdentity } from "../names.ts";
import { breakGlass } from "./break-glass.ts";
import { type PolicyDefinition, type PolicyObject, type Reach, bindingObjects, policyObject } from "./build.ts";
import { labelsAwaited } from "./labels-awaited.ts";
import { modelAuthor } from "./model-author.ts";
import { namespaceLabels } from "./namespace-labels.ts";
import { noExposure } from "./no-exposure.ts";
import { noHostNetwork, noWidening } from "./no-widening.ts";
import { operatorLimits } from "./operator-limits.ts";
import { podsGranted } from "./pods-granted.ts";
import { podsUpdate, servingPodsUpdate } from "./pods-update.ts";
import { operatorRecords } from "./records.ts";
import { servingConnect } from "./serving-connect.ts";
import { servingPods } from "./serving-pods.ts";
import { servingWorkloads } from "./serving-workloads.ts";
import { tokens } from "./tokens.ts";
import { walls } from "./walls.ts";

export type { PolicyObject } from "./build.ts";

/**
 * Every ValidatingAdmissionPolicy and binding that the product rests on. The chart and the manifests carry this same list;
 * the operator compares the living ones with it and says Enforced=False when one is missing or changed.
 */
export function admissionPolicies(identity: OperatorIdentity): readonly PolicyObject[] {
  const all: readonly (readonly [PolicyDefinition, Reach])[] = [
    [podsGranted, "enforced"],
    [podsUpdate, "enforced"],
    [servingPods(identity), "serving"],
    [servingPodsUpdate(identity), "serving"],
    [servingWorkloads(identity), "serving"],
    [servingConnect, "serving"],
    [noWidening(identity), "blocked"],
    [noHostNetwork, "blocked"],
    [noExposure(identity), "blocked"],
    [tokens(identity), "enforced"],
    [walls(identity), "enforced"],
    [labelsAwaited, "unlabelled"],
    [operatorRecords(identity), "cluster"],
    [breakGlass, "cluster"],
    [modelAuthor, "cluster"],
    [namespaceLabels(identity), "cluster"],
    [operatorLimits(identity), "cluster"],
  ];
  return all.flatMap(([definition, reach]) => [
    policyObject(definition, reach, identity),
    ...bindingObjects(definition, reach, identity),
  ]);
}
