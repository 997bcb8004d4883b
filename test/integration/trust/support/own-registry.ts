import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { freePort } from "../../../support/free-port.ts";

export interface OwnRegistryOptions {
  /** The section of that name in the registry's configuration, as YAML in flow style. */
  readonly auth?: string;
  /** The registry that it fetches from what it has not, as a pull-through cache. */
  readonly upstream?: string;
}

/** A real docker-registry on loopback whose disk is the test's. It can be stopped and started again as another. */
export class OwnRegistry {
  readonly directory: string;
  readonly host: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.host = `127.0.0.1:${port}`;
  }

  static async create(): Promise<OwnRegistry> {
    return new OwnRegistry(await mkdtemp(join(tmpdir(), "registry-")), await freePort());
  }

  async start(options: OwnRegistryOptions = {}): Promise<void> {
    const config = [
      "version: 0.1",
      "log: {level: error, accesslog: {disabled: true}}",
      `storage: {filesystem: {rootdirectory: ${join(this.directory, "data")}}, delete: {enabled: true}}`,
      `http: {addr: "${this.host}"}`,
      ...(options.auth === undefined ? [] : [`auth: ${options.auth}`]),
      ...(options.upstream === undefined ? [] : [`proxy: {remoteurl: "http://${options.upstream}"}`]),
    ];
    const path = join(this.directory, "config.yml");
    await writeFile(path, config.join("\n"));
    this.#process = spawn("docker-registry", ["serve", path], { stdio: "ignore" });
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await request(`http://${this.host}/v2/`);
        await response.body.dump();
        return;
      } catch (error) {
        if (attempt > 200) throw error;
        await delay(25);
      }
    }
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Where the registry keeps the content of a digest. */
  blobPath(digest: string): string {
    const hex = digest.slice("sha256:".length);
    return join(this.directory, "data/docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  }
}
