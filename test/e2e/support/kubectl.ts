import { execa } from "execa";
import { type Answer, type Call, kubectl, must } from "../../integration/admission/support.ts";

export { type Answer, type Call, kubectl, must };

/** Applies objects as a user would: kubectl apply, client-side. */
export async function apply(...objects: readonly object[]): Promise<void> {
  await must(["apply", "-f", "-"], { input: { apiVersion: "v1", kind: "List", items: objects } });
}

export async function json(...args: readonly string[]): Promise<unknown> {
  return JSON.parse(await must([...args, "-o", "json"])) as unknown;
}

export async function helm(args: readonly string[], input = ""): Promise<Answer> {
  const result = await execa("helm", args, { reject: false, all: true, input });
  return { ok: result.exitCode === 0, output: result.all };
}

/** One of the cluster that is used, for a ServiceAccount and for an hour. */
export async function kubeconfigOf(namespace: string, name: string): Promise<object> {
  const config = (await json("config", "view", "--raw", "--minify")) as {
    readonly clusters: readonly { readonly name: string }[];
  };
  const token = (await must(["-n", namespace, "create", "token", name, "--duration=1h"])).trim();
  const cluster = config.clusters[0]?.name ?? "";
  return {
    ...config,
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster, user: name } }],
    "current-context": name,
  };
}
