import assert from "node:assert/strict";
import { ReachReport } from "../../../src/cli/reach/schema.ts";
import { apply, eventually, kubectl, must, randomName } from "../admission/support.ts";
import { mlsecops } from "./support/command.ts";
import { withKubeconfig } from "./support/limited-kubeconfig.ts";

describe("mlsecops reach", function () {
  this.timeout(120_000);
  const [lab, prod] = [randomName("cli-lab"), randomName("cli-prod")];
  const pod = (namespace: string, name: string, app: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app } },
    spec: {
      // Nothing has to run for this.
      nodeSelector: { "example.com/absent": "true" },
      containers: [{ name: "main", image: "example.com/none:1", ports: [{ name: "http", containerPort: 8080 }] }],
    },
  });

  before(async () => {
    for (const namespace of [lab, prod]) await must(["create", "namespace", namespace]);
    for (const namespace of [lab, prod])
      await eventually("the default ServiceAccount", async () => {
        const { ok } = await kubectl(["get", "serviceaccount", "default", "-n", namespace]);
        return ok;
      });
    await apply([
      pod(lab, "notebook", "notebook"),
      pod(prod, "iris", "iris"),
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "closed", namespace: prod },
        spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "by-name", namespace: prod },
        spec: {
          podSelector: { matchLabels: { app: "iris" } },
          ingress: [
            {
              from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": lab } } }],
              ports: [{ port: "http" }],
            },
          ],
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "iris", namespace: prod },
        spec: { selector: { app: "iris" }, ports: [{ name: "web", port: 80, targetPort: "http" }] },
      },
    ]);
  });
  after(async () => {
    for (const namespace of [lab, prod]) await must(["delete", "namespace", namespace, "--wait=false"]);
    await must(["delete", "clusterrolebinding,clusterrole", lab, "--ignore-not-found"]);
  });

  const reach = (from: string, to: string, ...more: readonly string[]) => mlsecops(["reach", from, to, ...more]);

  it("says what the live objects say, and which rule", async () => {
    const { stdout, all, exitCode } = await reach(`${lab}/notebook`, `${prod}/iris:8080`, "-o", "json");
    assert.equal(exitCode, 0, all);
    const { outcome, by, unknown } = ReachReport.strict().parse(JSON.parse(stdout));
    assert.equal(outcome, "Allowed");
    assert.deepEqual(unknown, []);
    assert.deepEqual(
      by.map(({ side, namespace, name, rule }) => [side, namespace, name, rule]),
      [["Ingress", prod, "by-name", 0]],
    );
  });

  it("by a Service, by its address, and with a table", async () => {
    const named = await reach(`${lab}/notebook`, `svc/${prod}/iris:web`);
    assert.equal(named.exitCode, 0, named.all);
    assert.match(named.stdout, new RegExp(`^${prod}/iris +8080 +Allowed`, "m"));
    const address = await must(["get", "service", "iris", "-n", prod, "-o", "jsonpath={.spec.clusterIP}"]);
    const byAddress = await reach(`${lab}/notebook`, `${address}:80`, "-o", "json");
    assert.equal(byAddress.exitCode, 0, byAddress.all);
    assert.equal(ReachReport.parse(JSON.parse(byAddress.stdout)).backends.length, 1);
  });

  it("ends with 1 where it is denied", async () => {
    const { all, exitCode } = await reach(`${prod}/iris`, "192.0.2.1:443");
    assert.equal(exitCode, 1, all);
    assert.match(all, /NetworkPolicy \S+\/closed selects/);
  });

  it("with the role view of both namespaces, and a look at what the network plugin has beside", async () => {
    // Where Calico is, its policies have a say, and the role view does not know them.
    const rule = {
      apiGroups: ["crd.projectcalico.org"],
      resources: ["networkpolicies", "globalnetworkpolicies"],
      verbs: ["list"],
    };
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: lab };
    const subjects = [{ kind: "ServiceAccount", name: "default", namespace: lab }];
    const apiVersion = "rbac.authorization.k8s.io/v1";
    await apply([
      { apiVersion, kind: "ClusterRole", metadata: { name: lab }, rules: [rule] },
      { apiVersion, kind: "ClusterRoleBinding", metadata: { name: lab }, roleRef, subjects },
    ]);
    for (const namespace of [lab, prod])
      await must([
        "create",
        "rolebinding",
        "reach",
        "-n",
        namespace,
        "--clusterrole=view",
        `--serviceaccount=${lab}:default`,
      ]);
    const token = await must(["create", "token", "default", "-n", lab]);
    await withKubeconfig(token.trim(), async (path) => {
      const { all, exitCode } = await reach(`${lab}/notebook`, `${prod}/iris:8080`, "--kubeconfig", path);
      assert.equal(exitCode, 0, all);
      // Whose the address is can only be seen among the pods of all namespaces.
      const other = await reach(`${lab}/notebook`, "192.0.2.1:443", "--kubeconfig", path);
      assert.equal(other.exitCode, 3, other.all);
      assert.match(other.all, /Pod cannot be read: 403/);
    });
  });

  it("of what is not there", async () => {
    for (const to of [`${prod}/gone:80`, `svc/${prod}/iris:81`, `${prod}/iris`]) {
      const { all, exitCode } = await reach(`${lab}/notebook`, to);
      assert.equal(exitCode, 2, all);
    }
  });
});
