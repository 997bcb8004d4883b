import {
  type AdmissionGrant,
  type ClusterTrustPolicy,
  type ModelAction,
  type ModelRevision,
  type SecureModel,
  type SecureNamespace,
  admissionGrant,
  clusterTrustPolicy,
  modelAction,
  modelRevision,
  secureModel,
  secureNamespace,
} from "../api/index.ts";
import type { BindingObject, RoleObject } from "../access/index.ts";
import {
  IMPORT_LABEL,
  type LivingPolicy,
  MODEL_LABEL,
  WALL_LABEL,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
} from "../admission/index.ts";
import {
  type Clock,
  Informer,
  type InformerOptions,
  type KubeObject,
  type Logger,
  type Metrics,
  type ObjectClient,
  type ResourceType,
  type SharedParts,
  clusterRoleBindingType,
  clusterRoleType,
  deploymentType,
  jobType,
  customResourceDefinitionType,
  ingressType,
  limitRangeType,
  namespaceType,
  networkPolicyType,
  podType,
  resourceQuotaType,
  roleBindingType,
  roleType,
  secretType,
  serviceAccountType,
  serviceType,
} from "../kube/index.ts";
import type { PodObject } from "../isolation/index.ts";
import type { JobObject } from "../importing/index.ts";
import type { DeploymentObject } from "../serving/index.ts";
import { leanRole } from "./access-view.ts";
import type { ServiceAccount } from "./pull-credentials.ts";

/** What loses the label looks deleted, and wakes who keeps it. */
const walls = { labelSelector: WALL_LABEL };
export const ours = { labelSelector: "app.kubernetes.io/managed-by=mlsecops-operator" };

/** The keys of the model that an object of the operator belongs to. */
export function modelKeyOf({ metadata }: KubeObject): readonly string[] {
  const model = metadata.labels?.[MODEL_LABEL];
  return model === undefined ? [] : [`${metadata.namespace ?? ""}/${model}`];
}

/** The keys of the model that an object imports the content of. */
export function importedModelKeyOf({ metadata }: KubeObject): readonly string[] {
  const model = metadata.labels?.[IMPORT_LABEL];
  return model === undefined ? [] : [`${metadata.namespace ?? ""}/${model}`];
}

/** Names of the policies that the verdict on a model rests on. */
export function policiesOfModel(model: SecureModel): readonly string[] {
  return model.status?.verdict?.policies?.map(({ name }) => name) ?? [];
}

/** Names of the policies that the verdicts on the allowed images of a namespace rest on. */
export function policiesOfNamespace(namespace: SecureNamespace): readonly string[] {
  return namespace.status?.images?.flatMap((image) => image.verdict.policies?.map(({ name }) => name) ?? []) ?? [];
}

/** The key of the ModelAction that the verdict on a model rests on. */
export function exceptionOfModel({ metadata, status }: SecureModel): readonly string[] {
  const action = status?.verdict?.exception?.action;
  return action === undefined ? [] : [`${metadata.namespace ?? ""}/${action}`];
}

/** Keys of the ModelActions that the verdicts on the allowed images of a namespace rest on. */
export function exceptionsOfNamespace({ metadata, status }: SecureNamespace): readonly string[] {
  return (
    status?.images?.flatMap(({ verdict: { exception } }) =>
      exception === undefined ? [] : `${metadata.name}/${exception.action}`,
    ) ?? []
  );
}

/** Names of the SecureNamespaces that one declares as its peers. */
export function peersOf({ spec }: SecureNamespace): readonly string[] {
  const { ingress = [], egress = [] } = (spec as Partial<SecureNamespace["spec"]>).network ?? {};
  const peers = [...ingress.flatMap(({ from }) => from), ...egress.flatMap(({ to }) => to)];
  return [...new Set(peers.flatMap(({ secureNamespace: peer }) => (peer === undefined ? [] : [peer.name])))];
}

export interface KeySecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** A revocation made while the API server was away is to act within seconds of its return. */
export const relistBackoff = { initialMs: 200, maxMs: 1_000 };

export interface InformerContext {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly operatorNamespace: string;
  /** What their objects have in common is kept once; absent: by each. */
  readonly parts?: SharedParts;
}

/** Without what was written on an object and what became of it, which can be most of it. */
export function withoutState(object: KubeObject): KubeObject {
  const { annotations: _annotations, ...metadata } = object.metadata;
  const { status: _status, ...rest }: KubeObject & { readonly status?: unknown } = object;
  return { ...rest, metadata };
}

/** As all of the operator's informers are made. */
export function informerMaker({ client, clock, log, metrics, parts }: InformerContext) {
  return <T extends KubeObject>(type: ResourceType, extra: Partial<InformerOptions<T>> = {}) =>
    new Informer<T>({
      ...{ client, clock, log, metrics, backoff: relistBackoff, type },
      ...(parts === undefined ? {} : { parts }),
      ...extra,
    });
}

/** Everything the operator watches, each kind once; but for those that are not part of every cluster: {@link InstalledKinds}. */
export function createInformers(context: InformerContext) {
  const { operatorNamespace } = context;
  const informer = informerMaker(context);
  return {
    policies: informer<ClusterTrustPolicy>(clusterTrustPolicy.resource),
    namespaces: informer<SecureNamespace>(secureNamespace.resource, {
      indexers: { policy: policiesOfNamespace, exception: exceptionsOfNamespace, peer: peersOf },
    }),
    models: informer<SecureModel>(secureModel.resource, {
      indexers: { policy: policiesOfModel, exception: exceptionOfModel },
    }),
    revisions: informer<ModelRevision>(modelRevision.resource),
    actions: informer<ModelAction>(modelAction.resource),
    grants: informer<AdmissionGrant>(admissionGrant.resource),
    deployments: informer<DeploymentObject>(deploymentType, ours),
    services: informer<KubeObject>(serviceType, ours),
    jobs: informer<JobObject>(jobType, { labelSelector: IMPORT_LABEL }),
    pods: informer<PodObject>(podType, { indexers: { model: modelKeyOf } }),
    bindings: informer<BindingObject>(roleBindingType),
    roles: informer<RoleObject>(roleType, { transform: leanRole }),
    clusterRoles: informer<RoleObject>(clusterRoleType, { transform: leanRole }),
    clusterRoleBindings: informer<BindingObject>(clusterRoleBindingType),
    living: informer<KubeObject>(namespaceType, { metadataOnly: true }),
    networkPolicies: informer<KubeObject>(networkPolicyType),
    quotas: informer<KubeObject>(resourceQuotaType, walls),
    limitRanges: informer<KubeObject>(limitRangeType, walls),
    accounts: informer<KubeObject>(serviceAccountType, walls),
    defaultAccounts: informer<ServiceAccount>(serviceAccountType, { fieldSelector: "metadata.name=default" }),
    keySecrets: informer<KeySecret>(secretType, { namespace: operatorNamespace }),
    admissionPolicies: informer<LivingPolicy>(validatingAdmissionPolicy),
    admissionBindings: informer<LivingPolicy>(validatingAdmissionPolicyBinding),
    // Beside `services`: few are ours, and of the others only what leads in from outside is kept.
    allServices: informer<KubeObject>(serviceType, { transform: withoutState }),
    ingresses: informer<KubeObject>(ingressType, { transform: withoutState }),
    definitions: informer<KubeObject>(customResourceDefinitionType, { metadataOnly: true, transform: withoutState }),
  };
}

export type Informers = ReturnType<typeof createInformers>;

/** The objects whose verdict rests on a ModelAction. */
export function usersOf(informers: Pick<Informers, "models" | "namespaces">, action: string): readonly string[] {
  const models = informers.models.store.byIndex("exception", action);
  const namespaces = informers.namespaces.store.byIndex("exception", action);
  return [
    ...models.map(({ metadata }) => `SecureModel ${metadata.name}`),
    ...namespaces.map(({ metadata }) => `SecureNamespace ${metadata.name}`),
  ].sort();
}
