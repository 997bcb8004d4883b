import type { Use } from "../../api/index.ts";
import type { PolicyDefinition, Validation } from "./build.ts";

/**
 * Rule 1: a pod is admitted only if every image, init image and image volume is pinned by digest and granted for that use,
 * now. CEL has no clock. For a new pod "now" is its creation time, which the API server has already overwritten when it
 * asks. For an ephemeral container that time may be long past: there it is the latest time of managedFields, where the API
 * server has just noted this request. Whoever forges a time there can only make it later; without any, nothing is granted.
 */
export const podsGranted: PolicyDefinition = {
  name: "mlsecops-pods-granted",
  parameter: "AdmissionGrant",
  rules: [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
    { apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["pods/ephemeralcontainers"] },
  ],
  variables: [
    {
      name: "noted",
      expression: "object.metadata.?managedFields.orValue([]).filter(m, has(m.time)).map(m, timestamp(m.time))",
    },
    {
      name: "now",
      expression:
        "request.operation == 'CREATE' ? timestamp(object.metadata.creationTimestamp) : " +
        "(variables.noted.size() == 0 ? timestamp('9999-12-31T00:00:00Z') : variables.noted.max())",
    },
    { name: "digests", expression: "params.spec.?digests.orValue({})" },
    {
      name: "container",
      expression:
        "object.spec.containers.map(c, c.?image.orValue('')) + object.spec.?ephemeralContainers.orValue([]).map(c, c.?image.orValue(''))",
    },
    { name: "init", expression: "object.spec.?initContainers.orValue([]).map(c, c.?image.orValue(''))" },
    {
      name: "imageVolume",
      expression: "object.spec.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))",
    },
    {
      name: "unpinned",
      expression:
        "(variables.container + variables.init + variables.imageVolume).filter(i, !i.matches('^[^@]+@sha256:[a-f0-9]{64}$'))",
    },
    { name: "ungrantedContainer", expression: ungranted("container") },
    { name: "ungrantedInit", expression: ungranted("init") },
    { name: "ungrantedImageVolume", expression: ungranted("imageVolume") },
  ],
  validations: [
    {
      expression: "variables.unpinned.size() == 0",
      messageExpression:
        "'image \"' + variables.unpinned[0] + '\" is not pinned by digest: write it as name@sha256:<digest>; a tag can be moved after it was verified'",
    },
    refusal("ungrantedContainer", "container", "a container"),
    refusal("ungrantedInit", "init", "an init container"),
    refusal("ungrantedImageVolume", "imageVolume", "an image volume"),
  ],
};

function ungranted(use: Use): string {
  const digest = "i.substring(i.lastIndexOf('@') + 1)";
  return (
    `variables.${use}.filter(i, !(${digest} in variables.digests && has(variables.digests[${digest}].${use}) && ` +
    `variables.now <= timestamp(variables.digests[${digest}].${use}.notAfter)))`
  );
}

function refusal(variable: string, use: Use, words: string): Validation {
  return {
    expression: `variables.${variable}.size() == 0`,
    messageExpression:
      `'image "' + variables.${variable}[0] + '" is not granted for use as ${words} in namespace ' + object.metadata.namespace + ` +
      `': have it signed by an authority that a ClusterTrustPolicy names, then add it to spec.allowedImages (uses: [${use}]) of SecureNamespace ' + object.metadata.namespace`,
  };
}
