import { actionReconciler } from "../../actions/index.ts";
import { Controller } from "../../kube/index.ts";
import { policyReconciler } from "../../trust/index.ts";
import { usersOf } from "../informers.ts";
import type { TrustView } from "../trust-view.ts";
import type { ControllerContext } from "./context.ts";

/** The controllers of what verdicts rest on: they write statuses only. */
export function trustControllers(
  { informers, client, events, shared }: ControllerContext,
  trust: TrustView,
): { readonly policyController: Controller; readonly actionController: Controller } {
  const common = { client, events, now: () => shared.clock.now() };
  const policyController = new Controller({
    ...shared,
    name: "trust",
    reconcile: policyReconciler({
      ...common,
      store: informers.policies.store,
      resolved: (name) => trust.policy(name),
      dependents: (name) =>
        informers.models.store.byIndex("policy", name).length +
        informers.namespaces.store.byIndex("policy", name).length,
    }),
  });
  const actionController = new Controller({
    ...shared,
    name: "actions",
    reconcile: actionReconciler({
      ...common,
      store: informers.actions.store,
      usedBy: (namespace, action) => usersOf(informers, `${namespace}/${action}`),
    }),
  });
  return { policyController, actionController };
}
