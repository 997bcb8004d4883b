import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeConfig } from "@kubernetes/client-node";
import { FaultProxy } from "../../../support/fault-proxy.ts";
import { until } from "../../kube/support.ts";
import { cosignPath } from "../../trust/support/signer.ts";

const main = fileURLToPath(new URL("../../../../src/main.ts", import.meta.url));
const keptLines = 60;

export interface OperatorOptions {
  readonly leaderElect?: boolean;
  /** Further ones of its command line. */
  readonly args?: readonly string[];
  /** Sets the faults before its first request. */
  readonly prepare?: (proxy: FaultProxy) => void;
}

/** The real operator as a process of its own, whose only way to the API server is a fault proxy of its own. */
export class OperatorProcess {
  readonly proxy: FaultProxy;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown>;

  private constructor(proxy: FaultProxy, child: ChildProcess, directory: string) {
    this.proxy = proxy;
    this.#child = child;
    this.#directory = directory;
    this.#ended = once(child, "exit");
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#lines.push(...text.split("\n").filter((line) => line !== ""));
        this.#lines.splice(0, this.#lines.length - keptLines);
      });
    }
  }

  /** `upstream` has the rights that the process is to have. */
  static async start(upstream: KubeConfig, options: OperatorOptions = {}): Promise<OperatorProcess> {
    const proxy = await FaultProxy.start(upstream);
    options.prepare?.(proxy);
    const directory = await mkdtemp(join(tmpdir(), "operator-"));
    const kubeconfig = join(directory, "kubeconfig");
    await writeFile(kubeconfig, proxy.kubeConfig().exportConfig());
    const ca = process.env["MLSECOPS_REGISTRY_CA"];
    const args = [
      `--leader-elect=${options.leaderElect ?? false}`,
      "--health-port=0",
      "--log-level=info",
      `--cosign=${cosignPath}`,
      ...(ca === undefined ? [] : [`--registry-ca-file=${ca}`]),
      ...(options.args ?? []),
    ];
    // The same runtime, with the same options, as runs this test.
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], HOME: directory, TMPDIR: directory, KUBECONFIG: kubeconfig },
    });
    return new OperatorProcess(proxy, child, directory);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its last lines, for the message of a failed test. */
  get log(): string {
    return this.#lines.join("\n");
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  /** SIGKILL. What it had under way at the proxy is cut off. */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill("SIGKILL");
    await this.#ended;
    await this.proxy.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Until the operator has not written for a while. */
export async function quiet({ proxy }: OperatorProcess, ms = 1_500): Promise<void> {
  let seen = -1;
  let since = performance.now();
  await until(() => {
    if (proxy.writes.length !== seen) {
      seen = proxy.writes.length;
      since = performance.now();
    }
    return performance.now() - since > ms;
  });
}
