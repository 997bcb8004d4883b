import { hostname } from "node:os";
import { randomUUID } from "node:crypto";
import { KubeConfig } from "@kubernetes/client-node";
import {
  type Clock,
  EventRecorder,
  type Fence,
  LeaderElector,
  type Logger,
  type Metrics,
  ObjectClient,
  createTransport,
} from "../kube/index.ts";
import { GROUP } from "../api/index.ts";
import type { Options } from "./options.ts";

export const LEASE_NAME = "mlsecops-operator";

export interface Process {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Ends the process. */
  readonly signal: AbortSignal;
}

/** How this process speaks with the API server. */
export interface Connection {
  /** Reads, whoever leads. */
  readonly reader: ObjectClient;
  /** Writes only while this process leads, where one is to lead. */
  readonly client: ObjectClient;
  readonly elector: LeaderElector;
  /** Undefined where nobody is to lead. */
  readonly fence: Fence | undefined;
  readonly events: EventRecorder;
}

/** Asks nothing yet. */
export function connect(options: Options, { clock, log, metrics, signal }: Process): Connection {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  const userAgent = "mlsecops-operator";
  const transport = createTransport({ kubeConfig, clock, log, metrics, userAgent, rateLimit: options.requests });
  const reader = new ObjectClient({ transport, signal });
  const elector = new LeaderElector({
    client: reader,
    namespace: options.operatorNamespace,
    name: LEASE_NAME,
    identity: `${hostname()}-${randomUUID()}`,
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2_000,
    clock,
    log,
    metrics,
  });
  const fence = options.leaderElect ? elector.fence : undefined;
  const client = fence === undefined ? reader : reader.withFence(fence);
  const events = new EventRecorder({
    client,
    reportingController: "mlsecops.io/operator",
    reportingInstance: hostname(),
    reconcileIdAnnotation: `${GROUP}/reconcile-id`,
    clock,
    log,
    metrics,
  });
  return { reader, client, elector, fence, events };
}
