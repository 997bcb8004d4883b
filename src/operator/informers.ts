import {
  type AdmissionGrant,
  type ClusterTrustPolicy,
  type ModelRevision,
  type SecureModel,
  type SecureNamespace,
  admissionGrant,
  clusterTrustPolicy,
  modelRevision,
  secureModel,
  secureNamespace,
} from "../api/index.ts";
import { type LivingPolicy, validatingAdmissionPolicy, validatingAdmissionPolicyBinding } from "../admission/index.ts";
import {
  type Clock,
  Informer,
  type KubeObject,
  type Logger,
  type Metrics,
  type ObjectClient,
  type ResourceType,
} from "../kube/index.ts";
import type { PodObject } from "../isolation/index.ts";
import { deploymentType, type DeploymentObject, podType } from "../serving/index.ts";
import { secretType } from "./pull-credentials.ts";

const namespaceType: ResourceType = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
};

export interface KeySecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface Context {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly operatorNamespace: string;
}

/** Everything the operator watches, each kind once. */
export function createInformers(context: Context) {
  const { operatorNamespace, ...shared } = context;
  const informer = <T extends KubeObject>(type: ResourceType, extra: object = {}) =>
    new Informer<T>({ ...shared, type, ...extra });
  return {
    policies: informer<ClusterTrustPolicy>(clusterTrustPolicy.resource),
    namespaces: informer<SecureNamespace>(secureNamespace.resource),
    models: informer<SecureModel>(secureModel.resource, {
      indexers: { policy: (model: SecureModel) => model.status?.verdict?.policies?.map(({ name }) => name) ?? [] },
    }),
    revisions: informer<ModelRevision>(modelRevision.resource),
    grants: informer<AdmissionGrant>(admissionGrant.resource),
    deployments: informer<DeploymentObject>(deploymentType, {
      labelSelector: "app.kubernetes.io/managed-by=mlsecops-operator",
    }),
    pods: informer<PodObject>(podType),
    living: informer<KubeObject>(namespaceType, { metadataOnly: true }),
    keySecrets: informer<KeySecret>(secretType, { namespace: operatorNamespace }),
    admissionPolicies: informer<LivingPolicy>(validatingAdmissionPolicy),
    admissionBindings: informer<LivingPolicy>(validatingAdmissionPolicyBinding),
  };
}

export type Informers = ReturnType<typeof createInformers>;
