import assert from "node:assert/strict";
import { effectiveNode } from "../../../../src/cli/explain/effective.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { tree } from "../../../../src/cli/render/tree.ts";
import { secured } from "../objects.ts";

function lines(spec: object = {}): readonly string[] {
  const text = tree(effectiveNode(secured({}, spec)), noPaint);
  return text.split("\n").map((line) => line.replace(/^[│├└─ ]*/, ""));
}

describe("what is in force for a SecureNamespace", () => {
  it("is the profile's where the spec says nothing", () => {
    const shown = lines();
    for (const line of [
      "podSecurity: restricted (profile)",
      "deletionPolicy: KeepClosed (profile)",
      "dns: Cluster (profile)",
      "no other traffic is declared (profile)",
      "pods: 30 (profile)",
      "cpu: 100m (profile)",
      "nobody is declared (profile)",
    ])
      assert.ok(shown.includes(line), line);
    assert.ok(shown.every((line) => !line.endsWith("(spec)")));
  });

  it("is the spec's where it says something, and the profile's beside it", () => {
    const shown = lines({
      podSecurity: "baseline",
      quota: { pods: "7", "requests.nvidia.com/gpu": "2" },
      limits: { max: { memory: "64Gi" } },
      network: {
        dns: "None",
        ingress: [{ name: "in", from: [{ pods: { app: "x" } }], ports: [{ port: 80, endPort: 90 }] }],
        exposed: [{ kind: "Ingress", name: "door" }],
      },
      people: [{ role: "Auditor", groups: ["audit"], users: ["eve"] }],
      serviceAccounts: [{ name: "trainer" }],
    });
    for (const line of [
      "podSecurity: baseline (spec)",
      "pods: 7 (spec)",
      "requests.nvidia.com/gpu: 2 (spec)",
      "requests.cpu: 16 (profile)",
      "memory: 64Gi (spec)",
      "dns: None (spec)",
      "in: in, TCP 80-90 (spec)",
      "exposed: Ingress/door (spec)",
      "Auditor: group audit, user eve (spec)",
      "trainer (spec)",
    ])
      assert.ok(shown.includes(line), line);
  });
});
