/** SecureNamespace: what may run in a namespace, and that nothing else does. */
export { isolationReconciler, type IsolationDependencies } from "./controller.ts";
export { FINALIZER as NAMESPACE_FINALIZER, type PodObject, type RoleBinding } from "./cluster.ts";
