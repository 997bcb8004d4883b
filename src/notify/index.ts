/** Tells others what happens to models: CloudEvents over HTTP, signed as Standard Webhooks asks. */
export { changesOf, type Change } from "./changes.ts";
export { CLOUD_EVENT_CONTENT_TYPE, cloudEventOf } from "./cloud-event.ts";
export { decideDelivery, retryAfterMs, type Answer, type Next } from "./decide-delivery.ts";
export { NotificationMetrics, type NotificationResult } from "./metrics.ts";
export { Notifier, type NotifierDependencies, type SinkSender } from "./notifier.ts";
export { Outbox, type OutboxLimits, type Queue, type Waiting } from "./outbox.ts";
export { parseSigningKeys, signedHeaders } from "./signature.ts";
export { signingKeysOf } from "./signing-secret.ts";
export { sinkOf, sinksOf, wants, type Sink } from "./sinks.ts";
