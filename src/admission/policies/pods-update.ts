import type { PolicyDefinition } from "./build.ts";

/**
 * An admitted pod keeps its images. It needs no grant, so that finalizers, status and deletion of a pod whose grant is gone
 * never get stuck.
 */
export const podsUpdate: PolicyDefinition = {
  name: "mlsecops-pods-update",
  rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["pods"] }],
  validations: [
    {
      expression:
        "object.spec.containers.map(c, c.?image.orValue('')) == oldObject.spec.containers.map(c, c.?image.orValue('')) && " +
        "object.spec.?initContainers.orValue([]).map(c, c.?image.orValue('')) == oldObject.spec.?initContainers.orValue([]).map(c, c.?image.orValue(''))",
      message: "the images of a running pod cannot be changed here: change the workload, so that a new pod is admitted",
    },
  ],
};
