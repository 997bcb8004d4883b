/** Which verified revision of a model serves. */
export { decideServing, type Observed, type Plan } from "./decide.ts";
export { servingReconciler, type DeploymentObject, type ServingDependencies } from "./controller.ts";
export { deploymentType, podType, serviceType } from "./workload.ts";
