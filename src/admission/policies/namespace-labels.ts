import { GROUP } from "../../api/index.ts";
import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/**
 * The labels that bind a namespace to the other policies. They are protected on every way to write them: /status and
 * /finalize carry metadata too.
 */
export function namespaceLabels(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-namespace-labels",
    rules: [
      {
        apiGroups: [""],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["namespaces", "namespaces/status", "namespaces/finalize"],
      },
    ],
    variables: [
      { name: "after", expression: "object.metadata.?labels.orValue({})" },
      {
        name: "before",
        // On CREATE there is no old object. The map is not empty so that CEL knows its type.
        expression: "request.operation == 'CREATE' ? {'': ''} : oldObject.metadata.?labels.orValue({})",
      },
    ],
    validations: [
      {
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' || ` +
          `(variables.after.all(k, !k.startsWith('${GROUP}/') || (k in variables.before && variables.before[k] == variables.after[k])) && ` +
          `variables.before.all(k, !k.startsWith('${GROUP}/') || k in variables.after))`,
        message: `labels that start with ${GROUP}/ are written only by the operator: create or change the SecureNamespace of that name`,
      },
      {
        expression:
          `!(object.metadata.name.startsWith('kube-') || object.metadata.name == '${identity.namespace}') || ` +
          `variables.after.all(k, !k.startsWith('${GROUP}/'))`,
        message: "system namespaces and the operator's own namespace are never enforced",
      },
    ],
  };
}
