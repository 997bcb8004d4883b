import { setTimeout as delay } from "node:timers/promises";
import { Registry } from "prom-client";
import type { SecureModel, SecureModelStatus } from "../../../src/api/index.ts";
import { type EventDetail, type KubeObject, createLogger } from "../../../src/kube/index.ts";
import { NotificationMetrics, Notifier, type Sink, type SinkSender } from "../../../src/notify/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { FakeClock } from "../kube/fake-clock.ts";
import { serving } from "./support.ts";

export const key = Buffer.alloc(32, 7);

/** A notifier whose clock a test moves. */
export class Office {
  readonly client = new FakeClient();
  readonly clock = new FakeClock();
  readonly events: EventDetail[] = [];
  readonly logged: string[] = [];
  readonly registry = new Registry();
  readonly notifier: Notifier;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(sender: (caBundle: string | undefined) => SinkSender, everywhere?: Sink) {
    this.notifier = new Notifier({
      client: this.client,
      sender,
      everywhere,
      events: { emit: (_regarding, detail) => this.events.push(detail) },
      metrics: new NotificationMetrics(this.registry),
      clock: this.clock,
      log: createLogger({ level: "warn", destination: { write: (line: string) => this.logged.push(line) } }),
      random: () => 0,
    });
  }

  open(): this {
    this.#running = this.notifier.run(this.#stop.signal);
    return this;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  addSecret(labels: Record<string, string> = { "mlsecops.io/use": "cloudevents" }): void {
    const data = { signingKey: Buffer.from(`whsec_${key.toString("base64")}`).toString("base64") };
    this.client.add("secrets", { metadata: { name: "keys", namespace: "shop", labels }, data } as KubeObject);
  }

  /** The model is promoted. */
  promote(model: SecureModel, revision = "iris-b", before: SecureModelStatus = serving): SecureModelStatus {
    const active = { revision, digest: `sha256:${"2".repeat(64)}`, since: this.clock.now().toISOString() };
    const after = { ...before, active };
    this.notifier.changed(model, before, after);
    return after;
  }

  async results(): Promise<Readonly<Record<string, number>>> {
    const metric = await this.registry.getSingleMetric("mlsecops_notifications_total")?.get();
    const counted = metric?.values.filter(({ value }) => value > 0) ?? [];
    return Object.fromEntries(counted.map(({ labels, value }) => [String(labels["result"]), value]));
  }

  /** Until something came of so many events. */
  async settled(count: number): Promise<Readonly<Record<string, number>>> {
    return await eventually(async () => {
      const results = await this.results();
      return Object.values(results).reduce((sum, one) => sum + one, 0) >= count ? results : undefined;
    });
  }
}

/** What is asked for again and again, in real time, until it is there. */
export async function eventually<T>(ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 1_000; tries++) {
    const found = await ask();
    if (found !== undefined) return found;
    await delay(5);
  }
  throw new Error("it did not happen within 5 s");
}
