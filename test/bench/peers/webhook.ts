import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { KubeConfig } from "@kubernetes/client-node";
import type { PublicKey } from "../../../src/trust/index.ts";
import { keyPolicy } from "./policy-controller.ts";

const system = "cosign-system";
/** What its kustomization lists, but for the Deployment: the process is started here. */
const manifests = [
  "100-namespace",
  "200-serviceaccount",
  "200-role",
  "200-clusterrole",
  "201-rolebinding",
  "201-clusterrolebinding",
  "300-clusterimagepolicy",
  "300-trustroot",
  "500-webhook-configuration",
  "501-policy-webhook-configurations",
  "config-observability",
  "config-logging",
  "config-leader-election",
  "config-image-policies",
  "config-sigstore-keys",
  "config-policy-controller",
];

/** policy-controller's own webhook, installed as its manifests say and running as a process beside the API server. */
export class PeerWebhook {
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#process = child;
  }

  /** The module's folder is in POLICY_CONTROLLER_MODULE. */
  static async install(kubeConfig: KubeConfig): Promise<PeerWebhook> {
    const module = process.env["POLICY_CONTROLLER_MODULE"];
    if (module === undefined) throw new Error("POLICY_CONTROLLER_MODULE is not set: use make bench");
    const directory = await mkdtemp(join(tmpdir(), "bench-webhook-"));
    for (const name of manifests)
      await kubectl(["apply", "--server-side", "-f", join(module, "config", `${name}.yaml`)]);
    const address = new URL(kubeConfig.getCurrentCluster()?.server ?? "").hostname;
    await kubectl(["apply", "--server-side", "-f", "-"], service(address));
    const log = openSync(join(directory, "log"), "a");
    // As its Deployment sets them.
    const env = {
      SYSTEM_NAMESPACE: system,
      CONFIG_LOGGING_NAME: "config-logging",
      METRICS_DOMAIN: "sigstore.dev/policy",
      WEBHOOK_NAME: "webhook",
      KUBERNETES_MIN_VERSION: "1.21.0",
      HOME: directory,
      PATH: process.env["PATH"],
      KUBECONFIG: process.env["KUBECONFIG"],
    };
    const child = spawn("policy-controller-webhook", ["-disable-tuf"], { stdio: ["ignore", log, log], env });
    return new PeerWebhook(directory, child);
  }

  get log(): string {
    return join(this.#directory, "log");
  }

  /** Fails until the webhook that defaults policies answers. */
  async trust(keys: readonly PublicKey[]): Promise<void> {
    await kubectl(["apply", "--server-side", "-f", "-"], keyPolicy(keys));
  }

  /** Also its webhooks: without it they refuse whatever they cover. */
  async remove(): Promise<void> {
    const kinds = "validatingwebhookconfigurations,mutatingwebhookconfigurations";
    await kubectl(["delete", kinds, "policy.sigstore.dev", "--ignore-not-found"]);
    this.#process.kill("SIGKILL");
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, "exit");
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Its Service, with an address in place of a selector: there is no pod behind it. */
function service(address: string): object {
  const metadata = { name: "webhook", namespace: system };
  const ports = [{ port: 443, targetPort: 8443, protocol: "TCP" }];
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "webhook" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ port: 8443, protocol: "TCP", name: "" }],
  };
  return {
    apiVersion: "v1",
    kind: "List",
    items: [{ apiVersion: "v1", kind: "Service", metadata, spec: { ports } }, slice],
  };
}

export async function kubectl(args: readonly string[], input?: object): Promise<void> {
  await execa("kubectl", args, input === undefined ? {} : { input: JSON.stringify(input) });
}
