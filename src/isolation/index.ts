/** SecureNamespace: what may run in a namespace, and that nothing else does. */
export { isolationReconciler } from "./controller.ts";
export { FINALIZER as NAMESPACE_FINALIZER, bindWorkloadRole, type PodObject, type RoleBinding } from "./cluster.ts";
export { type NamespaceReach } from "./conditions/isolation.ts";
export { type IsolationDependencies } from "./pass.ts";
export { adminNetworkPolicyType, clusterNetworkPolicyType, type AdminKind } from "./walls/admin-policy.ts";
export { wallsReconciler, type WallsDependencies } from "./walls/controller.ts";
export { declarationOf, type DeclarationOptions } from "./walls/declaration.ts";
export { ciliumNetworkPolicyType } from "./walls/hosts.ts";
export { LivingWalls, type WallSource } from "./walls/living.ts";
export type { DnsPlace } from "./walls/network.ts";
export { type WallProblem } from "./walls/problems.ts";
export { containerLimitsOf, profileDefaults, quotaOf, type ProfileDefaults } from "./walls/profiles.ts";
export { type ConsumingPod, quotaProblem } from "./walls/quota-use.ts";
export { WallsView, type WallsState } from "./walls/view.ts";
export { networkWalls, wallsOf, type ServedNetwork, type WallOptions } from "./walls/walls.ts";
