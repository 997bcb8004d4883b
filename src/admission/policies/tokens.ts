import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/** Audiences that API servers take for their own by default, and on EKS. */
const isApiServer = (audience: string) =>
  `${audience} == 'kubernetes' || ${audience}.startsWith('https://kubernetes.default')`;

/**
 * A token of a ServiceAccount makes whoever holds it that ServiceAccount. In a namespace of one purpose nothing needs to ask
 * the API server; a token for somebody else, such as a cloud that knows the cluster, names that audience.
 *
 * A pod is looked at after admission plugins: what one mounts because of its ServiceAccount is a volume like any other.
 */
export function tokens(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-tokens",
    rules: [
      {
        apiGroups: [""],
        apiVersions: ["v1"],
        operations: ["CREATE"],
        resources: ["serviceaccounts/token", "secrets", "pods"],
      },
    ],
    variables: [
      { name: "isToken", expression: "request.resource.resource == 'serviceaccounts'" },
      { name: "isSecret", expression: "request.resource.resource == 'secrets'" },
      { name: "isPod", expression: "request.resource.resource == 'pods'" },
    ],
    validations: [
      {
        expression:
          // A kubelet's are for one of its pods: the API server sees to that.
          "!variables.isToken || (request.userInfo.username.startsWith('system:node:') && object.spec.?boundObjectRef.?kind.orValue('') == 'Pod') || " +
          `request.userInfo.username in ['${usernameOf(identity)}', 'system:kube-controller-manager']`,
        message:
          "tokens of ServiceAccounts are only for pods here: mount one by a projected volume that names its audience, and act under your own name otherwise",
      },
      {
        expression: "!variables.isSecret || object.?type.orValue('') != 'kubernetes.io/service-account-token'",
        message:
          "Secrets of type kubernetes.io/service-account-token never end: use a projected volume that names an audience, without a Secret",
      },
      {
        expression: "!variables.isPod || !object.spec.?automountServiceAccountToken.orValue(false)",
        message:
          "pods do not talk to the API server here: leave out automountServiceAccountToken, or set it to false in the pod and in its ServiceAccount",
      },
      {
        expression:
          "!variables.isPod || object.spec.?volumes.orValue([]).all(v, v.?projected.?sources.orValue([]).all(s, !has(s.serviceAccountToken) || " +
          `(s.serviceAccountToken.?audience.orValue('') != '' && !(${isApiServer("s.serviceAccountToken.audience")}))))`,
        message:
          "a token of a ServiceAccount in a pod must be for somebody else than the API server: set automountServiceAccountToken: false in the pod or its ServiceAccount, and name an audience in a projected volume, for example sts.amazonaws.com",
      },
    ],
  };
}
