import { randomBytes } from "node:crypto";
import { backoffDelay } from "./backoff.ts";
import { sleep, type Clock, type Timer } from "./clock.ts";
import { EventSeries, type EventDetail, type EventRegarding } from "./event-series.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import type { Logger } from "./logger.ts";
import { LruMap } from "./lru-map.ts";
import type { Metrics } from "./metrics.ts";
import type { ObjectClient } from "./object-client.ts";
import { currentReconcileId } from "./pass.ts";
import { TokenBucket, type RateLimit } from "./token-bucket.ts";
import type { ResourceType } from "./types.ts";

export interface EventRecorderOptions {
  readonly client: ObjectClient;
  /** A qualified name, for example "example.com/operator". */
  readonly reportingController: string;
  /** The pod. */
  readonly reportingInstance: string;
  /** The annotation of an Event that has the id of the pass that it comes from. Default: none has. */
  readonly reconcileIdAnnotation?: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Requests for events. Default 5 a second with a burst of 50. */
  readonly rateLimit?: RateLimit;
  /** Distinct events about one object. Default one in 5 min with a burst of 25, as client-go. */
  readonly objectRateLimit?: RateLimit;
  /** The count of a repeated event is written at most that often. Default 10 s. */
  readonly seriesFlushMs?: number;
  /** After so long without a repetition the next occurrence is a new Event. Default 6 min, as client-go. */
  readonly seriesTtlMs?: number;
  /** Events that may wait to be sent. Default 1,000. */
  readonly maxPending?: number;
}

const eventType: ResourceType = {
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
};
const maxTracked = 4096;
const maxAttempts = 3;

/**
 * Records events.k8s.io/v1 Events in the background. The same event again (object, type, reason, action and note) becomes a
 * series on the first one, as `kubectl events` shows it. Events are for people: losing one is counted, never an error.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #seriesTtlMs: number;
  readonly #maxPending: number;
  readonly #rate: TokenBucket;
  /** By the identity of the event. */
  readonly #series = new LruMap<string, EventSeries>(maxTracked);
  /** By the object that the events are about. */
  readonly #objectRates = new LruMap<string, TokenBucket>(maxTracked);
  /** What has something to send, in order. */
  readonly #pending = new Set<EventSeries>();
  readonly #stopped = new AbortController();
  #sending: Promise<void> | undefined;
  #flushTimer: Timer;
  #flushArmed = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#seriesTtlMs = options.seriesTtlMs ?? 360_000;
    this.#maxPending = options.maxPending ?? 1_000;
    this.#rate = new TokenBucket(options.rateLimit ?? { perSecond: 5, burst: 50 }, options.clock);
  }

  /** Returns at once and never throws. A note is cut to 1 KiB. */
  emit(regarding: EventRegarding, detail: EventDetail): void {
    try {
      this.#record(regarding, detail);
    } catch (error) {
      this.#drop("failed", error);
    }
  }

  /** Sends what waits, counts of series included, and resolves when it was sent or dropped. */
  async flush(): Promise<void> {
    for (const series of this.#series.values()) if (series.hasNews) this.#pending.add(series);
    this.#send();
    await this.#sending;
  }

  /** Drops what waits and stops all timers. For a short farewell call {@link flush} before. */
  close(): void {
    this.#stopped.abort();
    this.#pending.clear();
    this.#options.clock.clearTimeout(this.#flushTimer);
  }

  #record(regarding: EventRegarding, detail: EventDetail): void {
    if (this.#stopped.signal.aborted) return;
    const { clock } = this.#options;
    const identity = JSON.stringify([regarding.metadata.uid ?? objectId(regarding), ...ordered(detail)]);
    const known = this.#series.get(identity);
    if (known !== undefined && clock.monotonic() - known.seenAt <= this.#seriesTtlMs) {
      known.repeat(clock.now(), clock.monotonic());
      this.#armFlush();
      return;
    }
    if (!this.#objectRate(objectId(regarding)).tryTake()) {
      this.#drop("rate");
      return;
    }
    if (this.#pending.size >= this.#maxPending) {
      this.#drop("full");
      return;
    }
    const series = new EventSeries({
      name: eventName(regarding.metadata.name),
      regarding,
      detail,
      now: clock.now(),
      seenAt: clock.monotonic(),
      reportingController: this.#options.reportingController,
      reportingInstance: this.#options.reportingInstance,
      annotations: this.#annotations(),
    });
    this.#series.set(identity, series);
    this.#pending.add(series);
    this.#send();
  }

  #annotations(): Readonly<Record<string, string>> | undefined {
    const { reconcileIdAnnotation: name } = this.#options;
    const reconcileId = currentReconcileId();
    return name === undefined || reconcileId === undefined ? undefined : { [name]: reconcileId };
  }

  #objectRate(id: string): TokenBucket {
    const known = this.#objectRates.get(id);
    if (known !== undefined) return known;
    const { clock, objectRateLimit = { perSecond: 1 / 300, burst: 25 } } = this.#options;
    const bucket = new TokenBucket(objectRateLimit, clock);
    this.#objectRates.set(id, bucket);
    return bucket;
  }

  #armFlush(): void {
    if (this.#flushArmed) return;
    this.#flushArmed = true;
    this.#flushTimer = this.#options.clock.setTimeout(() => {
      this.#flushArmed = false;
      void this.flush();
    }, this.#options.seriesFlushMs ?? 10_000);
  }

  #send(): void {
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
      // Emitted after the last look at what waits, and before this.
      if (this.#pending.size > 0 && !this.#stopped.signal.aborted) this.#send();
    });
  }

  async #drain(): Promise<void> {
    for (let [series] = this.#pending; series !== undefined; [series] = this.#pending) {
      const delay = this.#rate.reserve();
      if (delay > 0 && !(await sleep(this.#options.clock, delay, this.#stopped.signal))) return;
      this.#pending.delete(series);
      // It may have been put here while it was being written.
      if (series.hasNews) await this.#write(series);
    }
  }

  async #write(series: EventSeries): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#writeOnce(series);
        return;
      } catch (error) {
        const mayPass = isKubeError(error, "Unavailable", "Timeout", "TooManyRequests");
        if (!mayPass || attempt === maxAttempts) {
          series.forget();
          this.#drop("failed", error);
          return;
        }
        const delay = error.retryAfterMs ?? backoffDelay({ initialMs: 500, maxMs: 10_000 }, attempt);
        if (!(await sleep(this.#options.clock, delay, this.#stopped.signal))) return;
      }
    }
  }

  async #writeOnce(series: EventSeries): Promise<void> {
    const { client } = this.#options;
    const sent = series.count;
    if (series.isNew) {
      try {
        await client.create(eventType, series.toEvent());
      } catch (error) {
        // The name is random: it is ours, and the answer to the first attempt was lost.
        if (!isKubeError(error, "AlreadyExists")) throw error;
      }
    } else {
      await client.patchJson(eventType, series.key, series.toPatch());
    }
    series.sent(sent);
  }

  #drop(reason: "rate" | "full" | "failed", error?: unknown): void {
    this.#options.metrics?.countEventDropped(reason);
    // Gone and fenced are ordinary: the Event expired, or another replica leads now.
    const level = error === undefined || isKubeError(error, "NotFound", "Fenced") ? "debug" : "warn";
    const cause = error instanceof KubeError ? { code: error.code, detail: error.message } : { err: error };
    this.#options.log[level]({ reason, ...cause }, "an event was not recorded");
  }
}

function ordered(detail: EventDetail): readonly string[] {
  return [detail.type, detail.reason, detail.action, detail.note];
}

function objectId(object: EventRegarding): string {
  const { namespace = "", name } = object.metadata;
  return `${object.apiVersion}/${object.kind}/${namespace}/${name}`;
}

/** A DNS subdomain whatever the object is called (RBAC allows colons). */
function eventName(objectName: string): string {
  const safe = objectName.toLowerCase().replaceAll(/[^a-z0-9.-]/g, "-");
  const prefix = safe
    .replaceAll(/^[^a-z0-9]+/g, "")
    .slice(0, 200)
    .replaceAll(/[^a-z0-9]+$/g, "");
  return `${prefix === "" ? "event" : prefix}.${randomBytes(8).toString("hex")}`;
}
