/** What people decide about artifacts and models: an open glass counts for a short time, and is seen. */
export { actionReconciler, type ActionDependencies } from "./controller.ts";
export { exceptionsOf, stateOf, type ActionState } from "./exceptions.ts";
export { actionsAbout, describeOrder, ordersFor, pausesOf, type Order } from "./orders.ts";
