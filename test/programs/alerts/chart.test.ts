import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parse } from "yaml";

const root = new URL("../../../", import.meta.url);
const chart = fileURLToPath(new URL("charts/mlsecops-operator", root));
const whats = ["dashboard", "prometheusRule", "podMonitor"];
const all = whats.map((what) => `monitoring.${what}.enabled=true`);

interface Document {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

async function template(...values: readonly string[]) {
  const sets = values.flatMap((value) => ["--set-string", value]).map(asTyped);
  const { stdout, stderr, exitCode } = await execa(
    "helm",
    ["template", "mlsecops-operator", chart, "--namespace", "mlsecops-system", ...sets],
    { reject: false },
  );
  if (exitCode !== 0) return { documents: [], problem: stderr };
  // Reading all of them takes seconds: the kinds are long.
  const documents = stdout
    .split(/^---$/m)
    .filter((text) => /monitoring\.coreos\.com|mlsecops-operator-dashboard/.test(text))
    .map((text) => parse(text) as Document);
  return { documents: documents.filter(isMonitoring), problem: "" };
}

function isMonitoring({ apiVersion, metadata }: Document): boolean {
  return apiVersion === "monitoring.coreos.com/v1" || metadata.name === "mlsecops-operator-dashboard";
}

/** Only labels are text. */
function asTyped(text: string, at: number, all: readonly string[]): string {
  return text === "--set-string" && all[at + 1]?.endsWith("=true") === true ? "--set" : text;
}

describe("the chart's monitoring", () => {
  it("is off where nobody asks for it: a cluster may not have these kinds", async () => {
    assert.deepEqual(await template(), { documents: [], problem: "" });
  });

  it("is what manifests/monitoring has", async () => {
    const { documents, problem } = await template(...all);
    assert.equal(problem, "");
    for (const file of ["dashboard.yaml", "pod-monitor.yaml", "prometheus-rule.yaml"]) {
      const wanted = parse(await readFile(new URL(`manifests/monitoring/${file}`, root), "utf8")) as Document;
      const found = documents.find(({ kind }) => kind === wanted.kind);
      const managed = { "app.kubernetes.io/managed-by": "kustomize" };
      assert.deepEqual(
        { ...found, metadata: { ...found?.metadata, labels: { ...found?.metadata.labels, ...managed } } },
        wanted,
      );
    }
    assert.equal(documents.length, 3);
  });

  it("has the labels by which a Prometheus and a Grafana select", async () => {
    const labels = whats.map((what) => `monitoring.${what}.labels.release=stack`);
    const { documents } = await template(...all, ...labels);
    assert.deepEqual(
      documents.map(({ metadata }) => metadata.labels["release"]),
      ["stack", "stack", "stack"],
    );
  });

  it("puts the dashboard where Grafana looks for it", async () => {
    const { documents, problem } = await template(
      "monitoring.dashboard.enabled=true",
      "monitoring.dashboard.namespace=grafana",
    );
    assert.equal(problem, "");
    const [{ kind, metadata } = assert.fail("nothing is there"), ...others] = documents;
    assert.deepEqual([kind, metadata.namespace, metadata.labels["grafana_dashboard"]], ["ConfigMap", "grafana", "1"]);
    assert.deepEqual(others, []);
  });

  it("has the pods scraped through a headless Service instead, and not in both ways", async () => {
    const { documents, problem } = await template("monitoring.serviceMonitor.enabled=true");
    assert.equal(problem, "");
    assert.deepEqual(
      documents.map(({ kind }) => kind),
      ["ServiceMonitor"],
    );
    const both = await template("monitoring.serviceMonitor.enabled=true", "monitoring.podMonitor.enabled=true");
    assert.match(both.problem, /every figure twice: enable one of them/);
  });

  it("says where the page of each alert is read", async () => {
    const { documents } = await template(
      "monitoring.prometheusRule.enabled=true",
      "monitoring.prometheusRule.runbooks=https://docs.example.com/mlsecops/",
    );
    const urls = JSON.stringify(documents).match(/"runbook_url":"[^"]*"/g) ?? [];
    assert.ok(urls.length >= 30, String(urls.length));
    for (const url of urls)
      assert.match(url, /"https:\/\/docs\.example\.com\/mlsecops\/docs\/reference\/alerts\.md#mlsecops[a-z]+"/);
    const wrong = await template("monitoring.prometheusRule.runbooks=docs.example.com");
    assert.match(wrong.problem, /runbooks/);
  });

  it("refuses values that it does not know", async () => {
    const { problem } = await template("monitoring.serviceMonitors.enabled=true");
    assert.match(problem, /serviceMonitors/);
  });
});
