import { randomUUID } from "node:crypto";
import { AbortScope } from "./abort-scope.ts";
import type { BackoffOptions, Random } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { HealthStatus } from "./health.ts";
import type { Informer } from "./informer.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import type { Logger } from "./logger.ts";
import type { Metrics, ReconcileOutcome } from "./metrics.ts";
import { onAbort } from "./on-abort.ts";
import { inPass } from "./pass.ts";
import type { RateLimit } from "./token-bucket.ts";
import { traced } from "./tracing.ts";
import { keyOf, type KubeObject } from "./types.ts";
import { type Band, WorkQueue } from "./work-queue.ts";

export interface ReconcileResult {
  /** Look again after that many milliseconds, also if nothing changes. */
  readonly requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Has the name of the controller, the key and the id of the pass on every line. */
  readonly log: Logger;
  /** Aborts when the deadline of the pass is over or the controller stops. Give it to everything that waits. */
  readonly signal: AbortSignal;
  readonly reconcileId: string;
}

export interface ControllerOptions {
  readonly name: string;
  /** Brings the world closer to what the object with that key asks for. Must be safe to repeat from any point. */
  readonly reconcile: (key: string, context: ReconcileContext) => Promise<ReconcileResult>;
  /** Keys reconciled at the same time. Default 2. */
  readonly workers?: number;
  /** Beside them, for urgent keys only: so that long passes do not keep what is urgent waiting. Default 0. */
  readonly urgentWorkers?: number;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Delay of a key after its n-th failure in a row. Default 100 ms to 5 min. */
  readonly backoff?: BackoffOptions;
  /** Bounds the retries of all keys together. Default 10 a second with a burst of 100. */
  readonly retryRate?: RateLimit;
  /** Time for one pass, in milliseconds; then its signal aborts. Default 60 s. */
  readonly deadlineMs?: number;
  readonly random?: Random;
}

/** An error that trying again cannot cure: the key waits for the next change of its object. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/**
 * Calls `reconcile` for keys, never for the same key twice at once, and again with growing delays until it succeeds.
 * A controller runs once: a process that has lost its lease ends, and starts with fresh knowledge.
 */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #informers = new Set<Informer<never>>();
  /** When the passes that run now began, by the id of the pass. */
  readonly #running = new Map<string, number>();
  #started = false;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#queue = new WorkQueue(options);
    options.metrics.trackQueueDepth(options.name, () => this.#queue.depth);
  }

  enqueue(key: string): void {
    this.#queue.add(key);
  }

  /** Before all keys that are not urgent. For the few that must not wait for the rest. */
  enqueueUrgent(key: string): void {
    this.#queue.addUrgent(key);
  }

  enqueueAfter(key: string, ms: number): void {
    this.#queue.addAfter(key, ms);
  }

  /**
   * Enqueues keys on every change: those that `map` gives for the object, and for the one before it where there was one, so
   * that an object that no longer refers to its owner wakes that owner too. Without `map`, the object's own key.
   */
  watch<T extends KubeObject>(informer: Informer<T>, map?: (object: T, previous?: T) => readonly string[]): void {
    this.#informers.add(informer as unknown as Informer<never>);
    informer.onChange(({ object, previous }) => {
      const keys = map === undefined ? [keyOf(object)] : map(object, previous);
      const before = map === undefined || previous === undefined ? [] : map(previous);
      for (const key of new Set([...keys, ...before])) this.enqueue(key);
    });
  }

  /**
   * Waits until the watched informers are synced, then works until the signal aborts, and resolves when the last pass has
   * returned. Keys that wait are dropped then: whoever leads next finds them in the objects.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#started) throw new Error(`controller ${this.name} was started already`);
    this.#started = true;
    const release = onAbort(signal, () => void this.#queue.close("discard"));
    try {
      await Promise.all([...this.#informers].map((informer) => informer.waitForSync(signal)));
    } catch (error) {
      // Then the queue is closed, and the workers end at once.
      if (!isKubeError(error, "Aborted")) throw error;
    }
    const { workers = 2, urgentWorkers = 0 } = this.#options;
    const bands: readonly Band[] = [...Array<Band>(workers).fill("Any"), ...Array<Band>(urgentWorkers).fill("Urgent")];
    await Promise.all(bands.map((band) => this.#work(band, signal)));
    release();
  }

  /** Keys that wait to be reconciled now. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Milliseconds since the oldest pass that still runs began; 0 when idle. */
  busyMs(): number {
    const now = this.#options.clock.monotonic();
    return Math.max(0, ...[...this.#running.values()].map((startedAt) => now - startedAt));
  }

  /** For a liveness registry: unhealthy while a pass runs longer than the limit, in milliseconds. */
  health(limitMs: number): HealthStatus {
    const busyMs = this.busyMs();
    const healthy = busyMs <= limitMs;
    return { healthy, detail: healthy ? "working" : `a pass has been running for ${Math.round(busyMs / 1000)} s` };
  }

  async #work(band: Band, signal: AbortSignal): Promise<void> {
    for (let key = await this.#queue.next(band); key !== undefined; key = await this.#queue.next(band)) {
      await this.#pass(key, signal);
      this.#queue.done(key);
    }
  }

  /** One call of `reconcile` and what follows from its outcome. Never rejects. */
  async #pass(key: string, stop: AbortSignal): Promise<void> {
    const { clock, metrics, reconcile, deadlineMs = 60_000 } = this.#options;
    const reconcileId = randomUUID();
    const log = this.#options.log.child({ controller: this.name, key, reconcileId });
    const startedAt = clock.monotonic();
    this.#running.set(reconcileId, startedAt);
    const scope = new AbortScope({ clock, timeoutMs: deadlineMs, signals: [stop] });
    let outcome: ReconcileOutcome;
    try {
      const context = { log, signal: scope.signal, reconcileId };
      const attributes = { "controller.name": this.name, "controller.key": key, "reconcile.id": reconcileId };
      const result = await inPass(reconcileId, () => traced("reconcile", attributes, () => reconcile(key, context)));
      outcome = this.#afterSuccess(key, result);
    } catch (error) {
      outcome = this.#afterError(key, error, { log, stopped: stop.aborted });
    } finally {
      scope.dispose();
      this.#running.delete(reconcileId);
    }
    metrics.observeReconcile(this.name, outcome, (clock.monotonic() - startedAt) / 1000);
  }

  #afterSuccess(key: string, result: ReconcileResult): ReconcileOutcome {
    // First, for it refuses a delay that is not a number, and that counts as a failure then.
    if (result.requeueAfterMs !== undefined) this.#queue.addAfter(key, result.requeueAfterMs);
    this.#queue.forget(key);
    return result.requeueAfterMs === undefined ? "success" : "requeue";
  }

  #afterError(key: string, error: unknown, context: { log: Logger; stopped: boolean }): ReconcileOutcome {
    const { log, stopped } = context;
    if (stopped) {
      log.debug({ err: error }, "pass ended by the stop of the controller");
      return "aborted";
    }
    if (error instanceof TerminalError) {
      this.#queue.forget(key);
      log.error({ err: error }, "reconciliation failed for good");
      return "terminal";
    }
    const retryInMs = this.#queue.retry(key, error instanceof KubeError ? error.retryAfterMs : undefined);
    this.#options.metrics.countRetry(this.name);
    // A lost race is the ordinary course of things: what was read is out of date, the next pass reads again. And a fence
    // falls a moment before the controller is told to stop.
    const level = isKubeError(error, "Conflict", "Fenced") ? "debug" : "error";
    log[level]({ err: error, retryInMs: Math.round(retryInMs) }, "reconciliation failed");
    return "error";
  }
}
