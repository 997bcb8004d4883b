import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { must } from "../../admission/support.ts";

interface KubeConfig {
  readonly users: { user: Record<string, unknown> }[];
}

/** The kubeconfig of the cluster under test, with the rights of whoever has the token. */
export async function limitedKubeconfig(token: string): Promise<string> {
  const config = parse(await must(["config", "view", "--raw", "--flatten"])) as KubeConfig;
  for (const entry of config.users) entry.user = { token };
  const path = join(await mkdtemp(join(tmpdir(), "mlsecops-kubeconfig-")), "kubeconfig");
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}
