import assert from "node:assert/strict";
import { podSecurityProblems } from "../../../../src/cli/preview/pod-security.ts";

const securityContext = {
  ...{ allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ["ALL"] } },
  seccompProfile: { type: "RuntimeDefault" },
};
const container = (changes: object = {}) => ({ name: "main", securityContext, ...changes });
const secure = (changes: object) => container({ securityContext: { ...securityContext, ...changes } });
const spec = (changes: object = {}) => ({ containers: [container()], ...changes });

describe("what Pod Security would refuse", () => {
  const cases: readonly (readonly [string, object, readonly string[], readonly string[]])[] = [
    ["a pod that meets the strictest level", spec(), [], []],
    ["the network of the node", spec({ hostNetwork: true }), ["hostNetwork"], ["hostNetwork"]],
    [
      "a path of the node",
      spec({ volumes: [{ name: "d", hostPath: { path: "/" } }] }),
      ["volume d (hostPath)"],
      ["volume d (hostPath)"],
    ],
    ["a volume of a kind of its own", spec({ volumes: [{ name: "n", nfs: {} }] }), [], ["volume n (nfs)"]],
    [
      "a port of the node, also of an init container",
      spec({ initContainers: [container({ name: "init", ports: [{ hostPort: 80 }] })] }),
      ["container init: hostPort"],
      ["container init: hostPort"],
    ],
    [
      "a privileged container",
      spec({ containers: [secure({ privileged: true })] }),
      ["container main: privileged"],
      ["container main: privileged"],
    ],
    [
      "a capability that a runtime gives anyway",
      spec({ containers: [secure({ capabilities: { drop: ["ALL"], add: ["CHOWN"] } })] }),
      [],
      ["container main: capabilities.add"],
    ],
    ["what is said of the pod", spec({ containers: [secure({ runAsNonRoot: null })], securityContext }), [], []],
    [
      "a pod that says nothing",
      { containers: [{ name: "main" }] },
      [],
      [
        "container main: allowPrivilegeEscalation is not false",
        "container main: capabilities.drop is not [ALL]",
        "container main: runAsNonRoot is not true",
        "container main: seccompProfile is not set",
      ],
    ],
    [
      "what cannot be read",
      { containers: [{ name: 1 }] },
      ["its security settings cannot be read"],
      ["its security settings cannot be read"],
    ],
  ];
  for (const [title, of, baseline, restricted] of cases)
    it(title, () => {
      assert.deepEqual(podSecurityProblems(of, "baseline"), baseline);
      assert.deepEqual(podSecurityProblems(of, "restricted"), restricted);
    });
});
