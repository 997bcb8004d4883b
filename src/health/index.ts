/** Whether what serves is well, for as long as it serves, and what to go back to where it is not. */
export { decideHealth, type HealthVerdict } from "./decide-health.ts";
export {
  decideRollback,
  objection,
  targetOf,
  type RollbackCandidate,
  type RollbackDecision,
  type RollbackRules,
  type RollbackState,
} from "./decide-rollback.ts";
export { rollbackRules, watchPlan, type SignalSource, type WatchPlan } from "./from-spec.ts";
export { Guardian, type GuardianDependencies } from "./guardian.ts";
export { type Look, type LookErrorReason, errorLook, valueLook } from "./look.ts";
export { mannWhitney, median, type MannWhitney } from "./mann-whitney.ts";
export { podFinding, type PodFinding, type PodRules, type WatchedPod } from "./pods.ts";
export {
  MAX_LOOKS,
  MAX_SIGNALS,
  type Bounds,
  type Comparison,
  type HealthPolicy,
  type SignalPolicy,
  type Window,
} from "./policy.ts";
export {
  decodeRecord,
  emptyRecord,
  encodeRecord,
  keepSignals,
  noteLook,
  notePods,
  recordOf,
  type HealthRecord,
  type RevisionRecord,
} from "./record.ts";
export { keptIn, recordName, type KeptRecord } from "./record-store.ts";
export { type Sender } from "./asking.ts";
export { atPath, isJsonPath } from "./json-path.ts";
export { noPod, pickTarget } from "./ask-pod.ts";
export { isNear, lookAtAgreement, type Agreement } from "./agreement.ts";
export { probePod, readProbe, type Expectation, type Probe } from "./probe.ts";
export {
  MAX_POINTS,
  askPrometheus,
  askTogether,
  readAnswer,
  type PrometheusQuery,
  type PrometheusServer,
  type RangeQuery,
} from "./prometheus.ts";
export { QUERY_VARIABLES, fillQuery, inferenceQuery, type InferenceMetric, type QuerySubject } from "./query-text.ts";
export { SECRET_USE, authorizationOf, type LoginSecret } from "./authorization.ts";
