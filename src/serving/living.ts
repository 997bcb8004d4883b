/** What of a model is there, whatever makes its pods: all else in this room reads it as Deployments. Pure. */
import { MODEL_LABEL } from "../admission/index.ts";
import type { SecureModel } from "../api/index.ts";
import type { KubeObject } from "../kube/index.ts";
import { type InferenceServiceObject, inferenceServiceType } from "./inference-service.ts";
import { type DeploymentObject, revisionRunBy } from "./workload.ts";

/** By its owner: a label can be worn by others. */
export function isOf({ metadata }: KubeObject, model: SecureModel): boolean {
  const { name, uid } = model.metadata;
  if (metadata.labels?.[MODEL_LABEL] !== name) return false;
  return metadata.name === name || metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}

/** The Deployments that the operator has made, and the InferenceServices with what KServe has made of them. */
export function workloadsOf(
  model: SecureModel,
  deployments: readonly DeploymentObject[],
  services: readonly InferenceServiceObject[],
): readonly DeploymentObject[] {
  return [
    ...deployments.filter((one) => isOf(one, model)),
    ...services.filter((one) => isOf(one, model)).map((one) => asDeployment(one, deployments)),
  ];
}

/** What KServe has made for the model and nobody owns any more: the garbage collector takes it, a quarantine does not wait for it. */
export function orphansOf(
  { metadata: { name } }: SecureModel,
  deployments: readonly DeploymentObject[],
  services: readonly InferenceServiceObject[],
): readonly DeploymentObject[] {
  const owners = new Set(services.map(({ metadata }) => metadata.uid));
  return deployments.filter(({ metadata: { labels, ownerReferences = [] } }) => {
    const owner = ownerReferences.find(isInferenceService);
    return labels?.[MODEL_LABEL] === name && owner !== undefined && !owners.has(owner.uid);
  });
}

function isInferenceService({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): boolean {
  return kind === inferenceServiceType.kind && apiVersion.startsWith(`${inferenceServiceType.group}/`);
}

/**
 * It runs the revision that it was given last. Until KServe has passed it on, what its Deployment says is said of the revision
 * before.
 */
function asDeployment(applied: InferenceServiceObject, deployments: readonly DeploymentObject[]): DeploymentObject {
  const { metadata } = applied;
  const made = deployments.filter(({ metadata: { ownerReferences = [] } }) =>
    ownerReferences.some(({ uid }) => uid === metadata.uid),
  );
  const kserve = { applied, made };
  // One that goes makes no pods: KServe does not look at it any more.
  if (metadata.deletionTimestamp !== undefined) return { metadata, kserve, ...statusOf(made.at(0)) };
  const given: DeploymentObject = {
    metadata,
    kserve,
    spec: { template: { metadata: { labels: applied.spec?.predictor?.labels ?? {} } } },
  };
  const [deployment] = made;
  if (deployment === undefined) return { ...given, status: { conditions: [notMade(applied)] } };
  const isPassedOn =
    revisionRunBy(deployment) === revisionRunBy(given) &&
    deployment.status?.observedGeneration === deployment.metadata.generation;
  const { status = {} } = deployment;
  return {
    ...given,
    status: { ...status, ...(isPassedOn ? {} : { updatedReplicas: 0 }), observedGeneration: metadata.generation ?? 0 },
  };
}

function statusOf(deployment: DeploymentObject | undefined): Pick<DeploymentObject, "status"> {
  return deployment?.status === undefined ? {} : { status: { ...deployment.status, updatedReplicas: 0 } };
}

/** In the words of a Deployment that cannot make pods. */
function notMade({ metadata: { name }, status }: InferenceServiceObject) {
  const says = status?.conditions?.find(({ type, message }) => type === "PredictorReady" && message !== undefined);
  const why = says?.message === undefined ? `kubectl describe isvc ${name} may say why` : says.message;
  return { type: "ReplicaFailure", status: "True", message: `KServe has made no Deployment of it yet: ${why}` };
}
