import { actionsAbout } from "../actions/index.ts";
import { WORKLOAD_ROLE, changedOwners } from "../admission/index.ts";
import { type AdmissionGrant, type AdmissionGrantSpec, admissionGrant, parseObject } from "../api/index.ts";
import { type Change, type Controller, type KubeObject, keyOf } from "../kube/index.ts";
import {
  type Informers,
  type KeySecret,
  exceptionOfModel,
  exceptionsOfNamespace,
  importedModelKeyOf,
  modelKeyOf,
  policiesOfModel,
  policiesOfNamespace,
} from "./informers.ts";
import type { ReachView } from "./reach-view.ts";
import type { TrustView } from "./trust-view.ts";
import { modelIsUrgent, namespaceIsUrgent } from "./urgency.ts";
import { onAnyChange, onSpecChange, wake } from "./waking.ts";
import { wireWalls } from "./wall-wiring.ts";

export interface Controllers {
  readonly actionController: Controller;
  readonly policyController: Controller;
  readonly namespaceController: Controller;
  readonly wallsController: Controller;
  readonly modelController: Controller;
  readonly healthController: Controller;
}

/**
 * What wakes which controller. What a changed policy probably takes from those who rest on it comes before all else: who must
 * be ended does not wait for those who may stay. Gives what is to be called when something else is known of a key of a key management
 * service. An object's own status wakes its controller once more: the pass that follows sees what was
 * written, and writes nothing.
 */
export function wire(
  informers: Informers,
  { trust, reach }: { readonly trust: TrustView; readonly reach: ReachView },
  {
    actionController,
    policyController,
    namespaceController,
    wallsController,
    modelController,
    healthController,
  }: Controllers,
): (kmsUri: string) => void {
  const modelsIn = (namespace: string) => informers.models.store.list(namespace).map(keyOf);
  const everyNamespace = () => informers.namespaces.store.list().map(keyOf);
  const namespaceOf = (object: KubeObject) => [object.metadata.namespace ?? ""];
  const wakeModels = (keys: readonly string[]) => {
    const policies = trust.policies();
    wake(modelController, keys, (key) => {
      const model = informers.models.store.get(key);
      const revision = model?.status?.active?.revision;
      const active = informers.revisions.store.get(`${model?.metadata.namespace ?? ""}/${revision ?? ""}`);
      return model !== undefined && modelIsUrgent(model, active, policies);
    });
  };
  const wakeNamespaces = (keys: readonly string[]) => {
    const policies = trust.policies();
    wake(namespaceController, keys, (key) => {
      const namespace = informers.namespaces.store.get(key);
      return namespace !== undefined && namespaceIsUrgent(namespace, policies);
    });
  };
  const policiesWith = (secret: KeySecret) => trust.policiesWithSecret(secret.metadata.name);

  actionController.watch(informers.actions);
  const { store: actions } = informers.actions;
  onSpecChange(actionController, informers.actions, (one) => actionsAbout(one, actions.list(one.metadata.namespace)));
  actionController.watch(informers.models, exceptionOfModel);
  actionController.watch(informers.namespaces, exceptionsOfNamespace);

  policyController.watch(informers.policies);
  policyController.watch(informers.keySecrets, (secret) => trust.policiesWithSecret(secret.metadata.name));
  policyController.watch(informers.models, policiesOfModel);
  policyController.watch(informers.namespaces, policiesOfNamespace);

  namespaceController.watch(informers.namespaces);
  namespaceController.watch(informers.living, (namespace) => [namespace.metadata.name]);
  namespaceController.watch(informers.pods, namespaceOf);
  namespaceController.watch(informers.bindings, (binding) =>
    binding.metadata.name === WORKLOAD_ROLE ? namespaceOf(binding) : [],
  );
  // Whom these wake is up to the view of access; until they are listed nobody knows who may do what.
  for (const informer of [informers.roles, informers.clusterRoles]) namespaceController.watch(informer, () => []);
  namespaceController.watch(informers.clusterRoleBindings, () => []);
  namespaceController.watch(informers.grants, namespaceOf);
  for (const informer of [informers.networkPolicies, informers.allServices, informers.ingresses, informers.definitions])
    namespaceController.watch(informer, () => []);
  reach.onChange((names, { pod }) => {
    // Pods come and go all the time; what leads to them does not.
    for (const name of names)
      if (pod) namespaceController.enqueue(name);
      else namespaceController.enqueueUrgent(name);
  });
  // A grant of a model that is gone is withdrawn: until the models are listed, none is gone.
  namespaceController.watch(informers.models, () => []);
  informers.models.onChange(({ type, object }) => {
    if (type === "deleted") namespaceController.enqueue(object.metadata.namespace ?? "");
  });
  onSpecChange(
    namespaceController,
    informers.policies,
    (policy) => trust.namespacesOf(policy.metadata.name),
    wakeNamespaces,
  );
  onAnyChange(
    namespaceController,
    informers.keySecrets,
    (secret) => policiesWith(secret).flatMap((policy) => trust.namespacesOf(policy)),
    wakeNamespaces,
  );
  onSpecChange(namespaceController, informers.actions, namespaceOf);
  namespaceController.watch(informers.admissionPolicies, everyNamespace);
  namespaceController.watch(informers.admissionBindings, everyNamespace);

  wireWalls(informers, wallsController);

  modelController.watch(informers.models);
  onSpecChange(modelController, informers.policies, (policy) => trust.modelsOf(policy.metadata.name), wakeModels);
  onAnyChange(
    modelController,
    informers.keySecrets,
    (secret) => policiesWith(secret).flatMap((policy) => trust.modelsOf(policy)),
    wakeModels,
  );
  onSpecChange(modelController, informers.namespaces, (namespace) => modelsIn(namespace.metadata.name));
  onSpecChange(modelController, informers.actions, (action) => modelsIn(action.metadata.namespace ?? ""));
  modelController.watch(informers.grants, () => []);
  informers.grants.onChange((change) => {
    const { namespace = "" } = change.object.metadata;
    const models = modelsRestingOn(change);
    for (const key of models === "All" ? modelsIn(namespace) : models.map((name) => `${namespace}/${name}`))
      modelController.enqueue(key);
  });
  modelController.watch(informers.revisions, (revision) => [
    `${revision.metadata.namespace ?? ""}/${revision.spec.model}`,
  ]);
  modelController.watch(informers.deployments, modelKeyOf);
  modelController.watch(informers.services, modelKeyOf);
  modelController.watch(informers.jobs, importedModelKeyOf);
  modelController.watch(informers.pods, modelKeyOf);
  // Only read: what is missing is bound in the next pass.
  modelController.watch(informers.bindings, () => []);
  modelController.watch(informers.admissionPolicies, () => informers.models.store.list().map(keyOf));
  modelController.watch(informers.admissionBindings, () => informers.models.store.list().map(keyOf));

  healthController.watch(informers.models);
  healthController.watch(informers.pods, modelKeyOf);
  // A pod says nothing until the revision that it is of is known.
  healthController.watch(informers.revisions, () => []);

  return (kmsUri) => {
    for (const policy of trust.policiesWithKmsKey(kmsUri)) {
      policyController.enqueue(policy);
      wakeNamespaces(trust.namespacesOf(policy));
      wakeModels(trust.modelsOf(policy));
    }
  };
}

/**
 * The models to which a changed grant is news: those whose own part it is, and all where it is what the namespace allows for
 * every one of them. That it lasts longer is no news to anybody.
 */
export function modelsRestingOn({ type, object, previous }: Change<AdmissionGrant>): readonly string[] | "All" {
  if (type !== "updated" || previous === undefined) return "All";
  if (object.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp) return "All";
  const [before, after] = [specOf(previous), specOf(object)];
  if (before === undefined || after === undefined) return "All";
  const owners = changedOwners(before, after);
  if (owners.some(({ kind }) => kind === "SecureNamespace")) return "All";
  return owners.map(({ name }) => name);
}

/** Undefined where somebody wrote one that cannot be read. */
function specOf(grant: AdmissionGrant): AdmissionGrantSpec | undefined {
  const parsed = parseObject(admissionGrant, grant);
  return parsed.ok ? parsed.value.spec : undefined;
}
