import { GROUP, secureNamespace } from "../../api/index.ts";
import { type OperatorIdentity, WALL_LABEL, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";
import { cleaners } from "./records.ts";
import { celList } from "./serving-pods.ts";

const writes = ["CREATE", "UPDATE", "DELETE"] as const;

/**
 * What keeps a namespace apart is changed by the operator, and by those who may change the SecureNamespace anyway. Others may
 * still write what is not the operator's, such as pull secrets of the ServiceAccount default. Owners are looked at as well:
 * with one that does not exist the garbage collector would delete a wall.
 */
export function walls(identity: OperatorIdentity): PolicyDefinition {
  const isLabelled = (of: string) => `'${WALL_LABEL}' in ${of}.metadata.?labels.orValue({})`;
  return {
    name: "mlsecops-walls",
    rules: [
      {
        apiGroups: [""],
        apiVersions: ["v1"],
        operations: writes,
        resources: ["resourcequotas", "resourcequotas/status", "limitranges", "serviceaccounts"],
      },
      { apiGroups: ["networking.k8s.io"], apiVersions: ["v1"], operations: writes, resources: ["networkpolicies"] },
      {
        apiGroups: ["rbac.authorization.k8s.io"],
        apiVersions: ["v1"],
        operations: writes,
        resources: ["rolebindings"],
      },
      { apiGroups: ["cilium.io"], apiVersions: ["v2"], operations: writes, resources: ["ciliumnetworkpolicies"] },
    ],
    matchConditions: [
      {
        name: "walls",
        expression:
          `(request.operation != 'DELETE' && ${isLabelled("object")}) || ` +
          `(request.operation != 'CREATE' && ${isLabelled("oldObject")})`,
      },
    ],
    validations: [
      {
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' || ` +
          `(request.userInfo.username in ${celList(cleaners)} && request.operation != 'CREATE') || ` +
          `(request.operation == 'UPDATE' && ${[...kept, marks].join(" && ")}) || ` +
          `authorizer.group('${GROUP}').resource('${secureNamespace.resource.plural}').name(request.namespace).check('update').allowed()`,
        messageExpression:
          `'this object keeps namespace ' + request.namespace + ' apart (label ${WALL_LABEL}), and only the operator writes it: ` +
          "ask for a change of SecureNamespace ' + request.namespace",
        message: `objects with the label ${WALL_LABEL} are written only by the operator: change the SecureNamespace`,
      },
    ],
  };
}

const kept = [
  ["spec", "{}"],
  ["specs", "[]"],
  ["roleRef", "{}"],
  ["subjects", "[]"],
  ["automountServiceAccountToken", "true"],
].map(([field, none]) => `object.?${field}.orValue(${none}) == oldObject.?${field}.orValue(${none})`);

const marks =
  "object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([]) && " +
  ["app.kubernetes.io/managed-by", WALL_LABEL]
    .map((key) => `object.metadata.?labels[?'${key}'].orValue('') == oldObject.metadata.?labels[?'${key}'].orValue('')`)
    .join(" && ");
