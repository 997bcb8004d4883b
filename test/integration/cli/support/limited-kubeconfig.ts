import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { must } from "../../admission/support.ts";

interface KubeConfig {
  readonly users: { user: Record<string, unknown> }[];
}

/** Calls with a kubeconfig of the cluster under test that has the rights of whoever has the token. */
export async function withKubeconfig<T>(token: string, task: (path: string) => Promise<T>): Promise<T> {
  const config = parse(await must(["config", "view", "--raw", "--flatten"])) as KubeConfig;
  for (const entry of config.users) entry.user = { token };
  const directory = await mkdtemp(join(tmpdir(), "mlsecops-kubeconfig-"));
  const path = join(directory, "kubeconfig");
  try {
    await writeFile(path, stringify(config), { mode: 0o600 });
    return await task(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}
