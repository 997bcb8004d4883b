import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/**
 * Policies only add up, so one that allows anything allows more than the operator's own. What only denies may be written, and
 * what is there already may be deleted, and have its labels, owners and finalizers changed.
 */
export function noWidening(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-no-widening",
    rules: [
      {
        apiGroups: ["networking.k8s.io"],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["networkpolicies"],
      },
      // Of network plugins, where there are any: what these do is not looked into, so each of their rules counts.
      {
        apiGroups: ["cilium.io"],
        apiVersions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: ["ciliumnetworkpolicies"],
      },
      {
        apiGroups: ["crd.projectcalico.org", "projectcalico.org"],
        apiVersions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: ["networkpolicies"],
      },
    ],
    variables: [
      { name: "ingress", expression: "object.?spec.?ingress.orValue([])" },
      { name: "egress", expression: "object.?spec.?egress.orValue([])" },
      { name: "more", expression: "object.?specs.orValue([])" },
    ],
    validations: [
      {
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' || ` +
          "(request.operation == 'UPDATE' && object.?spec == oldObject.?spec && object.?specs == oldObject.?specs) || " +
          "(variables.ingress.size() == 0 && variables.egress.size() == 0 && variables.more.size() == 0)",
        messageExpression:
          "'policies that allow traffic are refused in namespace ' + request.namespace + ', since they only add to what is allowed: " +
          "declare the traffic in spec.network of SecureNamespace ' + request.namespace + ', and the operator opens it'",
        message:
          "policies that allow traffic are refused in this namespace: leave it out, and declare the traffic in spec.network of the SecureNamespace",
      },
    ],
  };
}

/** On the network or a port of its node a pod is where no policy holds. */
export const noHostNetwork: PolicyDefinition = {
  name: "mlsecops-no-host-network",
  rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
  validations: [
    {
      expression:
        "!object.spec.?hostNetwork.orValue(false) && " +
        "(object.spec.containers + object.spec.?initContainers.orValue([])).all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0))",
      message:
        "hostNetwork and hostPort are refused in this namespace, since no NetworkPolicy holds there: remove them from the pod, and declare who may reach it in spec.network.ingress of the SecureNamespace",
    },
  ],
};
