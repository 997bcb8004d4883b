/** SecureNamespace: what may run in a namespace, and that nothing else does. */
export { isolationReconciler, type IsolationDependencies } from "./controller.ts";
export { FINALIZER as NAMESPACE_FINALIZER, bindWorkloadRole, type PodObject, type RoleBinding } from "./cluster.ts";
export { type NamespaceReach } from "./conditions/isolation.ts";
export { declarationOf } from "./walls/declaration.ts";
export { type DnsPlace } from "./walls/network.ts";
export { type ServedNetwork, networkWalls } from "./walls/walls.ts";
export { type WallProblem } from "./walls/problems.ts";
export { containerLimitsOf, profileDefaults, quotaOf } from "./walls/profiles.ts";
export { type ConsumingPod, quotaProblem } from "./walls/quota-use.ts";
