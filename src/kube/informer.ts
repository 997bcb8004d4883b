import { AbortScope } from "./abort-scope.ts";
import type { Random } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { isKubeError, type KubeError } from "./kube-error.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { ObjectClient } from "./object-client.ts";
import { onAbort } from "./on-abort.ts";
import type { HealthStatus } from "./health.ts";
import { Reflector, type ReflectorTimings } from "./reflector.ts";
import type { SharedParts } from "./shared-parts.ts";
import { StoreUpdater, type Change } from "./store-updater.ts";
import { Store, type Indexers } from "./store.ts";
import { keyOf, type KubeObject, type ResourceType } from "./types.ts";

export interface InformerOptions<T extends KubeObject> extends ReflectorTimings {
  readonly client: ObjectClient;
  readonly type: ResourceType;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Default: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexers?: Indexers<T>;
  /**
   * Applied to each object before it is stored, to keep less of it; may change its argument. Must keep the name, namespace,
   * uid and resourceVersion. `metadata.managedFields` is dropped before, in any case.
   */
  readonly transform?: (object: T) => T;
  /** What objects have in common with those of other informers is kept once. Default: each has its own. */
  readonly parts?: SharedParts;
  /** Ask the API server for metadata only: objects have no spec and no status. */
  readonly metadataOnly?: boolean;
  readonly random?: Random;
}

/** Answers that do not pass by themselves: no right, or no such kind. */
const refusals = ["Forbidden", "Unauthorized", "NotFound"] as const;

export type ChangeHandler<T extends KubeObject> = (change: Change<T>) => void;

export type RefusalHandler = (refusal: KubeError | undefined) => void;

/** A local copy of a collection that follows the API server, and tells of changes. */
export class Informer<T extends KubeObject> {
  readonly store: Store<T>;
  readonly type: ResourceType;
  readonly #options: InformerOptions<T>;
  readonly #updater: StoreUpdater<T>;
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #refusalHandlers: RefusalHandler[] = [];
  readonly #syncedSignal = new AbortController();
  #aliveAt: number | undefined;
  #refusal: KubeError | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.type = options.type;
    this.store = new Store(options.indexers);
    this.#updater = new StoreUpdater(this.store, (error) => this.#report(error, "an index function failed"));
  }

  /** Begins to list and watch until the signal aborts. May be called once. */
  start(signal: AbortSignal): void {
    if (this.#aliveAt !== undefined) throw new Error(`the informer for ${this.type.kind} was started already`);
    const { client, clock, log, metrics, type, ...options } = this.#options;
    this.#aliveAt = clock.monotonic();
    const stopTracking = metrics?.trackWatchAge(type.kind, () => this.ageMs());
    const reflector = new Reflector<T>({
      ...options,
      transport: client.transport,
      type,
      clock,
      log,
      sink: {
        prepare: (object) => this.#prepare(object as T),
        replaceAll: (objects) => {
          for (const change of this.#updater.replaceAll(objects)) this.#notify(change);
          this.#syncedSignal.abort();
        },
        put: (object) => {
          for (const change of this.#updater.put(object)) this.#notify(change);
        },
        delete: (object) => {
          for (const change of this.#updater.delete(object)) this.#notify(change);
        },
        alive: () => {
          this.#aliveAt = clock.monotonic();
          this.#refuse(undefined);
        },
        failed: (error) => {
          if (isKubeError(error, ...refusals)) this.#refuse(error);
        },
        watchEnded: (reason) => metrics?.countWatchEnd(type.kind, reason),
      },
    });
    void reflector.run(signal).finally(() => stopTracking?.());
  }

  /** Whether the first list is in the store, and its objects were told to the handlers. */
  synced(): boolean {
    return this.#syncedSignal.signal.aborted;
  }

  /**
   * Resolves once {@link synced}.
   * @throws KubeError `Timeout` after that many milliseconds, or `Aborted` by the signal.
   */
  async waitForSync(limit: AbortSignal | number): Promise<void> {
    if (this.synced()) return;
    const { clock } = this.#options;
    const scope = new AbortScope(typeof limit === "number" ? { clock, timeoutMs: limit } : { clock, signals: [limit] });
    try {
      await scope.race(new Promise<void>((resolve) => void onAbort(this.#syncedSignal.signal, resolve)));
    } finally {
      scope.dispose();
    }
  }

  /**
   * Calls the handler on every change, after the store has it, and at once for every object already in the store. What a
   * handler throws is logged and counted, and concerns nobody else. Returns a function that removes it.
   */
  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.store.list()) this.#call(handler, { type: "added", object });
    return () => void this.#handlers.delete(handler);
  }

  /** Why the API server does not let the collection be read, as long as that is so: what the store holds then grows old. */
  refusal(): KubeError | undefined {
    return this.#refusal;
  }

  /** Calls the handler whenever {@link refusal} is another one. */
  onRefusal(handler: RefusalHandler): void {
    this.#refusalHandlers.push(handler);
  }

  /** Milliseconds since the last event, bookmark, accepted watch or complete list; 0 before the start. */
  ageMs(): number {
    return this.#aliveAt === undefined ? 0 : this.#options.clock.monotonic() - this.#aliveAt;
  }

  /** For a liveness registry: unhealthy when nothing was heard for longer than the limit, in milliseconds. */
  health(limitMs: number): HealthStatus {
    const ageMs = this.ageMs();
    return { healthy: ageMs <= limitMs, detail: `${this.type.kind}: last heard of ${Math.round(ageMs / 1000)} s ago` };
  }

  #refuse(refusal: KubeError | undefined): void {
    const before = this.#refusal;
    this.#refusal = refusal;
    if (before?.code !== refusal?.code) for (const handler of this.#refusalHandlers) handler(refusal);
  }

  #prepare(object: T): T {
    // Often more than half of the object, and nothing that a controller reads.
    delete (object.metadata as { managedFields?: unknown }).managedFields;
    const { parts } = this.#options;
    const kept = this.#transformed(object);
    return parts === undefined ? kept : parts.shareIn(kept);
  }

  #transformed(object: T): T {
    const { transform } = this.#options;
    if (transform === undefined) return object;
    try {
      return transform(object);
    } catch (error) {
      this.#report(error, `the transform failed for ${keyOf(object)}`);
      return object;
    }
  }

  #notify(change: Change<T>): void {
    for (const handler of this.#handlers) this.#call(handler, change);
  }

  #call(handler: ChangeHandler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#report(error, `a handler failed for ${keyOf(change.object)}`);
    }
  }

  #report(error: unknown, message: string): void {
    this.#options.metrics?.countHandlerError(this.type.kind);
    this.#options.log.error({ err: error, kind: this.type.kind }, message);
  }
}
