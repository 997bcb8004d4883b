import { writeFile } from "node:fs/promises";
import { execa } from "execa";
import { operatorManifest } from "./operator-manifest.ts";

// By hand and apart from the other generated files: it needs helm, which `make verify` must not.
async function render(...more: readonly string[]): Promise<string> {
  const name = "mlsecops-operator";
  const args = ["template", name, `charts/${name}`, "--namespace", "mlsecops-system", "--skip-tests", ...more];
  return operatorManifest((await execa("helm", args, { stderr: "inherit" })).stdout);
}

await writeFile("manifests/install/operator.yaml", await render());
const policy = "network-policy.yaml";
await writeFile(
  `manifests/network-policy/${policy}`,
  await render("--set", "networkPolicy.enabled=true", "--show-only", `templates/${policy}`),
);
