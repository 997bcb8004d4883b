import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { exportedMetrics, usedMetrics } from "./support/exported-metrics.ts";

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
    const exported = exportedMetrics();
    for (const { alert, expr } of await alerts()) {
      const used = usedMetrics(expr);
      assert.notEqual(used.length, 0, alert);
      for (const { metric, labels } of used) {
        const known = exported.get(metric);
        assert.ok(known, `${alert}: the operator has no metric ${metric}`);
        for (const label of labels) assert.ok(known.includes(label), `${alert}: ${metric} has no label ${label}`);
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
