import type { AdmissionGrant } from "../api/index.ts";
import { type Controller, type Informer, type KubeObject, keyOf } from "../kube/index.ts";
import {
  type Informers,
  exceptionOfModel,
  exceptionsOfNamespace,
  importedModelKeyOf,
  modelKeyOf,
  policiesOfModel,
  policiesOfNamespace,
} from "./informers.ts";
import type { TrustView } from "./trust-view.ts";

export interface Controllers {
  readonly actionController: Controller;
  readonly policyController: Controller;
  readonly namespaceController: Controller;
  readonly modelController: Controller;
}

/**
 * What wakes which controller. Gives what is to be called when something else is known of a key of a key management
 * service. An object's own status wakes its controller once more: the pass that follows sees what was
 * written, and writes nothing.
 */
export function wire(
  informers: Informers,
  trust: TrustView,
  { actionController, policyController, namespaceController, modelController }: Controllers,
): (kmsUri: string) => void {
  const modelsIn = (namespace: string) => informers.models.store.list(namespace).map(keyOf);
  const everyNamespace = () => informers.namespaces.store.list().map(keyOf);
  const namespaceOf = (object: KubeObject) => [object.metadata.namespace ?? ""];

  actionController.watch(informers.actions);
  actionController.watch(informers.models, exceptionOfModel);
  actionController.watch(informers.namespaces, exceptionsOfNamespace);

  policyController.watch(informers.policies);
  policyController.watch(informers.keySecrets, (secret) => trust.policiesWithSecret(secret.metadata.name));
  policyController.watch(informers.models, policiesOfModel);
  policyController.watch(informers.namespaces, policiesOfNamespace);

  namespaceController.watch(informers.namespaces);
  namespaceController.watch(informers.living, (namespace) => [namespace.metadata.name]);
  namespaceController.watch(informers.pods, namespaceOf);
  namespaceController.watch(informers.grants, namespaceOf);
  // A grant of a model that is gone is withdrawn: until the models are listed, none is gone.
  namespaceController.watch(informers.models, () => []);
  informers.models.onChange(({ type, object }) => {
    if (type === "deleted") namespaceController.enqueue(object.metadata.namespace ?? "");
  });
  onSpecChange(namespaceController, informers.policies, (policy) => trust.namespacesOf(policy.metadata.name));
  namespaceController.watch(informers.keySecrets, (secret) =>
    trust.policiesWithSecret(secret.metadata.name).flatMap((policy) => trust.namespacesOf(policy)),
  );
  onSpecChange(namespaceController, informers.actions, namespaceOf);
  namespaceController.watch(informers.admissionPolicies, everyNamespace);
  namespaceController.watch(informers.admissionBindings, everyNamespace);

  modelController.watch(informers.models);
  onSpecChange(modelController, informers.policies, (policy) => trust.modelsOf(policy.metadata.name));
  modelController.watch(informers.keySecrets, (secret) =>
    trust.policiesWithSecret(secret.metadata.name).flatMap((policy) => trust.modelsOf(policy)),
  );
  onSpecChange(modelController, informers.namespaces, (namespace) => modelsIn(namespace.metadata.name));
  onSpecChange(modelController, informers.actions, (action) => modelsIn(action.metadata.namespace ?? ""));
  modelController.watch(informers.grants, () => []);
  informers.grants.onChange(({ object, previous }) => {
    // That a grant lasts longer is no news to those who rest on it.
    if (previous !== undefined && withoutTimes(previous) === withoutTimes(object)) return;
    for (const model of modelsIn(object.metadata.namespace ?? "")) modelController.enqueue(model);
  });
  modelController.watch(informers.revisions, (revision) => [
    `${revision.metadata.namespace ?? ""}/${revision.spec.model}`,
  ]);
  modelController.watch(informers.deployments, modelKeyOf);
  modelController.watch(informers.services, modelKeyOf);
  modelController.watch(informers.jobs, importedModelKeyOf);
  modelController.watch(informers.pods, modelKeyOf);
  modelController.watch(informers.admissionPolicies, () => informers.models.store.list().map(keyOf));
  modelController.watch(informers.admissionBindings, () => informers.models.store.list().map(keyOf));

  return (kmsUri) => {
    for (const policy of trust.policiesWithKmsKey(kmsUri)) {
      policyController.enqueue(policy);
      for (const namespace of trust.namespacesOf(policy)) namespaceController.enqueue(namespace);
      for (const model of trust.modelsOf(policy)) modelController.enqueue(model);
    }
  };
}

function withoutTimes({ metadata, spec }: AdmissionGrant): string {
  return JSON.stringify([metadata.uid, metadata.deletionTimestamp, spec], (key, value: unknown) =>
    key === "notAfter" ? undefined : value,
  );
}

/** For objects that many others rest on: each status written on them would wake all of those. */
function onSpecChange<T extends KubeObject>(
  controller: Controller,
  informer: Informer<T>,
  map: (object: T) => readonly string[],
): void {
  // It must be synced before the controller starts.
  controller.watch(informer, () => []);
  informer.onChange(({ object, previous }) => {
    const { uid, generation, deletionTimestamp } = object.metadata;
    const before = previous?.metadata;
    if (before?.uid === uid && before?.generation === generation && before?.deletionTimestamp === deletionTimestamp)
      return;
    const keys = previous === undefined ? map(object) : [...map(object), ...map(previous)];
    for (const key of new Set(keys)) controller.enqueue(key);
  });
}
