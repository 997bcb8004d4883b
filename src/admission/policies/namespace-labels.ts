import { GROUP } from "../../api/index.ts";
import { ENFORCEMENT_LABEL, type OperatorIdentity, POD_SECURITY_PREFIX, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/**
 * The labels that bind a namespace to the other policies, and what the operator notes beside them. They are protected on every
 * way to write them: /status and /finalize carry metadata too. While they are there, so is how Pod Security judges.
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
      { name: "notesAfter", expression: "object.metadata.?annotations.orValue({})" },
      {
        name: "notesBefore",
        expression: "request.operation == 'CREATE' ? {'': ''} : oldObject.metadata.?annotations.orValue({})",
      },
      { name: "isOperator", expression: `request.userInfo.username == '${usernameOf(identity)}'` },
    ],
    validations: [
      {
        expression: `variables.isOperator || (${areKept(`${GROUP}/`, "variables.before", "variables.after")})`,
        message: `labels that start with ${GROUP}/ are written only by the operator: create or change the SecureNamespace of that name`,
      },
      {
        expression: `variables.isOperator || (${areKept(`${GROUP}/`, "variables.notesBefore", "variables.notesAfter")})`,
        message: `annotations of a namespace that start with ${GROUP}/ are written only by the operator`,
      },
      {
        expression:
          `variables.isOperator || !('${ENFORCEMENT_LABEL}' in variables.before) || ` +
          `(${areKept(POD_SECURITY_PREFIX, "variables.before", "variables.after")})`,
        message: `labels that start with ${POD_SECURITY_PREFIX} follow spec.podSecurity of the SecureNamespace of that name: change it there`,
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

/** Of what starts with the prefix nothing was added, changed or removed. */
function areKept(prefix: string, before: string, after: string): string {
  return (
    `${after}.all(k, !k.startsWith('${prefix}') || (k in ${before} && ${before}[k] == ${after}[k])) && ` +
    `${before}.all(k, !k.startsWith('${prefix}') || k in ${after})`
  );
}
