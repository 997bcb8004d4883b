import type { ModelRevision, SecureModel, TemplateContainer } from "../api/index.ts";
import { MODEL_LABEL, REVISION_LABEL } from "../admission/index.ts";
import {
  type KubeObject,
  type ResourceType,
  apiVersionOf,
  deploymentType,
  podType,
  serviceType,
} from "../kube/index.ts";
import { ownerReference } from "./revision.ts";

/** Of a Deployment, what this room reads. */
export interface DeploymentObject extends KubeObject {
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
  return {
    metadata: {
      labels: { ...metadata?.labels, ...modelLabels(model), [REVISION_LABEL]: revision.metadata.name },
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
    },
    spec: {
      ...spec,
      containers: spec.containers.map(container),
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

export function deployment(model: SecureModel, revision: ModelRevision, replicas: number): KubeObject {
  const template = podTemplate(revision);
  return object(deploymentType, model, {
    replicas,
    // The old pods serve until the new ones answer.
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    revisionHistoryLimit: 2,
    selector: { matchLabels: modelLabels(model.metadata.name) },
    template,
  });
}

/** A quarantined model keeps its Service, so that its address stays, and the Service has no endpoint. */
export function service(
  model: SecureModel,
  { open, port }: { readonly open: boolean; readonly port: number },
): KubeObject {
  return object(serviceType, model, {
    type: "ClusterIP",
    // No model can have that name, so nothing is selected.
    selector: modelLabels(open ? model.metadata.name : "QUARANTINED"),
    ports: [{ name: "http", port: 80, targetPort: port, protocol: "TCP" }],
  });
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

function object(type: ResourceType, model: SecureModel, spec: unknown): KubeObject {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name: model.metadata.name,
      namespace: model.metadata.namespace ?? "",
      labels: modelLabels(model.metadata.name),
      ownerReferences: [ownerReference(model)],
    },
    spec,
  } as KubeObject;
}
