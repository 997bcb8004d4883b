import { type ResultPromise, execa } from "execa";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "./kubectl.ts";

export interface Count {
  readonly answered: number;
  /** Of those that were answered. */
  readonly wrong: number;
  readonly failed: number;
  readonly reasons: Readonly<Record<string, number>>;
}

export interface Question {
  readonly model: string;
  /** Of an inference request. */
  readonly body: string;
  /** What a right answer has in it. */
  readonly expected: string;
}

/** Requests from a process of its own, through the cluster IP of a model's Service. */
export class Load {
  readonly #process: ResultPromise;

  private constructor(process: ResultPromise) {
    this.#process = process;
  }

  static async start(namespace: string, { model, body, expected }: Question): Promise<Load> {
    const address = await must(["-n", namespace, "get", "service", model, "-o", "jsonpath={.spec.clusterIP}"]);
    const file = join(await mkdtemp(join(tmpdir(), "load-")), "body.json");
    await writeFile(file, body);
    const url = `http://${address.trim()}/v2/models/${model}/infer`;
    return new Load(execa(process.execPath, ["demo/load.ts", url, file, expected]));
  }

  /** Over connections that are kept, and with a new one for each request. */
  async stop(): Promise<{ readonly kept: Count; readonly fresh: Count }> {
    this.#process.kill("SIGTERM");
    const { stdout } = await this.#process;
    return JSON.parse(String(stdout)) as { kept: Count; fresh: Count };
  }
}
