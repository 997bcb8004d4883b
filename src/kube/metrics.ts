import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

export type ReconcileOutcome = "success" | "requeue" | "error" | "terminal" | "aborted";

/** Why a watch ended. `expired` is the ordinary end that both sides agreed on. */
export type WatchEnd = "expired" | "closed" | "inactive" | "gone" | "throttled" | "malformed" | "error";

export interface MetricsOptions {
  readonly registry?: Registry;
  /** First part of every metric name. Default "operator_". */
  readonly prefix?: string;
  /** Also collect the metrics of the Node process (memory, event loop lag, GC). Default false. */
  readonly processMetrics?: boolean;
}

/** Everything measured here. No label ever holds the name of an object: cardinality must not grow with the cluster. */
export class Metrics {
  readonly registry: Registry;
  readonly #reconciles: Counter<"controller" | "result">;
  readonly #reconcileSeconds: Histogram<"controller">;
  readonly #retries: Counter<"controller">;
  readonly #queueDepths = new Map<string, () => number>();
  readonly #requests: Counter<"verb" | "resource" | "code">;
  readonly #requestSeconds: Histogram<"verb">;
  readonly #watchRestarts: Counter<"kind" | "reason">;
  readonly #watchAges = new Map<string, Set<() => number>>();
  readonly #leader: Gauge<"name">;
  readonly #eventsDropped: Counter<"reason">;
  readonly #handlerErrors: Counter<"kind">;

  constructor(options: MetricsOptions = {}) {
    this.registry = options.registry ?? new Registry();
    const prefix = options.prefix ?? "operator_";
    const registers = [this.registry];
    this.#reconciles = new Counter({
      name: `${prefix}reconcile_total`,
      help: "Reconciliations by outcome",
      labelNames: ["controller", "result"],
      registers,
    });
    this.#reconcileSeconds = new Histogram({
      name: `${prefix}reconcile_duration_seconds`,
      help: "Time of one reconciliation",
      labelNames: ["controller"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    });
    this.#retries = new Counter({
      name: `${prefix}workqueue_retries_total`,
      help: "Keys put back into the queue after a failure",
      labelNames: ["controller"],
      registers,
    });
    const queueDepths = this.#queueDepths;
    new Gauge({
      name: `${prefix}workqueue_depth`,
      help: "Keys that wait to be reconciled now",
      labelNames: ["controller"],
      registers,
      collect() {
        for (const [controller, depth] of queueDepths) this.set({ controller }, depth());
      },
    });
    this.#requests = new Counter({
      name: `${prefix}api_requests_total`,
      help: "Requests to the API server by HTTP status, or by error code when there was no answer",
      labelNames: ["verb", "resource", "code"],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: `${prefix}api_request_duration_seconds`,
      help: "Time of one attempt of a request to the API server, without the time spent waiting for a token",
      labelNames: ["verb"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    });
    this.#watchRestarts = new Counter({
      name: `${prefix}watch_restarts_total`,
      help: "Ends of a watch by cause",
      labelNames: ["kind", "reason"],
      registers,
    });
    const watchAges = this.#watchAges;
    new Gauge({
      name: `${prefix}watch_age_seconds`,
      help: "Time since the API server last gave a sign of life on a watch; the oldest watch of the kind",
      labelNames: ["kind"],
      registers,
      collect() {
        for (const [kind, ages] of watchAges) {
          this.set({ kind }, Math.max(0, ...[...ages].map((age) => age())) / 1000);
        }
      },
    });
    this.#leader = new Gauge({
      name: `${prefix}leader`,
      help: "1 while this process holds the lease",
      labelNames: ["name"],
      registers,
    });
    this.#eventsDropped = new Counter({
      name: `${prefix}events_dropped_total`,
      help: "Events that were not recorded",
      labelNames: ["reason"],
      registers,
    });
    this.#handlerErrors = new Counter({
      name: `${prefix}informer_handler_errors_total`,
      help: "Exceptions thrown by handlers of changes",
      labelNames: ["kind"],
      registers,
    });
    if (options.processMetrics === true) collectDefaultMetrics({ register: this.registry });
  }

  observeReconcile(controller: string, result: ReconcileOutcome, seconds: number): void {
    this.#reconciles.inc({ controller, result });
    this.#reconcileSeconds.observe({ controller }, seconds);
  }

  countRetry(controller: string): void {
    this.#retries.inc({ controller });
  }

  trackQueueDepth(controller: string, depth: () => number): void {
    this.#queueDepths.set(controller, depth);
  }

  /** `resource` is "plural" or "plural.group"; `code` an HTTP status or an error code. */
  observeRequest(labels: { verb: string; resource: string; code: string }, seconds: number): void {
    this.#requests.inc(labels);
    this.#requestSeconds.observe({ verb: labels.verb }, seconds);
  }

  countWatchEnd(kind: string, reason: WatchEnd): void {
    this.#watchRestarts.inc({ kind, reason });
  }

  /** Several watches may share a kind. Returns a function that ends the tracking. */
  trackWatchAge(kind: string, ageMs: () => number): () => void {
    const ages = this.#watchAges.get(kind) ?? new Set();
    ages.add(ageMs);
    this.#watchAges.set(kind, ages);
    return () => void ages.delete(ageMs);
  }

  countHandlerError(kind: string): void {
    this.#handlerErrors.inc({ kind });
  }

  setLeader(name: string, leading: boolean): void {
    this.#leader.set({ name }, leading ? 1 : 0);
  }

  countEventDropped(reason: "rate" | "full" | "failed"): void {
    this.#eventsDropped.inc({ reason });
  }
}
