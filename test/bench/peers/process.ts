import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A peer's controller as a process beside the API server, with the rights of KUBECONFIG. */
export class PeerProcess {
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.#directory = directory;
    this.#child = child;
  }

  static async start(command: string, args: readonly string[]): Promise<PeerProcess> {
    const directory = await mkdtemp(join(tmpdir(), "bench-peer-"));
    const log = openSync(join(directory, "log"), "a");
    const { PATH, KUBECONFIG } = process.env;
    const env = { PATH, KUBECONFIG, HOME: directory };
    return new PeerProcess(directory, spawn(command, args, { stdio: ["ignore", log, log], env }));
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("it could not be started: use make bench");
    return pid;
  }

  /** The end of what it wrote. */
  async log(): Promise<string> {
    return (await readFile(join(this.#directory, "log"), "utf8")).slice(-4000);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The folder of a peer's module, from which its kinds are installed. */
export function moduleOf(variable: string): string {
  const folder = process.env[variable];
  if (folder === undefined) throw new Error(`${variable} is not set: use make bench`);
  return folder;
}
