import { type Controller, type Informer, type KubeObject, type Store, keyOf } from "../kube/index.ts";
import { type InferenceServiceObject, inferenceServiceType, isOnKServe } from "../serving/index.ts";
import { type InformerContext, type Informers, informerMaker, modelKeyOf, ours } from "./informers.ts";
import { InstalledKinds, type OptionalKind } from "./served-kinds.ts";

type KServeKinds = InstalledKinds<OptionalKind>;

/** Watches the operator's InferenceServices for as long as KServe's kinds are installed. */
export function createKServeKinds(definitions: Informer<KubeObject>, context: InformerContext): KServeKinds {
  const informer = informerMaker(context);
  return new InstalledKinds<OptionalKind>({
    definitions,
    types: [{ resource: inferenceServiceType, builtin: false }],
    // Whole: what was applied is compared with what is there.
    create: (type, { transform: _transform, ...options }) => informer(type, { ...ours, ...options }),
    clock: context.clock,
  });
}

/**
 * The InferenceServices that there are; undefined where the cluster does not serve the kind.
 * @throws while it is served and they are not known.
 */
export function inferenceServicesIn(kinds: KServeKinds): Pick<Store<InferenceServiceObject>, "list"> | undefined {
  const informer = kinds.informer(inferenceServiceType);
  if (informer !== undefined) return informer.store;
  if (!kinds.isInstalled(inferenceServiceType)) return undefined;
  throw new Error(kinds.problems()[0] ?? "InferenceServices are not listed yet");
}

/** Each change of an InferenceService wakes its model, and KServe that comes or goes all models that it runs or is to run. */
export function wireKServe(kinds: KServeKinds, { models, revisions }: Informers, controller: Controller): void {
  kinds.follow({
    changed: (_type, { object }) => {
      for (const key of modelKeyOf(object)) controller.enqueue(key);
    },
    doubted: () => {
      for (const model of models.store.list()) {
        const { name, namespace } = model.metadata;
        const own = revisions.store.list(namespace).filter(({ spec }) => spec.model === name);
        if (isOnKServe(model, own)) controller.enqueue(keyOf(model));
      }
    },
  });
}
