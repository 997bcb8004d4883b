import { type ModelRevision, type SecureModel, modelRevision } from "../api/index.ts";
import { type GrantStore, contribute, grantedRevision } from "../admission/index.ts";
import {
  type Clock,
  type KubeObject,
  type Logger,
  type ObjectClient,
  applyChanges,
  deploymentType,
  isKubeError,
  podType,
  serviceType,
  sleep,
} from "../kube/index.ts";
import { quarantineSnapshot } from "./snapshot.ts";
import { type DeploymentObject, deployment, podTemplate, probePod, service } from "./workload.ts";

export const FIELD_MANAGER = "mlsecops-serving";

/** A quarantined pod has this long to end, whatever its own grace is. */
const quarantineGraceSeconds = 10;
/** How long a grant may take from etcd to the admission policies of every API server: pauses between the questions. */
const admissionPausesMs = [50, 100, 200, 400, 800];

export interface GrantedModelRevision {
  readonly revision: ModelRevision;
  readonly notAfter: Date;
}

/** Grants exactly these revisions of the model, and withdraws every other one. */
export async function publishGrant(
  grants: Pick<GrantStore, "change">,
  model: KubeObject,
  granted: readonly GrantedModelRevision[],
  signal: AbortSignal,
): Promise<void> {
  const uses = granted.flatMap(({ revision, notAfter }) =>
    [revision.spec.artifact.digest, ...revision.spec.artifact.platformDigests].map((digest) => ({
      digest,
      use: "imageVolume" as const,
      notAfter,
    })),
  );
  const revisions = Object.fromEntries(
    granted.map(({ revision }) => [
      revision.metadata.name,
      grantedRevision(revision.spec.model, podTemplate(revision).spec),
    ]),
  );
  const owner = { kind: "SecureModel", name: model.metadata.name } as const;
  await grants.change(model.metadata.namespace ?? "", (grant) => contribute(grant, owner, { uses, revisions }), {
    signal,
  });
}

export async function createRevision(client: ObjectClient, revision: ModelRevision): Promise<ModelRevision> {
  try {
    return await client.create(modelRevision.resource, revision);
  } catch (error) {
    // Ours from a pass before a crash; its name is its content.
    if (!isKubeError(error, "AlreadyExists")) throw error;
    return revision;
  }
}

/**
 * What the API server has against a pod of the revision; undefined when it would be admitted. Asked before anything is
 * scaled, so that a version that cannot start never replaces one that serves. `patient` gives a new grant its time.
 */
export async function refusalOf(
  client: ObjectClient,
  revision: ModelRevision,
  { clock, signal, patient }: { readonly clock: Clock; readonly signal: AbortSignal; readonly patient: boolean },
): Promise<string | undefined> {
  for (const pauseMs of [...(patient ? admissionPausesMs : []), undefined]) {
    try {
      await client.create(podType, probePod(revision), { dryRun: true });
      return undefined;
    } catch (error) {
      if (!isKubeError(error, "Forbidden") && !isKubeError(error, "Invalid")) throw error;
      if (pauseMs === undefined || !(await sleep(clock, pauseMs, signal))) return error.message;
    }
  }
  return undefined;
}

export interface LivingWorkload {
  readonly deployment: DeploymentObject | undefined;
  readonly service: KubeObject | undefined;
  /** All pods of the model, of whatever revision. */
  readonly pods: readonly KubeObject[];
}

/** The Deployment runs the revision, and the Service leads to it. */
export async function run(
  client: ObjectClient,
  model: SecureModel,
  revision: ModelRevision,
  living: LivingWorkload,
): Promise<void> {
  const desired = deployment(model, revision, model.spec.replicas);
  await applyChanges(client, deploymentType, { desired, living: living.deployment }, FIELD_MANAGER);
  await applyChanges(client, serviceType, { desired: service(model, true), living: living.service }, FIELD_MANAGER);
}

/**
 * Quarantine, after the grant is gone and the status says so: no endpoint, then the snapshot, then no pod. Safe to repeat
 * from any point. Returns whether the snapshot could be kept: what cannot be written down does not hold a quarantine up.
 */
export async function tearDown(
  client: ObjectClient,
  model: SecureModel,
  living: LivingWorkload,
  { now, log }: { readonly now: Date; readonly log: Logger },
): Promise<boolean> {
  const { name, namespace = "" } = model.metadata;
  await applyChanges(client, serviceType, { desired: service(model, false), living: living.service }, FIELD_MANAGER);
  const alive = living.pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  let kept = alive.length > 0;
  if (kept) {
    try {
      await quarantineSnapshot(client, model, alive, now);
    } catch (error) {
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      log.warn({ err: error }, "the snapshot of a quarantined model cannot be kept");
      kept = false;
    }
  }
  // Before the pods, or it would make new ones; those the API server refuses, but they would be tried.
  if (living.deployment !== undefined) {
    await client.remove(deploymentType, { namespace, name }, { propagationPolicy: "Background" });
  }
  for (const pod of alive) {
    const { uid } = pod.metadata;
    await client.remove(
      podType,
      { namespace, name: pod.metadata.name },
      { gracePeriodSeconds: quarantineGraceSeconds, ...(uid === undefined ? {} : { uid }) },
    );
  }
  return kept;
}

export async function removeRevisions(client: ObjectClient, revisions: readonly ModelRevision[]): Promise<void> {
  for (const { metadata } of revisions) {
    const { namespace = "", name, uid } = metadata;
    await client.remove(modelRevision.resource, { namespace, name }, uid === undefined ? {} : { uid });
  }
}
