import { writeFile } from "node:fs/promises";
import { execa } from "execa";
import { operatorManifest } from "./operator-manifest.ts";

// By hand and apart from the other generated files: it needs helm, which `make verify` must not.
const name = "mlsecops-operator";
const { stdout } = await execa(
  "helm",
  ["template", name, `charts/${name}`, "--namespace", "mlsecops-system", "--skip-tests"],
  {
    stderr: "inherit",
  },
);
await writeFile("manifests/install/operator.yaml", operatorManifest(stdout));
