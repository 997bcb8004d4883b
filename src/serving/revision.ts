import { createHash } from "node:crypto";
import {
  API_VERSION,
  type ModelRevision,
  type ModelRevisionSpec,
  type SecureModel,
  modelRevision,
  ownerReference,
  secureModel,
} from "../api/index.ts";
import { AUTHOR_ANNOTATION, MODEL_LABEL } from "../admission/index.ts";
import { drainSecondsOf } from "./drain.ts";

/** What the source of a model resolved to. */
export interface Artifact {
  /** The normalised repository, without tag or digest. */
  readonly repository: string;
  readonly digest: string;
  readonly platformDigests: readonly string[];
}

/** The identity of a revision: the whole serving spec and the resolved digest. Replicas are no part of it. */
export function revisionHash(model: SecureModel, artifact: Pick<Artifact, "repository" | "digest">): string {
  return hashOf({ serving: servingOf(model), artifact, ...pullingOf(model) });
}

/** A name has room for a part of the hash only: whoever finds a revision by name also compares the whole. */
export function revisionName(model: SecureModel, artifact: Artifact): string {
  return `${model.metadata.name}-${revisionHash(model, artifact).slice(0, 10)}`;
}

/** Whether a revision is what the model asks for; computed from what it holds, not from what it says of itself. */
export function isRevisionOf(revision: ModelRevision, model: SecureModel, artifact: Artifact): boolean {
  return revision.spec.model === model.metadata.name && hashOf(revision.spec) === revisionHash(model, artifact);
}

function hashOf({
  serving,
  artifact,
  pullSecrets,
  serviceAccountName,
}: Pick<ModelRevisionSpec, "serving" | "pullSecrets" | "serviceAccountName"> & {
  readonly artifact: Pick<Artifact, "repository" | "digest">;
}): string {
  const { kind, template, modelMountPath, port, drain } = serving;
  const { repository, digest } = artifact;
  const identity = { kind, template, modelMountPath, port, drain, repository, digest, pullSecrets, serviceAccountName };
  return createHash("sha256").update(canonicalJson(identity)).digest("hex");
}

/** As the spec says it: a default would make another revision of what runs, whenever it changes. */
function servingOf(model: SecureModel): ModelRevisionSpec["serving"] {
  const { kind, template, modelMountPath, port, drain } = model.spec.workload.managed;
  return {
    // Whether a Deployment is written or meant makes no other revision.
    ...(kind === "InferenceService" ? { kind } : {}),
    template,
    modelMountPath,
    port,
    ...(drain === undefined ? {} : { drain }),
  };
}

function pullingOf(model: SecureModel): Pick<ModelRevisionSpec, "pullSecrets" | "serviceAccountName"> {
  const { pullSecrets = [], serviceAccountName } = model.spec.source.oci ?? {};
  return { pullSecrets, ...(serviceAccountName === undefined ? {} : { serviceAccountName }) };
}

/** The ModelRevision for what the model asks for now. `number` counts up from the newest one there is. */
export function newRevision(model: SecureModel, artifact: Artifact, existing: readonly ModelRevision[]): ModelRevision {
  const spec: ModelRevisionSpec = {
    model: model.metadata.name,
    number: Math.max(0, ...existing.map((revision) => revision.spec.number)) + 1,
    hash: revisionHash(model, artifact),
    artifact: {
      repository: artifact.repository,
      digest: artifact.digest,
      platformDigests: [...artifact.platformDigests],
    },
    serving: servingOf(model),
    drainSeconds: drainSecondsOf(model),
    ...pullingOf(model),
  };
  const author = model.metadata.annotations?.[AUTHOR_ANNOTATION];
  return {
    apiVersion: API_VERSION,
    kind: modelRevision.resource.kind,
    metadata: {
      name: revisionName(model, artifact),
      namespace: model.metadata.namespace ?? "",
      labels: { [MODEL_LABEL]: model.metadata.name },
      ...(author === undefined ? {} : { annotations: { [AUTHOR_ANNOTATION]: author } }),
      ownerReferences: [ownerReference(secureModel, model)],
    },
    spec,
  };
}

/** Revisions beyond the history limit, oldest first; the ones in use are never among them. Pure. */
export function surplusRevisions(
  revisions: readonly ModelRevision[],
  inUse: ReadonlySet<string>,
  historyLimit: number,
): readonly ModelRevision[] {
  const idle = revisions.filter((revision) => !inUse.has(revision.metadata.name));
  return idle.toSorted((a, b) => a.spec.number - b.spec.number).slice(0, Math.max(0, idle.length - historyLimit));
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, child]) => child !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`).join(",")}}`;
}
