import assert from "node:assert/strict";
import { apply, eventually, kubectl, must, randomName } from "../admission/support.ts";
import { Installation } from "../operator/support/installation.ts";
import { Keeper } from "./support/keeper.ts";

/** As much of the definition as the API server needs to keep such objects. */
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "clusternetworkpolicies.policy.networking.k8s.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, for a test" },
  },
  spec: {
    group: "policy.networking.k8s.io",
    scope: "Cluster",
    names: { kind: "ClusterNetworkPolicy", plural: "clusternetworkpolicies" },
    versions: [
      {
        name: "v1alpha2",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        },
      },
    ],
  },
};

describe("a policy that tenants cannot override, where the cluster serves one", function () {
  this.timeout(120_000);
  const installation = new Installation();
  const name = randomName("walls-admin");
  const policy = `clusternetworkpolicy/mlsecops-${name}`;
  let keeper: Keeper;
  let wasServed = false;

  before(async () => {
    await installation.install();
    wasServed = (await kubectl(["get", "crd", definition.metadata.name])).ok;
    if (!wasServed) await apply([definition]);
    await must(["wait", "--for=condition=Established", `crd/${definition.metadata.name}`, "--timeout=30s"]);
    keeper = await Keeper.start(installation);
    await must(["create", "namespace", name]);
    await apply([
      {
        apiVersion: "mlsecops.io/v1alpha1",
        kind: "SecureNamespace",
        metadata: { name },
        spec: { profile: "training", enforcement: "Enforce", deletionPolicy: "Open" },
      },
    ]);
  });
  after(async () => {
    await kubectl(["delete", "sns", name, "--ignore-not-found", "--timeout=30s"]);
    await kubectl(["delete", "namespace", name, "--ignore-not-found", "--wait=false"]);
    await keeper.stop();
    if (!wasServed) await kubectl(["delete", "crd", definition.metadata.name]);
    installation.transport.close();
  });

  const isThere = async () => (await kubectl(["get", policy])).ok;

  it("is made, comes back within 2 s, and goes with the SecureNamespace", async () => {
    await eventually("it is made", isThere);
    const spec = () => must(["get", policy, "-o", "jsonpath={.spec}"]);
    const before = await spec();
    assert.match(before, /"action":"Deny","name":"out-0","to":\[\{"networks":\["169.254.0.0\/16"/);

    let begin = performance.now();
    await must(["delete", policy, "--wait=false"]);
    await eventually("it is back", isThere, 10);
    assert.ok(performance.now() - begin < 2_000);
    assert.equal(await spec(), before);

    begin = performance.now();
    await must(["patch", policy, "--type=merge", "-p", JSON.stringify({ spec: { egress: [], tier: "Baseline" } })]);
    await eventually("it is mended", async () => (await spec()) === before, 10);
    assert.ok(performance.now() - begin < 2_000);

    await must(["delete", "sns", name, "--timeout=30s"]);
    assert.equal(await isThere(), false);
  });

  it("is all of its kind that the operator's account may write", async () => {
    const operator = "system:serviceaccount:mlsecops-system:mlsecops-operator";
    const { ok, output } = await kubectl(["create", "-f", "-"], {
      as: operator,
      input: {
        apiVersion: "policy.networking.k8s.io/v1alpha2",
        kind: "ClusterNetworkPolicy",
        metadata: { name: "everywhere" },
        spec: {},
      },
    });
    assert.equal(ok, false);
    assert.match(output, /mlsecops-operator-limits/);
  });
});
