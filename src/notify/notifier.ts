import { once } from "node:events";
import { API_VERSION, type SecureModel, type SecureModelStatus, secureModel } from "../api/index.ts";
import { type Egress, isEgressError } from "../egress/index.ts";
import {
  type Clock,
  type EventRecorder,
  type Logger,
  LruMap,
  type ObjectClient,
  type Random,
  sleep,
} from "../kube/index.ts";
import { changesOf } from "./changes.ts";
import { CLOUD_EVENT_CONTENT_TYPE, cloudEventOf } from "./cloud-event.ts";
import { type Answer, decideDelivery } from "./decide-delivery.ts";
import type { NotificationMetrics } from "./metrics.ts";
import { Outbox, type Queue, type Waiting } from "./outbox.ts";
import { signedHeaders } from "./signature.ts";
import { readSigningKeys } from "./signing-secret.ts";
import { type Sink, sinksOf, wants } from "./sinks.ts";

export type SinkSender = Pick<Egress, "stream">;

export interface NotifierDependencies {
  readonly client: ObjectClient;
  /** To receivers that tenants name, by the certificates that they trust there. */
  readonly sender: (caBundle: string | undefined) => SinkSender;
  /** Is told of every model, beside those that the models name. */
  readonly everywhere?: Sink | undefined;
  readonly events: Pick<EventRecorder, "emit">;
  readonly metrics: NotificationMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
}

/** From when it happened on. */
const deadlineMs = 3_600_000;
/** A receiver has to answer in this time. */
const attemptMs = 10_000;
const limits = { perSink: 128, sinksPerNamespace: 32, total: 4_096 };
/** Failures in a row that people are told of. */
const delayedFrom = 3;
/** Models whose status was told last. */
const maxTold = 5_000;

/**
 * Tells the sinks of a model what became of it. Nobody waits for it: each sink has a queue and a worker of its own. What was not
 * delivered when the process ends is lost; the evidence is the record.
 */
export class Notifier {
  readonly #deps: NotifierDependencies;
  readonly #outbox: Outbox;
  /** By uid. A write whose answer was lost is told with the next one; one that is repeated is not told twice. */
  readonly #told = new LruMap<string, SecureModelStatus>(maxTold);
  #term: { readonly signal: AbortSignal; readonly workers: Set<Promise<void>> } | undefined;

  constructor(deps: NotifierDependencies) {
    this.#deps = deps;
    this.#outbox = new Outbox(limits, (dropped) =>
      this.#lose(dropped, "Dropped", "too many events wait for their sinks"),
    );
    deps.metrics.trackWaiting(() => this.#outbox.size);
  }

  /** A status was written. Returns at once, and never throws: whoever serves a model does not depend on who is told of it. */
  changed(model: SecureModel, before: SecureModelStatus | undefined, after: SecureModelStatus): void {
    try {
      this.#changed(model, before, after);
    } catch (error) {
      this.#deps.log.error({ err: error }, "what changed cannot be told");
    }
  }

  #changed(model: SecureModel, before: SecureModelStatus | undefined, after: SecureModelStatus): void {
    const { clock, everywhere, log } = this.#deps;
    const { uid = "" } = model.metadata;
    const known = this.#told.get(uid) ?? before;
    this.#told.set(uid, after);
    const changes = changesOf(known, after, clock.now());
    if (changes.length === 0) return;
    const sinks = [...sinksOf(model), ...(everywhere === undefined ? [] : [everywhere])];
    const regarding = { apiVersion: API_VERSION, kind: secureModel.resource.kind, metadata: model.metadata };
    const until = clock.monotonic() + deadlineMs;
    for (const change of changes) {
      const event = cloudEventOf(model, change);
      const { id, type } = event;
      const body = JSON.stringify(event);
      for (const sink of sinks.filter((one) => wants(one, type))) this.#add({ sink, until, id, type, body, regarding });
      log.debug({ type, id, namespace: event.data.namespace, model: event.data.model }, "sinks are told");
    }
  }

  /** Sends until the signal aborts, which ends what is on its way. */
  async run(signal: AbortSignal): Promise<void> {
    this.#term = { signal, workers: new Set() };
    for (const queue of this.#outbox.queues) this.#start(queue);
    if (!signal.aborted) await once(signal, "abort");
    await Promise.all(this.#term.workers);
    this.#term = undefined;
    // One of each queue was on its way.
    const left = this.#outbox.size + this.#outbox.queues.length;
    if (left > 0) this.#deps.log.warn({ events: left }, "notifications may not have been delivered");
  }

  #add(waiting: Waiting): void {
    const queue = this.#outbox.add(waiting);
    if (queue !== undefined) this.#start(queue);
  }

  #start(queue: Queue): void {
    const term = this.#term;
    if (term === undefined) return;
    const worker = this.#work(queue, term.signal).finally(() => term.workers.delete(worker));
    term.workers.add(worker);
  }

  async #work(queue: Queue, signal: AbortSignal): Promise<void> {
    const next = () => (signal.aborted ? undefined : this.#outbox.take(queue));
    for (let waiting = next(); waiting !== undefined; waiting = next()) {
      try {
        await this.#deliver(queue, waiting, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#deps.log.error({ err: error }, "a notification failed");
        this.#lose(waiting, "Refused", "the operator could not send it");
      }
    }
  }

  async #deliver(queue: Queue, waiting: Waiting, signal: AbortSignal): Promise<void> {
    const { clock, metrics, random } = this.#deps;
    for (let said = ""; ;) {
      if (clock.monotonic() >= waiting.until) {
        this.#lose(waiting, "Expired", `it was not delivered within ${deadlineMs / 60_000} min${said}`);
        return;
      }
      const answer = await this.#attempt(waiting, signal);
      queue.failures += 1;
      const rules = { failures: queue.failures, now: clock.now(), ...(random === undefined ? {} : { random }) };
      const next = decideDelivery(answer, rules);
      switch (next.kind) {
        case "Delivered":
          queue.failures = 0;
          metrics.count("Delivered");
          return;
        case "GiveUp":
          queue.failures = 0;
          this.#lose(waiting, next.result, next.message);
          return;
        case "Retry":
          said = `: ${next.message}`;
          if (queue.failures === delayedFrom)
            this.#tell(waiting, "NotificationDelayed", `${next.message}; it is tried again`);
          await sleep(clock, Math.min(next.afterMs, waiting.until - clock.monotonic()), signal);
          if (signal.aborted) return;
      }
    }
  }

  /** @throws EgressError `Aborted`, or KubeError, when the signal ended it. */
  async #attempt({ sink, id, body }: Waiting, signal: AbortSignal): Promise<Answer> {
    const { client, clock, sender } = this.#deps;
    const { url, secret, namespace, caBundle } = sink;
    const signing =
      secret === undefined ? undefined : await readSigningKeys(client.withSignal(signal), namespace, secret);
    if (signing !== undefined && "problem" in signing) return { kind: "NoKey", message: signing.problem };
    const signed = signing === undefined ? {} : signedHeaders({ id, body }, signing.keys, clock.now());
    const headers = { "content-type": CLOUD_EVENT_CONTENT_TYPE, ...signed };
    try {
      const answer = await sender(caBundle).stream({
        method: "POST",
        url,
        headers,
        body,
        deadlineMs: attemptMs,
        signal,
      });
      // What it says is of no interest, however long it is.
      answer.body.discard();
      return { kind: "Status", status: answer.status, retryAfter: answer.headers.get("retry-after") };
    } catch (error) {
      if (!isEgressError(error) || error.code === "Aborted") throw error;
      return { kind: "NotSent", code: error.code, message: error.message };
    }
  }

  #lose(waiting: Waiting, result: "Refused" | "NotAllowed" | "Expired" | "Dropped", message: string): void {
    this.#deps.metrics.count(result);
    this.#tell(waiting, "NotificationLost", message);
  }

  /** An address may hold what its owner takes for a secret: it is not repeated. */
  #tell({ sink, type, regarding }: Waiting, reason: "NotificationDelayed" | "NotificationLost", message: string): void {
    const note = `${type} for sink ${sink.name}: ${message}`;
    this.#deps.events.emit(regarding, { type: "Warning", reason, note, action: "Notify" });
    const { namespace, name } = regarding.metadata;
    this.#deps.log.warn({ namespace, model: name, sink: sink.name, type, reason }, message);
  }
}
