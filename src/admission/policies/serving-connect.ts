import type { PolicyDefinition } from "./build.ts";

/** Nobody gets into a serving pod: what was verified is what runs, until it is replaced. */
export const servingConnect: PolicyDefinition = {
  name: "mlsecops-serving-connect",
  rules: [
    {
      apiGroups: [""],
      apiVersions: ["v1"],
      operations: ["CONNECT"],
      resources: ["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"],
    },
    { apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["pods/ephemeralcontainers"] },
  ],
  validations: [
    {
      expression: "false",
      message:
        "exec, attach, port-forward, proxy and ephemeral containers are closed in a serving namespace: read the logs, or reproduce it in an experiment namespace",
    },
  ],
};
