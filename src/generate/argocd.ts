import { readFile, readdir } from "node:fs/promises";
import { stringify } from "yaml";
import { GROUP } from "../api/index.ts";

const SCRIPTS = "manifests/argocd/health";

/** How Argo CD judges objects of our kinds: keys of its ConfigMap argocd-cm, from one script a kind. */
export async function argocdSettings(): Promise<string> {
  const files = (await readdir(SCRIPTS)).filter((file) => file.endsWith(".lua")).sort();
  const scripts = await Promise.all(
    files.map(async (file): Promise<[string, string]> => {
      const key = `resource.customizations.health.${GROUP}_${file.replace(/\.lua$/, "")}`;
      return [key, await readFile(`${SCRIPTS}/${file}`, "utf8")];
    }),
  );
  const metadata = {
    name: "argocd-cm",
    namespace: "argocd",
    // Argo CD looks only at ConfigMaps that say so; its own says the same.
    labels: { "app.kubernetes.io/name": "argocd-cm", "app.kubernetes.io/part-of": "argocd" },
  };
  const settings = { apiVersion: "v1", kind: "ConfigMap", metadata, data: Object.fromEntries(scripts) };
  return `# Generated from ${SCRIPTS} by \`make generate\`; do not edit.
# kubectl apply --server-side -f manifests/argocd/argocd-cm.yaml
# It adds these keys to Argo CD's own settings, and leaves the others alone.
${stringify(settings, { lineWidth: 0 })}`;
}
