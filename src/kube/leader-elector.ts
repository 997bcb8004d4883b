import type { Clock } from "./clock.ts";
import type { Fence } from "./fence.ts";
import { fencedError } from "./fence.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { ObjectClient } from "./object-client.ts";

export interface LeaderElectorOptions {
  /** Its transport is used; its fence and signal are not. */
  readonly client: ObjectClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique among all processes, past ones included: a pod name with a random suffix. */
  readonly identity: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
}
export interface LeaderCallbacks {
  readonly onStarted: (signal: AbortSignal) => void | Promise<void>;
  readonly onStopped: () => void;
}

/* eslint-disable @typescript-eslint/no-unused-vars */
export class LeaderElector {
  readonly fence: Fence = {
    assertHeld: () => {
      throw fencedError("not the leader");
    },
    signal: AbortSignal.abort(),
  };
  readonly identity: string;
  constructor(options: LeaderElectorOptions) {
    this.identity = options.identity;
  }
  run(_callbacks: LeaderCallbacks, _signal: AbortSignal): Promise<void> {
    return Promise.reject(new Error("not yet"));
  }
  isLeader(): boolean {
    return false;
  }
}
