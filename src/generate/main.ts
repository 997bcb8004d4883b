import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parse, stringify } from "yaml";
import { peopleClusterRoles, rolesPage } from "../access/index.ts";
import { type PolicyObject, admissionPolicies } from "../admission/policies/index.ts";
import { crdOf } from "../api/generate/crd.ts";
import { jsonSchemaOf } from "../api/generate/json-schema.ts";
import { referencePage } from "../api/generate/reference.ts";
import { EvidencePredicate, ModelEvent, kinds } from "../api/index.ts";
import { commands } from "../cli/commands.ts";
import { referencePage as commandPage } from "../cli/reference/page.ts";
import { shapes } from "../cli/reference/shapes.ts";
import { argocdSettings } from "./argocd.ts";
import { chartPage } from "./chart-page.ts";
import { dashboard } from "./dashboard/dashboard.ts";

const HEADER = "# Generated from src by `make generate`; do not edit.\n";
const VALUES = "charts/mlsecops-operator/values.yaml";
const ALERTS = "charts/mlsecops-operator/files/alerts.yaml";
const DASHBOARD = "charts/mlsecops-operator/files/dashboard.json";
const SERVICE_ACCOUNT = "mlsecops-operator";
/** Stands for the operator's namespace until the chart's expression replaces it. */
const PLACEHOLDER = "release-namespace-placeholder";
/** The same of the user that KServe's controller is. */
const KSERVE_PLACEHOLDER = "kserve-account-placeholder";

/** Every generated file: its path and its whole text. */
async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const crds = kinds.map((kind) => ({ name: `${kind.resource.plural}.yaml`, text: yamlOf(crdOf(kind)) }));
  return new Map([
    ...crds.flatMap(({ name, text }): [string, string][] => [
      [`crds/${name}`, HEADER + text],
      [`charts/mlsecops-operator/templates/crds/${name}`, chartDefinition(text)],
    ]),
    ["docs/reference/api.md", referencePage(kinds)],
    ["docs/reference/cli.md", commandPage(commands, shapes)],
    ["docs/reference/evidence.schema.json", jsonSchemaOf(EvidencePredicate)],
    ["docs/reference/model-event.schema.json", jsonSchemaOf(ModelEvent)],
    ["docs/reference/roles.md", rolesPage()],
    ["charts/mlsecops-operator/templates/admission/policies.yaml", chartPolicies()],
    ["charts/mlsecops-operator/templates/people-roles.yaml", HEADER + documents(peopleClusterRoles())],
    ["manifests/install/people-roles.yaml", HEADER + documents(peopleClusterRoles())],
    ["manifests/install/crds.yaml", HEADER + crds.map(({ text }) => text).join("---\n")],
    ["manifests/install/admission-policies.yaml", HEADER + documents(policies("mlsecops-system"))],
    ["manifests/monitoring/prometheus-rule.yaml", await prometheusRule()],
    ["charts/mlsecops-operator/README.md", chartPage(await readFile(VALUES, "utf8"))],
    ["manifests/argocd/argocd-cm.yaml", await argocdSettings()],
    [DASHBOARD, dashboard()],
    ["manifests/monitoring/dashboard.yaml", await dashboardConfigMap()],
  ]);
}

function policies(namespace: string, kserve?: string): readonly PolicyObject[] {
  return admissionPolicies({ namespace, serviceAccount: SERVICE_ACCOUNT, kserve });
}

/** The policies outlive the release: removing the operator must not open what it has closed. */
function chartPolicies(): string {
  const kept = policies(PLACEHOLDER, KSERVE_PLACEHOLDER).map((policy) => ({
    ...policy,
    metadata: { ...policy.metadata, annotations: { "helm.sh/resource-policy": "keep" } },
  }));
  const text = documents(kept);
  if (text.includes("{{")) throw new Error("an admission policy holds {{, which Helm would read as its own");
  return (
    HEADER +
    text
      // A scalar of its own is quoted: a namespace may be called 123.
      .replaceAll(`- ${PLACEHOLDER}\n`, '- "{{ .Release.Namespace }}"\n')
      .replaceAll(KSERVE_PLACEHOLDER, "{{ .Values.kserve.controllerAccount }}")
      .replaceAll(PLACEHOLDER, "{{ .Release.Namespace }}")
  );
}

/** The alerts as the Prometheus operator takes them; the chart wraps the same file. */
async function prometheusRule(): Promise<string> {
  const spec: unknown = parse(await readFile(ALERTS, "utf8"));
  const metadata = await monitoringMetadata();
  const rule = { apiVersion: "monitoring.coreos.com/v1", kind: "PrometheusRule", metadata, spec };
  return `# Generated from ${ALERTS} by \`make generate\`; do not edit.\n${yamlOf(rule)}`;
}

/** The dashboard as Grafana's sidecar finds it; the chart wraps the same text. */
async function dashboardConfigMap(): Promise<string> {
  const { labels, ...metadata } = await monitoringMetadata();
  return (
    HEADER +
    yamlOf({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { ...metadata, name: "mlsecops-operator-dashboard", labels: { ...labels, grafana_dashboard: "1" } },
      data: { "mlsecops-operator.json": dashboard() },
    })
  );
}

/** Name, namespace and labels: those of the pod monitor, and of all that is installed. */
async function monitoringMetadata(): Promise<{ readonly labels: object }> {
  const text = await readFile("manifests/monitoring/pod-monitor.yaml", "utf8");
  return (parse(text) as { metadata: { labels: object } }).metadata;
}

/** Among the templates, and not in Helm's folder crds/: what lies there is never upgraded. It outlives the release. */
function chartDefinition(text: string): string {
  if (text.includes("{{")) throw new Error("a CRD holds {{, which Helm would read as its own");
  const kept = text.replace("metadata:\n", "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n");
  return `${HEADER}{{- if .Values.crds.enabled }}\n${kept}{{- end }}\n`;
}

function documents(objects: readonly unknown[]): string {
  return objects.map(yamlOf).join("---\n");
}

function yamlOf(value: unknown): string {
  // Through JSON, so that equal parts do not become anchors and aliases.
  return stringify(JSON.parse(JSON.stringify(value)), { lineWidth: 0, aliasDuplicateObjects: false });
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function staleFiles(files: ReadonlyMap<string, string>): Promise<string[]> {
  const states = await Promise.all(
    [...files].map(async ([path, text]) => [path, (await readIfPresent(path)) === text]),
  );
  return states.filter(([, same]) => same === false).map(([path]) => String(path));
}

const files = await generatedFiles();
const stale = await staleFiles(files);
if (process.argv.includes("--check")) {
  if (stale.length > 0) {
    process.stderr.write(`generated files are out of date: ${stale.join(", ")}\nrun make generate\n`);
    process.exitCode = 1;
  }
} else {
  for (const path of stale) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, files.get(path) ?? "");
  }
}
