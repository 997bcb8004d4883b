import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { EvidenceMetrics } from "../../../src/governance/metrics.ts";
import { Metrics } from "../../../src/kube/index.ts";
import { countedBudget } from "../../../src/operator/recheck-metrics.ts";
import { type Seen, registerStateMetrics } from "../../../src/operator/state-metrics.ts";

const root = new URL("../../../", import.meta.url);
const read = (path: string) => readFile(new URL(path, root), "utf8");

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}

async function alerts(): Promise<readonly Alert[]> {
  const { groups } = parse(await read("charts/mlsecops-operator/files/alerts.yaml")) as {
    groups: readonly { rules: readonly Alert[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

/** Whatever promtool finds in the rules, it cannot know the operator and its pages. */
describe("the alerts", () => {
  it("ask only for metrics that the operator has, and for labels of theirs", async () => {
    const { registry } = new Metrics({ prefix: "mlsecops_" });
    registerStateMetrics(registry, {} as Seen);
    countedBudget(registry, { tryTake: () => true });
    new EvidenceMetrics(registry);
    const metrics = registry.getMetricsAsArray() as readonly { name: string; labelNames?: readonly string[] }[];
    const labelsOf = new Map(metrics.map(({ name, labelNames = [] }) => [name, labelNames]));
    for (const { alert, expr } of await alerts()) {
      const used = [...expr.matchAll(/\b(mlsecops_\w+)(?:\{([^}]*)\})?/g)];
      assert.notEqual(used.length, 0, alert);
      for (const [, metric = "", matchers = ""] of used) {
        const labels = labelsOf.get(metric);
        assert.ok(labels, `${alert}: the operator has no metric ${metric}`);
        for (const [, label = ""] of matchers.matchAll(/(\w+)(?:=|!=|=~|!~)"/g))
          assert.ok(labels.includes(label), `${alert}: ${metric} has no label ${label}`);
      }
    }
  });

  it("say how bad it is, and what to do next", async () => {
    for (const { alert, labels, annotations } of await alerts()) {
      assert.match(labels.severity, /^(critical|warning)$/, alert);
      assert.match(annotations.summary, /\.$/, alert);
      assert.match(annotations.description, / Next: \S/, alert);
      assert.equal(annotations.runbook_url, `docs/reference/alerts.md#${alert.toLowerCase()}`, alert);
    }
  });

  it("each have a section in the reference, in the same order, and no other has", async () => {
    const page = await read("docs/reference/alerts.md");
    const sections = page.split(/^### /m).slice(1);
    assert.deepEqual(
      sections.map((section) => section.split("\n", 1)[0]),
      (await alerts()).map(({ alert }) => alert),
    );
    const parts = ["**Means**", "**Look at**", "**Do**"];
    for (const section of sections)
      for (const part of parts) assert.ok(section.includes(part), `${part} is missing in\n${section}`);
    for (const { alert, labels } of await alerts())
      assert.match(page, new RegExp(`\\| \\[${alert}\\]\\(#${alert.toLowerCase()}\\) +\\| ${labels.severity} `), alert);
  });
});
