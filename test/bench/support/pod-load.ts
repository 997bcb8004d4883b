import { setTimeout as delay } from "node:timers/promises";
import type https from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { Agent, request } from "undici";
import { distributionOf, timed, type Distribution } from "./measure.ts";

export interface Tried {
  readonly status: number;
  readonly message: string;
}

/** Creates pods in dry runs as fast as is asked, each client on a connection of its own: nothing waits but for the API server. */
export class PodLoad {
  readonly #server: string;
  readonly #agent: Agent;

  private constructor(server: string, agent: Agent) {
    this.#server = server;
    this.#agent = agent;
  }

  static async connect(kubeConfig: KubeConfig, connections: number): Promise<PodLoad> {
    const options: https.RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(options);
    const { ca, cert, key } = options as { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
    const agent = new Agent({ connections, connect: tls, headersTimeout: 120_000, bodyTimeout: 120_000 });
    return new PodLoad(kubeConfig.getCurrentCluster()?.server ?? "", agent);
  }

  async tryPod(namespace: string, image: string): Promise<Tried> {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { generateName: "bench-", namespace },
      spec: { schedulerName: "nobody", automountServiceAccountToken: false, containers: [{ name: "main", image }] },
    };
    const answer = await request(`${this.#server}/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(pod),
      dispatcher: this.#agent,
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, message: answer.statusCode === 201 ? "" : text };
  }

  /**
   * Each client creates a pod every `periodMs`, in one namespace after the other, so that all namespaces see the same load.
   * How long each namespace's pods took, from when they were due: whoever is late is not forgiven for it.
   */
  async run(
    namespaces: readonly string[],
    image: string,
    { clients, periodMs, rounds }: { readonly clients: number; readonly periodMs: number; readonly rounds: number },
  ): Promise<readonly Seen[]> {
    const millis = namespaces.map((): number[] => []);
    const refused = namespaces.map((): string[] => []);
    const start = performance.now();
    const client = async (number: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const due = start + (round + number / clients) * periodMs;
        await delay(Math.max(0, due - performance.now()));
        const at = (number + round) % namespaces.length;
        const { status, message } = await this.tryPod(namespaces[at] ?? "", image);
        millis[at]?.push(performance.now() - due);
        if (status !== 201) refused[at]?.push(message);
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
    return namespaces.map((_, at) => ({
      ...distributionOf(millis[at] ?? []),
      refused: refused[at]?.length ?? 0,
      example: refused[at]?.[0]?.slice(0, 400),
    }));
  }

  /** How long the admission policies took for what was created since `before`, by the API server's own clock. */
  async policyTime(before?: PolicyTime): Promise<PolicyTime> {
    const answer = await request(`${this.#server}/metrics`, { dispatcher: this.#agent });
    const lines = (await answer.body.text())
      .split("\n")
      .filter((line) => line.startsWith(policyMetric) && line.includes('name="ValidatingAdmissionPolicy"'))
      .filter((line) => line.includes('operation="CREATE"') && line.includes('rejected="false"'));
    const sum = (part: string): number =>
      lines.filter((line) => line.includes(part)).reduce((total, line) => total + Number(line.split(" ").pop()), 0);
    const since = (part: string, earlier = 0): number => sum(part) - earlier;
    return {
      created: since("_count{", before?.created),
      seconds: since("_sum{", before?.seconds),
      within5ms: since('le="0.005"', before?.within5ms),
      within25ms: since('le="0.025"', before?.within25ms),
    };
  }

  /** One pod from each client at once. */
  async burst(namespace: string, image: string, clients: number): Promise<Seen> {
    const refused: string[] = [];
    const one = async (): Promise<void> => {
      const { status, message } = await this.tryPod(namespace, image);
      if (status !== 201) refused.push(message);
    };
    const millis = await Promise.all(Array.from({ length: clients }, () => timed(one)));
    return { ...distributionOf(millis), refused: refused.length, example: refused[0]?.slice(0, 400) };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

const policyMetric = "apiserver_admission_controller_admission_duration_seconds";

export interface PolicyTime {
  /** Objects of any kind that were let in. */
  readonly created: number;
  readonly seconds: number;
  readonly within5ms: number;
  readonly within25ms: number;
}

export interface Seen extends Distribution {
  readonly refused: number;
  /** What the API server said of the first that was refused. */
  readonly example: string | undefined;
}
