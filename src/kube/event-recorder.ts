import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { ObjectClient } from "./object-client.ts";
import type { KubeObject } from "./types.ts";

export interface EventRecorderOptions {
  readonly client: ObjectClient;
  /** A qualified name, for example "example.com/operator". */
  readonly reportingController: string;
  /** The pod. */
  readonly reportingInstance: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
}
export type EventRegarding = KubeObject & { apiVersion: string; kind: string };
export interface EventDetail {
  readonly type: "Normal" | "Warning";
  /** CamelCase and stable. */
  readonly reason: string;
  readonly note: string;
  /** What the operator did or refused to do, CamelCase. */
  readonly action: string;
}

/* eslint-disable @typescript-eslint/no-unused-vars */
export class EventRecorder {
  constructor(_options: EventRecorderOptions) {}
  emit(_regarding: EventRegarding, _detail: EventDetail): void {}
  /** Resolves when everything emitted so far was sent or dropped. */
  flush(): Promise<void> {
    return Promise.resolve();
  }
}
