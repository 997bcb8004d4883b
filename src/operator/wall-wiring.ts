import { WALL_LABEL } from "../admission/index.ts";
import { type Controller, type KubeObject, keyOf } from "../kube/index.ts";
import type { Informers } from "./informers.ts";
import { onSpecChange } from "./waking.ts";
import type { WallKinds } from "./wall-kinds.ts";

/** Every change of what keeps a namespace apart, and of who is there to be a peer. */
export function wireWalls(informers: Informers, controller: Controller): void {
  controller.watch(informers.namespaces);
  informers.namespaces.onChange(({ type, object, previous }) => {
    const isLeaving = object.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp;
    if (type === "updated" && !isLeaving) return;
    for (const namespace of informers.namespaces.store.byIndex("peer", object.metadata.name))
      controller.enqueue(keyOf(namespace));
  });
  controller.watch(informers.living, (namespace) => [namespace.metadata.name]);
  // Models that are probed need a way in.
  onSpecChange(controller, informers.models, inNamespace);
  // Of all namespaces and by whomever: only those of a SecureNamespace's are a reason to look.
  const inSecured = ({ metadata: { namespace = "" } }: KubeObject) =>
    informers.namespaces.store.get(namespace) === undefined ? [] : [namespace];
  for (const informer of [informers.networkPolicies, informers.defaultAccounts]) controller.watch(informer, inSecured);
  controller.watch(informers.bindings, inSecured);
  for (const informer of [informers.quotas, informers.limitRanges, informers.accounts])
    controller.watch(informer, inNamespace);
  // The use of a quota is summed up from them.
  controller.watch(informers.pods, () => []);
}

/** What the cluster's network learns changes the walls of all. */
export function wireServed(kinds: WallKinds, informers: Informers, controller: Controller): void {
  kinds.onServed((informer) => {
    if (informer !== undefined)
      controller.watch(informer, ({ metadata }) => {
        const namespace = metadata.labels?.[WALL_LABEL];
        return namespace === undefined ? [] : [namespace];
      });
    for (const key of informers.namespaces.store.keys()) controller.enqueue(key);
  });
}

function inNamespace({ metadata }: KubeObject): readonly string[] {
  return metadata.namespace === undefined ? [] : [metadata.namespace];
}
