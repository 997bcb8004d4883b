import { peopleBindings } from "../../access/index.ts";
import {
  type IsolationDependencies,
  LivingWalls,
  type WallsDependencies,
  WallsView,
  isolationReconciler,
  wallsReconciler,
} from "../../isolation/index.ts";
import { Controller } from "../../kube/index.ts";
import type { WallKinds } from "../wall-kinds.ts";
import { wallSources } from "../wall-sources.ts";
import { type ControllerContext, type Granting, passDeadlineMs } from "./context.ts";

export type NamespaceNeeds = Pick<WallsDependencies, "dns" | "probes" | "imports" | "onRepair"> &
  Pick<IsolationDependencies, "access" | "reach"> & {
    readonly kinds: Pick<WallKinds, "served" | "sources">;
    readonly granting: Granting;
  };

/** The two controllers of a SecureNamespace: one asks registries and writes the status, the other never waits. */
export function namespaceControllers(
  { informers, client, events, identity, shared }: ControllerContext,
  { kinds, granting, access, reach, ...rest }: NamespaceNeeds,
): { readonly namespaceController: Controller; readonly wallsController: Controller } {
  const view = new WallsView();
  const common = {
    client,
    events,
    identity,
    now: () => shared.clock.now(),
    namespaces: informers.namespaces.store,
    living: informers.living.store,
    pods: informers.pods.store,
    bindings: informers.bindings.store,
  };
  const namespaceController = new Controller({
    ...shared,
    name: "isolation",
    workers: 4,
    urgentWorkers: 2,
    deadlineMs: passDeadlineMs,
    reconcile: isolationReconciler({
      ...common,
      ...granting,
      access,
      reach,
      models: informers.models.store,
      walls: view,
    }),
  });
  const wallsController = new Controller({
    ...shared,
    name: "walls",
    // They wait for nothing but the API server: what is taken down comes back within two seconds.
    workers: 32,
    reconcile: wallsReconciler({
      ...common,
      ...rest,
      walls: new LivingWalls(() => [...wallSources(informers), ...kinds.sources]),
      view,
      served: () => kinds.served,
      people: peopleBindings,
      changed: (name) => namespaceController.enqueueUrgent(name),
    }),
  });
  return { namespaceController, wallsController };
}
