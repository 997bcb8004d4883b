import { Backoff, type BackoffOptions, type Random } from "./backoff.ts";
import { sleep, type Clock } from "./clock.ts";
import { inactiveReason } from "./inactivity-limit.ts";
import { KubeError } from "./kube-error.ts";
import { listPages } from "./list-pages.ts";
import type { Logger } from "./logger.ts";
import type { WatchEnd } from "./metrics.ts";
import { compareVersions } from "./resource-version.ts";
import type { Transport } from "./transport-types.ts";
import type { KubeObject, ResourceType } from "./types.ts";
import { watchEvents, type WatchEvent } from "./watch-stream.ts";

/** Who is told what the API server says. Its methods must not throw. */
export interface ReflectorSink<T> {
  /** Applied to every object as soon as it is parsed. */
  prepare(object: KubeObject): T;
  replaceAll(objects: readonly T[]): void;
  put(object: T): void;
  delete(object: T): void;
  /** The API server gave a sign of life on this watch. */
  alive(): void;
  /** A list or a watch did not come about, or broke. */
  failed(error: unknown): void;
  watchEnded(reason: WatchEnd): void;
}

export interface ReflectorTimings {
  /** Objects in a page of a list. Default 500. */
  readonly pageSize?: number;
  /** The server ends a watch after one to one and a half times that. Default 20 s. */
  readonly watchTimeoutMs?: number;
  /** Without a byte for so long a watch is cut. Default 35 s, longer than the longest timeout above. */
  readonly inactivityMs?: number;
  /** A watch that lived so long was healthy: the next may begin at once. Default 5 s. */
  readonly healthyMs?: number;
  /** Between attempts otherwise. Default 200 ms to 30 s. */
  readonly backoff?: BackoffOptions;
  /** Longest line of a watch. Default 16 MiB: etcd limits an object to 1.5 MiB, its JSON is larger. */
  readonly maxLineBytes?: number;
}

export interface ReflectorOptions<T> extends ReflectorTimings {
  readonly transport: Transport;
  readonly type: ResourceType;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
  readonly sink: ReflectorSink<T>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random | undefined;
}

/** What to do after a list or a watch has ended. */
interface Next {
  readonly end: WatchEnd;
  /** What was missed cannot be had from a watch any more. */
  readonly relist: boolean;
  readonly wait: boolean;
  /** What the server asked for. */
  readonly atLeastMs?: number | undefined;
}

/** Lists a collection and watches it from there, for ever, whatever the network and the server do. */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #random: Random;
  readonly #healthyMs: number;
  /** Where the next watch continues; undefined when a list has to come first. */
  #resourceVersion: string | undefined;
  #openedAt: number | undefined;
  #lastEnd: WatchEnd | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(options.backoff ?? { initialMs: 200, maxMs: 30_000 }, this.#random);
    this.#healthyMs = options.healthyMs ?? 5_000;
  }

  /** Resolves when the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const next = await this.#cycle(signal);
      // Not `signal.aborted` alone: the type checker does not know that it changes while we wait.
      if (next === undefined) return;
      this.#options.sink.watchEnded(next.end);
      this.#lastEnd = next.end;
      if (next.relist) this.#resourceVersion = undefined;
      if (this.#livedMs() >= this.#healthyMs) this.#backoff.reset();
      if (next.wait) await sleep(this.#options.clock, Math.max(this.#backoff.next(), next.atLeastMs ?? 0), signal);
    }
  }

  /** One list if it is needed, and one watch. Undefined when the signal ended it. */
  async #cycle(signal: AbortSignal): Promise<Next | undefined> {
    this.#openedAt = undefined;
    try {
      this.#resourceVersion ??= await this.#list(signal);
      await this.#watch(this.#resourceVersion, signal);
      if (signal.aborted) return undefined;
      const early = this.#livedMs() < this.#healthyMs;
      return { end: early ? "closed" : "expired", relist: false, wait: early };
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#options.sink.failed(error);
      const next = this.#afterError(error);
      const level = next.end === "error" || next.end === "malformed" ? "warn" : "debug";
      this.#options.log[level]({ err: error, kind: this.#options.type.kind, ...next }, "list or watch ended");
      return next;
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { transport, sink, type, namespace, labelSelector, fieldSelector, metadataOnly, pageSize } = this.#options;
    const { items, resourceVersion } = await listPages(
      transport,
      { type, namespace, labelSelector, fieldSelector, metadataOnly, pageSize, signals: [signal] },
      (object) => sink.prepare(object),
    );
    sink.replaceAll(items);
    sink.alive();
    return resourceVersion;
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { transport, clock, sink, type, namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    const timeoutMs = (this.#options.watchTimeoutMs ?? 20_000) * (1 + 0.5 * this.#random());
    const events = watchEvents(transport, {
      type,
      namespace,
      labelSelector,
      fieldSelector,
      metadataOnly,
      resourceVersion,
      signal,
      clock,
      timeoutSeconds: Math.max(1, Math.round(timeoutMs / 1000)),
      inactivityMs: this.#options.inactivityMs ?? 35_000,
      maxLineBytes: this.#options.maxLineBytes ?? 16 * 1024 * 1024,
      onOpen: () => {
        this.#openedAt = clock.monotonic();
        sink.alive();
      },
    });
    for await (const event of events) {
      if (signal.aborted) return;
      sink.alive();
      this.#deliver(event);
    }
  }

  #deliver(event: WatchEvent): void {
    const { sink } = this.#options;
    switch (event.type) {
      case "ADDED":
      case "MODIFIED":
        sink.put(sink.prepare(event.object));
        break;
      case "DELETED":
        sink.delete(sink.prepare(event.object));
        break;
      case "BOOKMARK":
        break;
    }
    this.#advance(event.object.metadata.resourceVersion);
  }

  /** Never backwards: a repeated event must not make the next watch repeat everything after it. */
  #advance(version: string | undefined): void {
    if (version === undefined) return;
    if ((compareVersions(version, this.#resourceVersion) ?? 1) > 0) this.#resourceVersion = version;
  }

  #livedMs(): number {
    return this.#openedAt === undefined ? 0 : this.#options.clock.monotonic() - this.#openedAt;
  }

  #afterError(error: unknown): Next {
    if (!(error instanceof KubeError)) return { end: "error", relist: true, wait: true };
    // A list helps at once, unless it just did not.
    if (error.code === "Gone") return { end: "gone", relist: true, wait: this.#lastEnd === "gone" };
    if (error.code === "TooManyRequests") {
      return { end: "throttled", relist: false, wait: true, atLeastMs: error.retryAfterMs };
    }
    // The deadline has passed already, there is nothing to wait for.
    if (error.reason === inactiveReason) return { end: "inactive", relist: false, wait: false };
    if (error.code === "Timeout" && error.status === undefined) return { end: "error", relist: false, wait: false };
    // The line that cannot be read would come again; a list goes past it.
    if (isUnreadable(error)) return { end: "malformed", relist: true, wait: true };
    const retryWatch = (error.code === "Unavailable" || error.code === "Timeout") && !this.#cameInEvent(error);
    return { end: "error", relist: !retryWatch, wait: true, atLeastMs: error.retryAfterMs };
  }

  /** A Status sent inside an open watch: the server could not go on from where it was. */
  #cameInEvent(error: KubeError): boolean {
    return this.#openedAt !== undefined && error.status !== undefined;
  }
}

function isUnreadable(error: KubeError): boolean {
  return error.reason === "MalformedJson" || error.reason === "MalformedEvent" || error.reason === "LineTooLong";
}
