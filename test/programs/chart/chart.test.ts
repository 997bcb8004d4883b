import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parse } from "yaml";
import { kinds } from "../../../src/api/index.ts";

const chart = fileURLToPath(new URL("../../../charts/mlsecops-operator", import.meta.url));

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
}

async function template(...values: readonly string[]) {
  const { stdout, stderr, exitCode } = await execa(
    "helm",
    ["template", "mlsecops", chart, "--namespace", "mlsecops-system", ...values.flatMap((value) => ["--set", value])],
    { reject: false },
  );
  // Reading all of them takes seconds: the kinds are long.
  const documents = exitCode === 0 ? stdout.split(/^---$/m) : [];
  const of = (kind: string) =>
    documents.filter((text) => text.includes(`\nkind: ${kind}\n`)).map((text) => parse(text) as Document);
  return { of, problem: exitCode === 0 ? "" : stderr };
}

async function only(kind: string, ...values: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { of, problem } = await template(...values);
  assert.equal(problem, "");
  const [found = assert.fail(`no ${kind}`), ...others] = of(kind);
  assert.deepEqual(others, []);
  return found.spec ?? assert.fail(`${kind} has no spec`);
}

const selector = {
  matchLabels: { "app.kubernetes.io/name": "mlsecops-operator", "app.kubernetes.io/instance": "mlsecops" },
};

describe("the chart", function () {
  this.timeout(30_000);

  it("brings the kinds, unless somebody else does", async () => {
    assert.equal((await template()).of("CustomResourceDefinition").length, kinds.length);
    assert.deepEqual((await template("crds.enabled=false")).of("CustomResourceDefinition"), []);
  });

  it("leaves behind what the door rests on", async () => {
    const { of } = await template();
    for (const kind of ["CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]) {
      const found = of(kind);
      assert.ok(found.length > 0, kind);
      for (const { metadata } of found) assert.equal(metadata.annotations?.["helm.sh/resource-policy"], "keep", kind);
    }
  });

  it("lets a drain of nodes take away one pod at a time", async () => {
    assert.deepEqual(await only("PodDisruptionBudget", "replicas=2"), {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector,
    });
    assert.equal(
      (await only("PodDisruptionBudget", "podDisruptionBudget.maxUnavailable=50%"))["maxUnavailable"],
      "50%",
    );
    assert.deepEqual((await template("podDisruptionBudget.enabled=false")).of("PodDisruptionBudget"), []);
    assert.match((await template("podDisruptionBudget.maxUnavailable=0")).problem, /maxUnavailable/);
  });

  it("spreads its pods", async () => {
    const keys = async (...values: readonly string[]) => {
      const { template: pod } = (await only("Deployment", ...values)) as {
        readonly template: { readonly spec: { readonly topologySpreadConstraints?: readonly object[] } };
      };
      return pod.spec.topologySpreadConstraints;
    };
    const constraint = { maxSkew: 1, labelSelector: selector, matchLabelKeys: ["pod-template-hash"] };
    assert.deepEqual(await keys(), [
      { ...constraint, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
      { ...constraint, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
    ]);
    assert.deepEqual(
      await keys("topologySpread.keys={example.com/rack}", "topologySpread.whenUnsatisfiable=DoNotSchedule"),
      [{ ...constraint, topologyKey: "example.com/rack", whenUnsatisfiable: "DoNotSchedule" }],
    );
  });

  it("limits who reaches it and whom it reaches, if it is to", async () => {
    assert.deepEqual((await template()).of("NetworkPolicy"), []);
    const tcp = (...ports: readonly (number | string)[]) => ports.map((port) => ({ port, protocol: "TCP" }));
    const dns = {
      ports: [{ port: 53, protocol: "UDP" }, ...tcp(53)],
      to: [
        {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
          podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
        },
      ],
    };
    const open = await only("NetworkPolicy", "networkPolicy.enabled=true");
    assert.deepEqual(open, {
      podSelector: selector,
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ ports: tcp("metrics") }],
      egress: [dns, { ports: tcp(443, 6443) }, { ports: tcp(443) }, { to: [{ namespaceSelector: {} }] }],
    });
    const monitoring = { namespaceSelector: { matchLabels: { team: "monitoring" } } };
    const tight = await only(
      "NetworkPolicy",
      "networkPolicy.enabled=true",
      "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
      "networkPolicy.egress.apiServer.ports={6443}",
      "networkPolicy.egress.apiServer.cidrs={10.0.0.1/32}",
      "networkPolicy.egress.registries.ports={5000}",
      "networkPolicy.egress.registries.cidrs={10.1.0.0/16}",
      "networkPolicy.egress.pods=false",
      "networkPolicy.egress.extra[0].ports[0].port=8200",
    );
    assert.deepEqual(tight["ingress"], [{ ports: tcp("metrics"), from: [monitoring] }]);
    assert.deepEqual(tight["egress"], [
      dns,
      { ports: tcp(6443), to: [{ ipBlock: { cidr: "10.0.0.1/32" } }] },
      { ports: tcp(5000), to: [{ ipBlock: { cidr: "10.1.0.0/16" } }] },
      { ports: [{ port: 8200 }] },
    ]);
    assert.match((await template("networkPolicy.egress.registries.cidrs={all}")).problem, /cidrs/);
  });

  it("says which value is missing, and takes no other type", async () => {
    assert.match((await template("podDisruptionBudget=null")).problem, /podDisruptionBudget/);
    assert.match((await template("resources.request.cpu=1")).problem, /request/);
    assert.match((await template("tolerations[0].effects=NoSchedule")).problem, /effects/);
    assert.match((await template("extraEnv[0].value=a")).problem, /name/);
  });
});
