import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

const kinds = ["httproutes", "grpcroutes", "tcproutes", "tlsroutes", "udproutes", "referencegrants"];

/**
 * What leads to pods from outside of the cluster has to be declared. Services inside of it, and ReferenceGrants that open no
 * Service, lead nobody in. As for all that is refused here, what is there already may be deleted. The operator makes routes as
 * models ask for them, and a model declares nothing: so they have to be declared as well. But it may always shift the requests of
 * a route that is there, or it could not go back from a bad version.
 */
export function noExposure(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-no-exposure",
    parameter: "SecureNamespace",
    rules: [
      { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["services"] },
      {
        apiGroups: ["networking.k8s.io"],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["ingresses"],
      },
      // Where the Gateway API is served.
      {
        apiGroups: ["gateway.networking.k8s.io"],
        apiVersions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: kinds,
      },
    ],
    // Asked once for each SecureNamespace of the cluster.
    matchConditions: [{ name: "of-this-namespace", expression: "params.metadata.name == request.namespace" }],
    variables: [
      {
        name: "leadsIn",
        expression:
          "request.resource.resource == 'services' " +
          "? (object.spec.?type.orValue('ClusterIP') in ['NodePort', 'LoadBalancer'] || object.spec.?externalIPs.orValue([]).size() > 0) " +
          ": (request.resource.resource == 'referencegrants' ? object.spec.to.exists(t, t.kind == 'Service') : true)",
      },
      {
        name: "shiftsOnly",
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' && request.operation == 'UPDATE' && request.resource.resource == 'httproutes' && ` +
          "object.spec.?parentRefs == oldObject.spec.?parentRefs && object.spec.?hostnames == oldObject.spec.?hostnames",
      },
      {
        name: "declared",
        expression:
          "params.spec.?network.?exposed.orValue([]).exists(e, e.kind == object.kind && e.name == object.metadata.name)",
      },
    ],
    validations: [
      {
        expression:
          "(request.operation == 'UPDATE' && object.?spec == oldObject.?spec) || !variables.leadsIn || variables.declared || variables.shiftsOnly",
        messageExpression:
          "object.kind + ' ' + object.metadata.name + ' would lead to pods of namespace ' + request.namespace + ' from outside of it: " +
          "name it in spec.network.exposed of SecureNamespace ' + request.namespace + ', or use a Service of type ClusterIP and spec.network.ingress'",
        message:
          "it would lead to pods from outside of the namespace: name it in spec.network.exposed of the SecureNamespace",
      },
    ],
  };
}
