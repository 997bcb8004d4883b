import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { InputError } from "./usage-error.ts";

export interface ClusterChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/**
 * What a kubeconfig says besides where the cluster is; all that asks afterwards asks that cluster.
 * @throws InputError when it has no such context, and what `wrong` makes of it when there is no kubeconfig.
 */
export function selectCluster(
  { kubeconfig, context }: ClusterChoice,
  wrong: (message: string) => Error,
): { readonly kubeConfig: KubeConfig; readonly namespace: string } {
  // kubernetes-fluent-client looks there, and nowhere else.
  if (kubeconfig !== undefined) process.env["KUBECONFIG"] = kubeconfig;
  const kubeConfig = new KubeConfig();
  try {
    kubeConfig.loadFromDefault();
  } catch (error) {
    throw wrong(`no kubeconfig: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (context !== undefined) useContext(kubeConfig, context);
  const selected = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  return { kubeConfig, namespace: selected?.namespace ?? "default" };
}

function useContext(kubeConfig: KubeConfig, context: string): void {
  if (kubeConfig.getContextObject(context) === null) {
    const names = kubeConfig.getContexts().map(({ name }) => name);
    const there = names.length === 0 ? "it has none" : `there is ${names.join(", ")}`;
    throw new InputError(`--context ${context}: the kubeconfig has no such context; ${there}`);
  }
  if (context === kubeConfig.getCurrentContext()) return;
  kubeConfig.setCurrentContext(context);
  // That client takes no context. Of several files the last one says which: this one says nothing else.
  const directory = mkdtempSync(join(tmpdir(), "mlsecops-context-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "config");
  const nothing = { clusters: [], users: [], contexts: [] };
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Config", ...nothing, "current-context": context }));
  const files = process.env["KUBECONFIG"] ?? "";
  process.env["KUBECONFIG"] = [files === "" ? join(homedir(), ".kube", "config") : files, file].join(delimiter);
}
