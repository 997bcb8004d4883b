import type { Clock, Timer } from "./clock.ts";
import { KubeError } from "./kube-error.ts";

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
  readonly #sources: AbortSignal[];
  #timer: Timer;

  constructor(options: AbortScopeOptions) {
    this.#clock = options.clock;
    this.#sources = (options.signals ?? []).filter((signal) => signal !== undefined);
    for (const source of this.#sources) source.addEventListener("abort", this.#onSourceAbort, { once: true });
    if (this.#sources.some((source) => source.aborted)) this.#onSourceAbort();
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && !this.signal.aborted) {
      this.#timer = this.#clock.setTimeout(() => this.abort(timeoutError(timeoutMs)), timeoutMs);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The error that ended the scope. */
  get reason(): KubeError | undefined {
    return this.signal.aborted ? asKubeError(this.signal.reason) : undefined;
  }

  abort(reason: KubeError): void {
    this.#controller.abort(reason);
    this.dispose();
  }

  /** The time limit no longer applies; the other signals still do. */
  clearTimeout(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  dispose(): void {
    this.clearTimeout();
    for (const source of this.#sources) source.removeEventListener("abort", this.#onSourceAbort);
  }

  readonly #onSourceAbort = (): void => {
    const aborted = this.#sources.find((source) => source.aborted);
    this.abort(asKubeError(aborted?.reason));
  };
}

function timeoutError(ms: number): KubeError {
  return new KubeError("Timeout", `no complete answer within ${Math.round(ms)} ms`, { reason: "DeadlineExceeded" });
}

function asKubeError(reason: unknown): KubeError {
  return reason instanceof KubeError ? reason : new KubeError("Aborted", "the request was aborted", { cause: reason });
}
