import type { EventRecorder, Clock, Logger, Metrics, ObjectClient } from "../kube/index.ts";
import { NotificationMetrics, Notifier, sinkOf } from "../notify/index.ts";
import type { NotificationOptions } from "./notification-options.ts";
import { tenantSenders } from "./tenant-senders.ts";

export interface NotificationDependencies {
  /** The leader's. */
  readonly client: ObjectClient;
  readonly events: Pick<EventRecorder, "emit">;
  readonly deniedAddresses: readonly string[];
  readonly caBundle: string | undefined;
  /** The operator's own. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** What tells others of models. */
export function createNotifier(
  { url, secret, plainHttpHosts }: NotificationOptions,
  { client, events, deniedAddresses, caBundle, namespace, clock, log, metrics }: NotificationDependencies,
): Notifier {
  return new Notifier({
    client,
    // A host that many tenants name is not to be held up by one event that it does not answer.
    sender: tenantSenders({ deniedAddresses, plainHttpHosts, caBundle, maxConnectionsPerHost: 64 }),
    everywhere: url === undefined ? undefined : sinkOf({ namespace, name: "of the operator", url, secret }),
    events,
    metrics: new NotificationMetrics(metrics.registry),
    clock,
    log,
  });
}
