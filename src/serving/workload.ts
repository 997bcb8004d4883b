import {
  type ModelRevision,
  type SecureModel,
  type TemplateContainer,
  type WorkloadKind,
  ownerReference,
  secureModel,
} from "../api/index.ts";
import { MODEL_LABEL, REVISION_LABEL } from "../admission/index.ts";
import { type KubeObject, apiVersionOf, deploymentType, podType } from "../kube/index.ts";
import { drainOf } from "./drain.ts";

export const FIELD_MANAGER = "mlsecops-serving";

/** Of a Deployment, or of what KServe runs in its place, what this room reads. */
export interface DeploymentObject extends KubeObject {
  /** Where KServe runs it; all else is said of it as of a Deployment (./living.ts). */
  readonly kserve?: KServed;
  readonly spec?: {
    readonly template?: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

/** An InferenceService, and what KServe has made of it. */
export interface KServed {
  readonly applied: KubeObject;
  readonly made: readonly DeploymentObject[];
}

/** A Deployment, or an InferenceService, that is to be there. */
export interface Workload {
  readonly revision: ModelRevision;
  readonly name: string;
  readonly replicas: number;
}

/** The name of the image volume with the verified model. */
const MODEL_VOLUME = "model";

/** Labels of all pods of a model; the Service and the scale subresource select by them. */
export function modelLabels(model: string): Record<string, string> {
  return { "app.kubernetes.io/managed-by": "mlsecops-operator", [MODEL_LABEL]: model };
}

/** The name of the revision that a pod is of. */
export function revisionOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[REVISION_LABEL];
}

/** The name of the revision that a Deployment makes pods of. */
export function revisionRunBy(deployment: DeploymentObject | undefined): string | undefined {
  return deployment?.spec?.template?.metadata?.labels?.[REVISION_LABEL];
}

/** The Deployment that makes pods of a revision. */
export function deploymentRunning(
  deployments: readonly DeploymentObject[],
  revision: string | undefined,
): DeploymentObject | undefined {
  return deployments.find((deployment) => revision !== undefined && revisionRunBy(deployment) === revision);
}

/** What runs the pods of a revision. */
export function kindOf({ spec }: Pick<ModelRevision, "spec">): WorkloadKind {
  return spec.serving.kind ?? "Deployment";
}

/** Whether KServe runs, or is to run, anything of a model. Also of one whose spec cannot be read. */
export function isOnKServe(model: SecureModel, revisions: readonly ModelRevision[]): boolean {
  const spec = model.spec as
    { readonly workload?: { readonly managed?: { readonly kind?: unknown } } } | null | undefined;
  return (
    spec?.workload?.managed?.kind === "InferenceService" || revisions.some((one) => kindOf(one) === "InferenceService")
  );
}

/** Whether it is what runs, or is to run, a revision under this name: both kinds may be there under one. */
export function isWorkload(
  { kserve, metadata }: DeploymentObject,
  { revision, name }: Pick<Workload, "revision" | "name">,
): boolean {
  return metadata.name === name && kindOf(revision) === (kserve === undefined ? "Deployment" : "InferenceService");
}

/** How many pods of the template that a Deployment has now answer. */
export function availableOf(deployment: DeploymentObject | undefined): number {
  const { status, metadata } = deployment ?? {};
  if (status === undefined || status.observedGeneration !== metadata?.generation) return 0;
  return Math.min(status.availableReplicas ?? 0, status.updatedReplicas ?? 0);
}

export function podSelector(model: string): string {
  return Object.entries(modelLabels(model))
    .map(([label, value]) => `${label}=${value}`)
    .join(",");
}

/** The pod template of a revision: what the user wrote, the model mounted read-only, and the restricted defaults. */
export function podTemplate(revision: ModelRevision) {
  const { serving, artifact, model, pullSecrets } = revision.spec;
  const { metadata, spec } = serving.template;
  const mount = { name: MODEL_VOLUME, mountPath: serving.modelMountPath, readOnly: true };
  const container = (template: TemplateContainer) => ({
    ...template,
    volumeMounts: [...(template.volumeMounts ?? []), mount],
    securityContext: {
      ...template.securityContext,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
  });
  const reference = `${artifact.repository}@${artifact.digest}`;
  const drain = drainOf(revision.spec);
  return {
    metadata: {
      labels: { ...metadata?.labels, ...modelLabels(model), [REVISION_LABEL]: revision.metadata.name },
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
    },
    spec: {
      ...spec,
      ...drain.pod,
      containers: spec.containers.map((template) => ({ ...container(template), ...drain.container })),
      ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(container) }),
      volumes: [...(spec.volumes ?? []), { name: MODEL_VOLUME, image: { reference, pullPolicy: "IfNotPresent" } }],
      // A list keyed by name: what is named twice would be refused.
      imagePullSecrets: [...new Set([...(spec.imagePullSecrets ?? []), ...pullSecrets].map(({ name }) => name))].map(
        (name) => ({ name }),
      ),
      serviceAccountName: "default",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        ...spec.securityContext,
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      },
    },
  };
}

/** One that has the model's name makes pods of one revision after the other; any other one of its own revision only. */
export function deployment(model: SecureModel, { revision, name, replicas }: Workload): KubeObject {
  const labels = modelLabels(model.metadata.name);
  const isOwn = name !== model.metadata.name;
  return {
    apiVersion: apiVersionOf(deploymentType),
    kind: deploymentType.kind,
    metadata: {
      name,
      namespace: model.metadata.namespace ?? "",
      labels,
      ownerReferences: [ownerReference(secureModel, model)],
    },
    spec: {
      replicas,
      strategy: podReplacement(model),
      revisionHistoryLimit: 2,
      selector: { matchLabels: isOwn ? { ...labels, [REVISION_LABEL]: revision.metadata.name } : labels },
      template: podTemplate(revision),
    },
  } as KubeObject;
}

/** How pods of one revision take the place of those of another within one Deployment. */
export function podReplacement({ spec }: SecureModel): object {
  if (spec.strategy.type === "Recreate") return { type: "Recreate" };
  // The old pods serve until the new ones answer.
  return { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
}

/** The pod that a ReplicaSet would create: asked of the API server as a dry run before anything is scaled. */
export function probePod(revision: ModelRevision): KubeObject {
  const { metadata, spec } = podTemplate(revision);
  return {
    apiVersion: apiVersionOf(podType),
    kind: podType.kind,
    metadata: { ...metadata, name: `${revision.metadata.name}-probe`, namespace: revision.metadata.namespace ?? "" },
    spec,
  } as KubeObject;
}
