/** Which verified revision of a model serves. */
export { type Approval, approvalOf, authorsOf } from "./approval.ts";
export { decideServing, type Observed, type Plan } from "./decide.ts";
export { servingReconciler } from "./controller.ts";
export { type ServingDependencies, type UnsecuredNamespaces } from "./dependencies.ts";
export { type InferenceServiceObject, inferenceServiceType } from "./inference-service.ts";
export { type DeploymentObject, isOnKServe } from "./workload.ts";
export { isRevisionOf, newRevision } from "./revision.ts";
export { standingLatch } from "./latch.ts";
export { orderedBan } from "./orders.ts";
