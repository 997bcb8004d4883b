/** What a Kubernetes operator needs and client-node does not give: this list is the whole public surface. */
export { applyChanges } from "./apply-changes.ts";
export { backoffDelay, Backoff, type BackoffOptions, type Random } from "./backoff.ts";
export {
  clusterRoleBindingType,
  clusterRoleType,
  configMapType,
  customResourceDefinitionType,
  deploymentType,
  ingressType,
  jobType,
  limitRangeType,
  namespaceType,
  networkPolicyType,
  podType,
  resourceQuotaType,
  roleBindingType,
  roleType,
  secretType,
  serviceAccountType,
  serviceType,
} from "./builtin-types.ts";
export { maxTimerMs, sleep, systemClock, type Clock, type Timer } from "./clock.ts";
export { findCondition, formatTime, maxConditionMessageBytes, setCondition, type Condition } from "./conditions.ts";
export {
  Controller,
  TerminalError,
  type ControllerOptions,
  type ReconcileContext,
  type ReconcileResult,
} from "./controller.ts";
export { EventRecorder, type EventRecorderOptions } from "./event-recorder.ts";
export { type EventDetail, type EventRegarding } from "./event-series.ts";
export { type Fence } from "./fence.ts";
export { ensureFinalizer, removeFinalizer } from "./finalizers.ts";
export { HealthServer, type HealthServerOptions } from "./health-server.ts";
export { HealthRegistry, type HealthCheck, type HealthStatus } from "./health.ts";
export { Informer, type ChangeHandler, type InformerOptions, type RefusalHandler } from "./informer.ts";
export { isKubeError, KubeError, type KubeErrorCode, type KubeErrorOptions } from "./kube-error.ts";
export { LeaderElector, type LeaderCallbacks, type LeaderElectorOptions } from "./leader-elector.ts";
export { createLogger, type Logger, type LoggerOptions } from "./logger.ts";
export { LruMap } from "./lru-map.ts";
export { Metrics, type MetricsOptions, type ReconcileOutcome, type WatchEnd } from "./metrics.ts";
export { ObjectClient, type ObjectClientOptions } from "./object-client.ts";
export type * from "./request-options.ts";
export { type ReflectorTimings } from "./reflector.ts";
export { compareVersions } from "./resource-version.ts";
export { currentReconcileId, inPass } from "./pass.ts";
export { traced } from "./tracing.ts";
export { SharedParts } from "./shared-parts.ts";
export { Store, type Indexers } from "./store.ts";
export { type Change } from "./store-updater.ts";
export { truncateUtf8 } from "./text.ts";
export { applyStatus } from "./status.ts";
export { TokenBucket, type RateLimit } from "./token-bucket.ts";
export { createTransport, type TransportOptions } from "./transport.ts";
export type { StreamResponse, Transport, TransportRequest, TransportResponse } from "./transport-types.ts";
export { createTypedApi, type TypedApiOptions } from "./typed-api.ts";
export {
  apiVersionOf,
  formatKey,
  groupResourceOf,
  keyOf,
  parseKey,
  type JsonPatchOperation,
  type KubeObject,
  type ObjectKey,
  type ObjectMeta,
  type OwnerReference,
  type ResourceType,
} from "./types.ts";
export { WorkQueue, type Band, type WorkQueueOptions } from "./work-queue.ts";
