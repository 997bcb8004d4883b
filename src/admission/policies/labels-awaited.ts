import type { PolicyDefinition } from "./build.ts";

/**
 * A namespace that was created, or deleted and created again, while the operator was away has no labels, so nothing else
 * here is bound to it. Its SecureNamespace says what it is meant to be: until the labels are there no pod starts.
 *
 * A suspended SecureNamespace still asks for Enforce, and so does one that is being deleted, unless its deletionPolicy says
 * Open: then the end that was asked for is an open namespace.
 */
export const labelsAwaited: PolicyDefinition = {
  name: "mlsecops-labels-awaited",
  parameter: "SecureNamespace",
  rules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
    { apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["pods/ephemeralcontainers"] },
  ],
  // Asked once for each SecureNamespace of the cluster. A condition is settled before anything else of the policy is looked
  // at, and that is most of the cost.
  matchConditions: [{ name: "of-this-namespace", expression: "params.metadata.name == request.namespace" }],
  validations: [
    {
      expression:
        "params.?spec.?enforcement.orValue('Enforce') != 'Enforce' || " +
        "(has(params.metadata.deletionTimestamp) && params.?spec.?deletionPolicy.orValue('KeepClosed') == 'Open')",
      messageExpression:
        "'no pod starts in namespace ' + request.namespace + ' yet: SecureNamespace ' + request.namespace + ' says enforcement: Enforce, " +
        "and the labels that bind its rules are not on the namespace. A running operator sets them within seconds: see what holds it up with " +
        "kubectl get sns ' + request.namespace + ' -o wide, or delete the SecureNamespace'",
    },
  ],
};
