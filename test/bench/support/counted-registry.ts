import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { until } from "../../integration/kube/support.ts";
import { freePort } from "../../support/free-port.ts";

/**
 * A real docker-registry on loopback without TLS, which counts the requests by its own access log. Frozen, it is what a
 * hanging registry is: connections are accepted, and nothing is ever answered.
 */
export class CountedRegistry {
  readonly host: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(host: string, directory: string, child: ChildProcess) {
    this.host = host;
    this.#directory = directory;
    this.#process = child;
  }

  static async start(): Promise<CountedRegistry> {
    const directory = await mkdtemp(join(tmpdir(), "bench-registry-"));
    const host = `127.0.0.1:${await freePort()}`;
    const config = join(directory, "config.yml");
    const lines = [
      "version: 0.1",
      "log: {level: error, accesslog: {disabled: false}}",
      `storage: {filesystem: {rootdirectory: ${join(directory, "data")}}, cache: {blobdescriptor: inmemory}}`,
      `http: {addr: "${host}"}`,
    ];
    await writeFile(config, lines.join("\n"));
    const log = openSync(join(directory, "access.log"), "a");
    const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", log, "ignore"] });
    closeSync(log);
    await until(async () => {
      const answer = await request(`http://${host}/v2/`).catch(() => undefined);
      await answer?.body.dump();
      return answer?.statusCode === 200;
    });
    return new CountedRegistry(host, directory, child);
  }

  /** How many requests it has answered since it started. */
  async requests(): Promise<number> {
    const log = await readFile(join(this.#directory, "access.log"), "utf8");
    return log.split("\n").length - 1;
  }

  freeze(): void {
    this.#process.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process.kill("SIGCONT");
  }

  async remove(): Promise<void> {
    this.#process.kill("SIGKILL");
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, "exit");
    await rm(this.#directory, { recursive: true, force: true });
  }
}
