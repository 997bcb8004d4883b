import type { Clock, Timer } from "./clock.ts";
import { KubeError } from "./kube-error.ts";
import { onAbort } from "./on-abort.ts";

export interface AbortScopeOptions {
  readonly clock: Clock;
  /** Aborts with a `Timeout` error after this many milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Aborts when one of these does: with its reason if that is a KubeError, else with an `Aborted` error. */
  readonly signals?: readonly (AbortSignal | undefined)[] | undefined;
}

/**
 * One signal fed by a time limit and by other signals. Unlike `AbortSignal.any` it lets go of its sources when it is
 * disposed: they live as long as the process, and there is one scope for each request.
 */
export class AbortScope {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #releases: (() => void)[];
  #timer: Timer;

  constructor(options: AbortScopeOptions) {
    this.#clock = options.clock;
    const sources = (options.signals ?? []).filter((signal) => signal !== undefined);
    this.#releases = sources.map((source) => onAbort(source, () => this.#controller.abort(asKubeError(source.reason))));
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && !this.signal.aborted) {
      this.#timer = this.#clock.setTimeout(() => this.#controller.abort(timeoutError(timeoutMs)), timeoutMs);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The error that ended the scope. */
  get reason(): KubeError | undefined {
    return this.signal.aborted ? asKubeError(this.signal.reason) : undefined;
  }

  /** The promise, or a rejection as soon as the scope is aborted: for what cannot be told to stop. */
  async race<T>(promise: Promise<T>): Promise<T> {
    let release = (): void => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      release = onAbort(this.signal, () => reject(asKubeError(this.signal.reason)));
    });
    try {
      return await Promise.race([promise, aborted]);
    } finally {
      release();
    }
  }

  /** The time limit no longer applies; the other signals still do. */
  clearTimeout(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  dispose(): void {
    this.clearTimeout();
    for (const release of this.#releases) release();
  }
}

function timeoutError(ms: number): KubeError {
  return new KubeError("Timeout", `no complete answer within ${Math.round(ms)} ms`, { reason: "DeadlineExceeded" });
}

function asKubeError(reason: unknown): KubeError {
  return reason instanceof KubeError ? reason : new KubeError("Aborted", "the request was aborted", { cause: reason });
}
