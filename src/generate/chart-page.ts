import { type ChartValue, chartValues } from "./chart-values.ts";

const HEAD = `# mlsecops-operator

<!-- Generated from values.yaml by \`make generate\`; do not edit. -->

The Helm chart of the operator. How to install it is in [getting started](../../docs/guide/getting-started.md), how to upgrade and remove
it in [upgrade and uninstall](../../docs/guide/upgrade-and-uninstall.md), and how Argo CD and Flux do in [GitOps](../../docs/guide/gitops.md).

\`\`\`bash
helm install mlsecops charts/mlsecops-operator --namespace mlsecops-system --create-namespace \\
  --set image.repository=registry.example.com/mlsecops/mlsecops-operator --set image.digest=sha256:…
helm test mlsecops --namespace mlsecops-system
\`\`\`

CRDs, admission policies with their bindings, and the key of the evidence stay when the release is uninstalled.

## Values

Wrong ones are refused by \`values.schema.json\`.

`;

/** The README of the chart, from its values.yaml. */
export function chartPage(values: string): string {
  const rows = chartValues(values).map(row);
  return `${HEAD}| value | default | what it is for |\n| ----- | ------- | -------------- |\n${rows.join("\n")}\n`;
}

function row({ path, default: text, meaning }: ChartValue): string {
  const value = text === undefined ? "" : `\`${text}\``;
  return `| \`${path}\` | ${cell(value)} | ${cell(meaning)} |`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
