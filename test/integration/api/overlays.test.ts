import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { KubeObject } from "../../../src/kube/index.ts";
import { root } from "../../unit/api/markdown.ts";
import { installCrds, must } from "../admission/support.ts";

interface Document extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** All but the kinds, which are long to read, and the same in each. */
async function built(folder: string): Promise<readonly Document[]> {
  const text = await must(["kustomize", fileURLToPath(new URL(`manifests/${folder}`, root))]);
  const documents = text.split(/^---$/m).filter((one) => !one.includes("\nkind: CustomResourceDefinition\n"));
  return documents.map((one) => parse(one) as Document);
}

function names(documents: readonly Document[]): readonly string[] {
  return documents.map(({ kind, metadata }) => `${kind ?? ""} ${metadata.name}`).sort();
}

function only(documents: readonly Document[], kind: string): Readonly<Record<string, unknown>> {
  const [found = assert.fail(`no ${kind}`), ...others] = documents.filter((one) => one.kind === kind);
  assert.deepEqual(others, []);
  return found.spec ?? {};
}

/** What the API server of a cluster without the Prometheus operator knows. */
function known(documents: readonly Document[]): readonly Document[] {
  return documents.filter(({ apiVersion }) => apiVersion?.startsWith("monitoring.coreos.com/") !== true);
}

describe("the overlays, as kubectl builds them", function () {
  this.timeout(60_000);

  before(installCrds);

  async function isTaken(documents: readonly Document[]): Promise<void> {
    const items = known(documents).filter(({ kind }) => kind !== "Namespace");
    // Where nothing of it is there yet, its namespaces are not either.
    const placed = items.map(({ metadata, ...item }) => ({
      ...item,
      metadata: metadata.namespace === undefined ? metadata : { ...metadata, namespace: "default" },
    }));
    await must(["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"], {
      input: { apiVersion: "v1", kind: "List", items: placed },
    });
  }

  it("ha has two operators on two nodes, and else what the installation has", async () => {
    const [plain, ha] = await Promise.all([built("install"), built("overlays/ha")]);
    assert.deepEqual(names(ha), names(plain));
    const { replicas, template } = only(ha, "Deployment") as {
      readonly replicas: number;
      readonly template: { readonly spec: { readonly topologySpreadConstraints: readonly object[] } };
    };
    assert.equal(replicas, 2);
    const [nodes, zones] = template.spec.topologySpreadConstraints as {
      topologyKey: string;
      whenUnsatisfiable: string;
    }[];
    assert.deepEqual([nodes?.topologyKey, nodes?.whenUnsatisfiable], ["kubernetes.io/hostname", "DoNotSchedule"]);
    assert.equal(zones?.whenUnsatisfiable, "ScheduleAnyway");
    assert.equal(only(ha, "PodDisruptionBudget")["maxUnavailable"], 1);
    await isTaken(ha);
  });

  it("production adds a NetworkPolicy of the operator's own, and monitoring", async () => {
    const [ha, production] = await Promise.all([built("overlays/ha"), built("overlays/production")]);
    const before = new Set(names(ha));
    assert.deepEqual(
      names(production).filter((name) => !before.has(name)),
      [
        "ConfigMap mlsecops-operator-dashboard",
        "NetworkPolicy mlsecops-operator",
        "PodMonitor mlsecops-operator",
        "PrometheusRule mlsecops-operator",
      ],
    );
    assert.equal(only(production, "Deployment")["replicas"], 2);
    // It is about the operator's pods.
    assert.deepEqual(only(production, "NetworkPolicy")["podSelector"], only(production, "Deployment")["selector"]);
    await isTaken(production);
  });

  for (const [overlay, enforcement] of [
    ["audit", "Audit"],
    ["enforce", "Enforce"],
  ] as const)
    it(`${overlay} says so of every namespace of the samples`, async () => {
      const documents = await built(`overlays/${overlay}`);
      const namespaces = documents.filter(({ kind }) => kind === "SecureNamespace");
      assert.ok(namespaces.length >= 4);
      for (const { spec } of namespaces) assert.equal(spec?.["enforcement"], enforcement);
      await isTaken(documents);
    });
});
