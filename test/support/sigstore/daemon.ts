import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";

export interface DaemonOptions {
  /** Of the program, which is looked for where the shell would; `tools/cluster/cluster build sigstore gateway` brings it. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its home, and where its log goes. */
  readonly directory: string;
  /** Answers with 200 when the program is ready. */
  readonly readyUrl: string;
}

const readyWithinMs = 30_000;
const stopsWithinMs = 5000;

/** A server of the test's own: it is waited for with a bound, and ended by its process. */
export class Daemon {
  readonly #process: ChildProcess;
  readonly #program: string;

  private constructor(running: ChildProcess, program: string) {
    this.#process = running;
    this.#program = program;
  }

  /** Throws with the end of the program's log if it is not ready within half a minute. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const logFile = join(options.directory, `${options.program}.log`);
    const log = openSync(logFile, "w");
    const running = spawn(programPath(options.program), options.args, {
      cwd: options.directory,
      env: { HOME: options.directory, ...options.env },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    // What cannot be started has no process id, and so has ended.
    running.on("error", () => undefined);
    const daemon = new Daemon(running, options.program);
    const problem = await daemon.#ready(options.readyUrl);
    if (problem === undefined) return daemon;
    await daemon.stop();
    throw new Error(`${options.program} ${problem}: ${(await readFile(logFile, "utf8")).slice(-2000)}`);
  }

  /** Kindly first; what does not end within five seconds is killed. */
  async stop(): Promise<void> {
    if (this.#ended()) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const patience = AbortSignal.timeout(stopsWithinMs);
    patience.addEventListener("abort", () => this.#process.kill("SIGKILL"));
    await exit;
  }

  /** While it runs. */
  get pid(): number | undefined {
    return this.#ended() ? undefined : this.#process.pid;
  }

  get description(): string {
    return `${this.#program} (process ${this.#process.pid ?? "none"})`;
  }

  async #ready(url: string): Promise<string | undefined> {
    const deadline = Date.now() + readyWithinMs;
    while (Date.now() < deadline) {
      if (this.#ended()) return "has ended";
      try {
        const { statusCode, body } = await request(url, { headersTimeout: 2000, bodyTimeout: 2000 });
        await body.dump();
        if (statusCode === 200) return undefined;
      } catch {
        // Nobody listens yet.
      }
      await delay(25);
    }
    return "is not ready";
  }

  #ended(): boolean {
    return this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

export function programPath(program: string): string {
  const path = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find((candidate) => existsSync(candidate));
  if (path === undefined)
    throw new Error(`there is no ${program}: call \`tools/cluster/cluster build sigstore gateway cosign\``);
  return path;
}
