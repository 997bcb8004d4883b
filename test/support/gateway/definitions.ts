import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { KubeObject } from "../../../src/kube/index.ts";

const run = promisify(execFile);
const pin = fileURLToPath(new URL("../../../tools/gateway-api", import.meta.url));

/** A kind of the Gateway API as its own module has it, of the standard channel. */
export async function gatewayDefinition(plural: string): Promise<KubeObject> {
  const { stdout } = await run("go", ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api"], { cwd: pin });
  const module = stdout.trim();
  if (module === "") throw new Error("the Gateway API is not there: call `tools/cluster/cluster build gateway`");
  const file = `${module}/config/crd/standard/gateway.networking.k8s.io_${plural}.yaml`;
  return parse(await readFile(file, "utf8")) as KubeObject;
}
