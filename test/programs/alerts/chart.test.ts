import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parse, parseAllDocuments } from "yaml";

const root = new URL("../../../", import.meta.url);
const chart = fileURLToPath(new URL("charts/mlsecops-operator", root));
const both = ["monitoring.prometheusRule.enabled=true", "monitoring.podMonitor.enabled=true"];

interface Document {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
}

async function template(...values: readonly string[]) {
  const sets = values.flatMap((value) => ["--set-string", value]).map(asTyped);
  const { stdout, stderr, exitCode } = await execa(
    "helm",
    ["template", "mlsecops-operator", chart, "--namespace", "mlsecops-system", ...sets],
    { reject: false },
  );
  if (exitCode !== 0) return { documents: [], problem: stderr };
  const documents = parseAllDocuments(stdout).flatMap((one) => (one.toJS() as Document | null) ?? []);
  return { documents: documents.filter(({ apiVersion }) => apiVersion === "monitoring.coreos.com/v1"), problem: "" };
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
    const { documents, problem } = await template(...both);
    assert.equal(problem, "");
    for (const file of ["pod-monitor.yaml", "prometheus-rule.yaml"]) {
      const wanted = parse(await readFile(new URL(`manifests/monitoring/${file}`, root), "utf8")) as Document;
      const found = documents.find(({ kind }) => kind === wanted.kind);
      const managed = { "app.kubernetes.io/managed-by": "kustomize" };
      assert.deepEqual(
        { ...found, metadata: { ...found?.metadata, labels: { ...found?.metadata.labels, ...managed } } },
        wanted,
      );
    }
    assert.equal(documents.length, 2);
  });

  it("has the labels by which a Prometheus selects", async () => {
    const labels = ["prometheusRule", "podMonitor"].map((what) => `monitoring.${what}.labels.release=stack`);
    const { documents } = await template(...both, ...labels);
    assert.deepEqual(
      documents.map(({ metadata }) => metadata.labels["release"]),
      ["stack", "stack"],
    );
  });

  it("refuses values that it does not know", async () => {
    const { problem } = await template("monitoring.serviceMonitor.enabled=true");
    assert.match(problem, /serviceMonitor/);
  });
});
