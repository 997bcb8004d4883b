import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../support/free-port.ts";

/**
 * A second API server of the same cluster, on the same data, as a cluster with several control-plane nodes has them. It can be
 * killed and started again while the first one goes on.
 */
export class SecondApiServer {
  readonly url: string;
  readonly #directory: string;
  readonly #command: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(directory: string, port: number, command: readonly string[]) {
    this.#directory = directory;
    this.url = `https://127.0.0.1:${port}`;
    this.#command = command;
  }

  static async start(): Promise<SecondApiServer> {
    const directory = await mkdtemp(join(tmpdir(), "api-server-"));
    const port = await freePort();
    const server = new SecondApiServer(directory, port, [
      ...(await commandOfTheFirst()),
      // The last one of each flag counts.
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      "--endpoint-reconciler-type=none",
      `--audit-log-path=${join(directory, "audit.log")}`,
    ]);
    server.startAgain();
    return server;
  }

  startAgain(): void {
    const [command = "", ...args] = this.#command;
    this.#process = spawn(command, args, { stdio: "ignore" });
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running?.exitCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The one API server that runs in the network of this process. */
async function commandOfTheFirst(): Promise<readonly string[]> {
  const here = await readlink("/proc/self/ns/net");
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
      if (command[0]?.endsWith("/kube-apiserver") !== true) continue;
      if ((await readlink(`/proc/${pid}/ns/net`)) === here) return command;
    } catch {
      // It has ended since.
    }
  }
  throw new Error("no API server runs in this network: use tools/cluster/cluster exec");
}
