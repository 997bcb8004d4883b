import { API_VERSION, GRANT_NAME } from "../../api/index.ts";
import {
  ENFORCEMENT_LABEL,
  ON_BREACH_LABEL,
  PROFILE_LABEL,
  exemptNamespaces,
  type OperatorIdentity,
} from "../names.ts";

/** The object forms of admissionregistration.k8s.io/v1 that are used here, with every default written out, so that a
 * policy read back from the API server equals the one that was written. */
export interface PolicyObject {
  readonly apiVersion: "admissionregistration.k8s.io/v1";
  readonly kind: "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding";
  readonly metadata: { readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

export interface ResourceRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly operations: readonly ("CREATE" | "UPDATE" | "DELETE" | "CONNECT")[];
}

export interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

export interface PolicyDefinition {
  readonly name: string;
  readonly rules: readonly ResourceRule[];
  /** AdmissionGrant: the one of the pod's namespace. SecureNamespace: each of the cluster, one after the other. */
  readonly parameter?: "AdmissionGrant" | "SecureNamespace";
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly Validation[];
}

/**
 * Where a policy is bound: everywhere, in every enforced namespace, in enforced serving namespaces only, in those enforced
 * ones whose breaches are blocked, or in those that carry no enforcement label.
 */
export type Reach = "cluster" | "enforced" | "serving" | "blocked" | "unlabelled";

export function policyObject(definition: PolicyDefinition, reach: Reach, identity: OperatorIdentity): PolicyObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: definition.name },
    spec: {
      // An expression that fails to evaluate must refuse, never admit. Except in namespaces without labels: there a missing
      // CRD, which is such a failure, would stop the pods of the whole cluster (docs/adr/0007).
      failurePolicy: reach === "unlabelled" ? "Ignore" : "Fail",
      ...(definition.parameter === undefined
        ? {}
        : { paramKind: { apiVersion: API_VERSION, kind: definition.parameter } }),
      matchConstraints: {
        matchPolicy: "Equivalent",
        // Not only in the bindings: a policy whose parameter's CRD is missing refuses all that it matches, bound or not.
        namespaceSelector: reach === "cluster" ? {} : namespaceSelector(reach, identity),
        objectSelector: {},
        resourceRules: definition.rules.map((rule) => ({ ...rule, scope: "*" })),
      },
      ...(definition.matchConditions === undefined ? {} : { matchConditions: definition.matchConditions }),
      ...(definition.variables === undefined ? {} : { variables: definition.variables }),
      validations: definition.validations,
    },
  };
}

/** The bindings of a policy. A namespace in Audit gets the same rules as warnings and audit annotations. */
export function bindingObjects(
  definition: PolicyDefinition,
  reach: Reach,
  identity: OperatorIdentity,
): readonly PolicyObject[] {
  const { name } = definition;
  if (reach === "cluster") return [bindingObject(definition, name, ["Deny"], {})];
  if (reach === "unlabelled" || reach === "blocked")
    return [bindingObject(definition, name, ["Deny"], namespaceSelector(reach, identity))];
  return [
    bindingObject(definition, `${name}-enforce`, ["Deny"], namespaceSelector(reach, identity, "enforce")),
    bindingObject(definition, `${name}-audit`, ["Warn", "Audit"], namespaceSelector(reach, identity, "audit")),
  ];
}

function bindingObject(
  definition: PolicyDefinition,
  name: string,
  validationActions: readonly string[],
  selector: Readonly<Record<string, unknown>>,
): PolicyObject {
  const paramRef = paramRefOf(definition, validationActions);
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: {
      policyName: definition.name,
      ...(paramRef === undefined ? {} : { paramRef }),
      matchResources: { matchPolicy: "Equivalent", namespaceSelector: selector, objectSelector: {} },
      validationActions,
    },
  };
}

function paramRefOf({ parameter }: PolicyDefinition, validationActions: readonly string[]): object | undefined {
  if (parameter === undefined) return undefined;
  // A cluster without any SecureNamespace asks for nothing.
  if (parameter === "SecureNamespace") return { selector: {}, parameterNotFoundAction: "Allow" };
  return {
    // No namespace: the grant is looked up in the namespace of the object under review.
    name: GRANT_NAME,
    // A missing parameter is an error of the binding, which refuses whatever the actions are: Audit must let it pass.
    parameterNotFoundAction: validationActions.includes("Deny") ? "Deny" : "Allow",
  };
}

function namespaceSelector(
  reach: Exclude<Reach, "cluster">,
  identity: OperatorIdentity,
  enforcement?: "enforce" | "audit",
): Record<string, unknown> {
  const labels = {
    ...(enforcement === undefined ? {} : { [ENFORCEMENT_LABEL]: enforcement }),
    ...(reach === "blocked" ? { [ENFORCEMENT_LABEL]: "enforce", [ON_BREACH_LABEL]: "block" } : {}),
    ...(reach === "serving" ? { [PROFILE_LABEL]: "serving" } : {}),
  };
  const label = reach === "unlabelled" ? "DoesNotExist" : "Exists";
  return {
    ...(Object.keys(labels).length === 0 ? {} : { matchLabels: labels }),
    matchExpressions: [
      // kubernetes.io/metadata.name is set by the API server itself and cannot be spoofed.
      { key: "kubernetes.io/metadata.name", operator: "NotIn", values: exemptNamespaces(identity) },
      ...(enforcement === undefined ? [{ key: ENFORCEMENT_LABEL, operator: label }] : []),
    ],
  };
}
