import type { BackoffOptions } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Informer } from "./informer.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { KubeObject } from "./types.ts";

export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}
export interface ReconcileContext {
  readonly log: Logger;
  /** Aborts when the deadline of the pass is over or the controller stops. */
  readonly signal: AbortSignal;
  readonly reconcileId: string;
}
export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: (key: string, context: ReconcileContext) => Promise<ReconcileResult>;
  /** Keys reconciled at the same time. Default 2. */
  readonly workers?: number;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly backoff?: BackoffOptions;
  /** Time for one pass, in milliseconds. Default 60 s. */
  readonly deadlineMs?: number;
}

/** An error that trying again cannot cure: the key waits for the next change of its object. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/* eslint-disable @typescript-eslint/no-unused-vars */
export class Controller {
  readonly name: string;
  constructor(options: ControllerOptions) {
    this.name = options.name;
  }
  enqueue(_key: string): void {
    throw new Error("not yet");
  }
  enqueueAfter(_key: string, _ms: number): void {
    throw new Error("not yet");
  }
  watch<T extends KubeObject>(_informer: Informer<T>, _map?: (object: T, previous?: T) => readonly string[]): void {
    throw new Error("not yet");
  }
  run(_signal: AbortSignal): Promise<void> {
    return Promise.reject(new Error("not yet"));
  }
  /** Age in milliseconds of the pass that runs longest; 0 when idle. For liveness. */
  busyMs(): number {
    return 0;
  }
}
