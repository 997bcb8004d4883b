import { API_VERSION, GRANT_NAME } from "../../api/index.ts";
import { ENFORCEMENT_LABEL, PROFILE_LABEL, exemptNamespaces, type OperatorIdentity } from "../names.ts";

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
  /** Whether the namespace's AdmissionGrant is the policy's parameter. */
  readonly readsGrant: boolean;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly Validation[];
}

/** Where a policy is bound: everywhere, in every enforced namespace, or in enforced serving namespaces only. */
export type Reach = "cluster" | "enforced" | "serving";

export function policyObject(definition: PolicyDefinition): PolicyObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: definition.name },
    spec: {
      // An expression that fails to evaluate must refuse, never admit.
      failurePolicy: "Fail",
      ...(definition.readsGrant ? { paramKind: { apiVersion: API_VERSION, kind: "AdmissionGrant" } } : {}),
      matchConstraints: {
        matchPolicy: "Equivalent",
        namespaceSelector: {},
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
  if (reach === "cluster") return [bindingObject(definition, definition.name, ["Deny"], {})];
  return [
    bindingObject(definition, `${definition.name}-enforce`, ["Deny"], namespaceSelector("enforce", reach, identity)),
    bindingObject(
      definition,
      `${definition.name}-audit`,
      ["Warn", "Audit"],
      namespaceSelector("audit", reach, identity),
    ),
  ];
}

function bindingObject(
  definition: PolicyDefinition,
  name: string,
  validationActions: readonly string[],
  selector: Readonly<Record<string, unknown>>,
): PolicyObject {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: {
      policyName: definition.name,
      // No namespace: the grant is looked up in the namespace of the object under review.
      // A missing parameter is an error of the binding, which refuses whatever the actions are: Audit must let it pass.
      ...(definition.readsGrant
        ? {
            paramRef: {
              name: GRANT_NAME,
              parameterNotFoundAction: validationActions.includes("Deny") ? "Deny" : "Allow",
            },
          }
        : {}),
      matchResources: { matchPolicy: "Equivalent", namespaceSelector: selector, objectSelector: {} },
      validationActions,
    },
  };
}

function namespaceSelector(
  enforcement: "enforce" | "audit",
  reach: "enforced" | "serving",
  identity: OperatorIdentity,
): Record<string, unknown> {
  return {
    matchLabels: { [ENFORCEMENT_LABEL]: enforcement, ...(reach === "serving" ? { [PROFILE_LABEL]: "serving" } : {}) },
    // kubernetes.io/metadata.name is set by the API server itself and cannot be spoofed.
    matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: exemptNamespaces(identity) }],
  };
}
