import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeConfig } from "@kubernetes/client-node";
import { execa } from "execa";
import { request } from "undici";
import { freePort } from "../../support/free-port.ts";
import { cosignPath } from "../../integration/trust/support/signer.ts";

const containerfile = new URL("../../../images/operator/Containerfile", import.meta.url);
const bundler = fileURLToPath(new URL("../../../images/operator/bundle.ts", import.meta.url));

/** The bundle that its image holds, run with the flags of its image, beside the API server. */
export class BundledOperator {
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #port = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** `kubeConfig` has the rights that it is to have. */
  static async prepare(kubeConfig: KubeConfig): Promise<BundledOperator> {
    const directory = await mkdtemp(join(tmpdir(), "bench-operator-"));
    await execa(process.execPath, [bundler, join(directory, "app")]);
    await writeFile(join(directory, "kubeconfig"), kubeConfig.exportConfig());
    return new BundledOperator(directory);
  }

  async start(): Promise<void> {
    this.#port = await freePort();
    const ca = process.env["MLSECOPS_REGISTRY_CA"];
    const args = [
      ...(await flags()),
      join(this.#directory, "app", "main.mjs"),
      `--health-port=${this.#port}`,
      `--cosign=${cosignPath}`,
      ...(ca === undefined ? [] : [`--registry-ca-file=${ca}`]),
    ];
    const log = openSync(join(this.#directory, "log"), "a");
    const KUBECONFIG = join(this.#directory, "kubeconfig");
    const env = { PATH: process.env["PATH"], HOME: this.#directory, NODE_ENV: "production", KUBECONFIG };
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", log, log], env });
    closeSync(log);
  }

  get pid(): number {
    const { pid } = this.#child ?? {};
    if (pid === undefined) throw new Error("the operator could not be started");
    return pid;
  }

  /** The sum of a metric over all its series; undefined while nobody answers. */
  async metric(name: string): Promise<number | undefined> {
    try {
      const { body } = await request(`http://127.0.0.1:${this.#port}/metrics`);
      const lines = (await body.text())
        .split("\n")
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    } catch {
      return undefined;
    }
  }

  /** As a pod is told to end: it gives its lease back. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }

  /** The end of what it wrote; empty where it was never started. */
  async log(): Promise<string> {
    if (this.#child === undefined) return "";
    return (await readFile(join(this.#directory, "log"), "utf8")).slice(-4000);
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Node's flags in the image. */
async function flags(): Promise<readonly string[]> {
  const [, entrypoint] = /^ENTRYPOINT (\[.*\])$/m.exec(await readFile(containerfile, "utf8")) ?? [];
  if (entrypoint === undefined) throw new Error("the operator's image has no ENTRYPOINT in one line");
  return (JSON.parse(entrypoint) as readonly string[]).filter((part) => part.startsWith("--"));
}
