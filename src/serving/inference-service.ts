/** How a revision is given to KServe, in whose RawDeployment mode it becomes one Deployment with the pods that are asked for. */
import { type ModelRevision, type SecureModel, ownerReference, secureModel } from "../api/index.ts";
import { type KubeError, type KubeObject, type ResourceType, apiVersionOf, isKubeError } from "../kube/index.ts";
import { type Workload, kindOf, modelLabels, podReplacement, podTemplate } from "./workload.ts";

export const inferenceServiceType: ResourceType = {
  group: "serving.kserve.io",
  version: "v1beta1",
  kind: "InferenceService",
  plural: "inferenceservices",
  namespaced: true,
};

/** What to do where the API server does not know {@link inferenceServiceType}. */
export const kserveMissing =
  "the cluster does not serve InferenceService of serving.kserve.io/v1beta1: install KServe, or write spec.workload.managed.kind: Deployment";

/** Of an InferenceService, what this room reads. */
export interface InferenceServiceObject extends KubeObject {
  readonly spec?: { readonly predictor?: { readonly labels?: Readonly<Record<string, string>> } };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** Its pods look as those of a Deployment would; who answers is up to the model's own Services, so KServe makes no way in. */
export function inferenceService(model: SecureModel, { revision, name, replicas }: Workload): KubeObject {
  const { metadata, spec } = podTemplate(revision);
  return {
    apiVersion: apiVersionOf(inferenceServiceType),
    kind: inferenceServiceType.kind,
    metadata: {
      name,
      namespace: model.metadata.namespace ?? "",
      labels: { ...modelLabels(model.metadata.name), "networking.kserve.io/visibility": "cluster-local" },
      annotations: {
        "serving.kserve.io/deploymentMode": "RawDeployment",
        // So that KServe keeps the number of pods that it is given.
        "serving.kserve.io/autoscalerClass": "none",
      },
      ownerReferences: [ownerReference(secureModel, model)],
    },
    spec: {
      predictor: {
        ...spec,
        ...metadata,
        minReplicas: replicas,
        // With 0 KServe would take it for no limit.
        maxReplicas: Math.max(1, replicas),
        deploymentStrategy: podReplacement(model),
      },
    },
  } as KubeObject;
}

/** KServe looks at each InferenceService before it is written: while it is away, that is said. */
export function isOfKServesWebhook(running: ModelRevision, error: unknown): error is KubeError {
  if (kindOf(running) === "Deployment" || !isKubeError(error, "Unavailable")) return false;
  return error.reason === "InternalError" && error.message.includes("webhook");
}
