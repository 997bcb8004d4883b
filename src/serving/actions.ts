import { type ModelRevision, type SecureModel, modelRevision } from "../api/index.ts";
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
import { type DeploymentObject, deployment, probePod, service } from "./workload.ts";

export const FIELD_MANAGER = "mlsecops-serving";

/** A quarantined pod has this long to end, whatever its own grace is. */
const quarantineGraceSeconds = 10;
/** How long a grant may take from etcd to the admission policies of every API server: pauses between the questions. */
const admissionPausesMs = [50, 100, 200, 400, 800];

/** Creates the revision, or returns the one of that name: perhaps ours from a pass before a crash. */
export async function createRevision(client: ObjectClient, revision: ModelRevision): Promise<ModelRevision> {
  try {
    return await client.create(modelRevision.resource, revision);
  } catch (error) {
    if (!isKubeError(error, "AlreadyExists")) throw error;
    const living = await client.get<ModelRevision>(modelRevision.resource, revision.metadata);
    if (living === undefined) throw error;
    return living;
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

/** The Deployment runs the revision, and the Service leads to the port that is given. */
export async function run(
  client: ObjectClient,
  model: SecureModel,
  {
    revision,
    port,
    living,
  }: { readonly revision: ModelRevision; readonly port: number; readonly living: LivingWorkload },
): Promise<void> {
  const desired = deployment(model, revision, model.spec.replicas);
  await applyChanges(client, deploymentType, { desired, living: living.deployment }, FIELD_MANAGER);
  const open = service(model, { open: true, port });
  await applyChanges(client, serviceType, { desired: open, living: living.service }, FIELD_MANAGER);
}

export interface TearDown {
  readonly living: LivingWorkload;
  /** Of the Service, which stays and selects nothing. */
  readonly port: number;
  readonly now: Date;
  readonly log: Logger;
}

/**
 * Quarantine, after the grant is gone: no endpoint, then the snapshot, then no pod. Safe to repeat from any point. One step
 * that fails does not keep the others from being taken. Returns whether the snapshot is kept.
 * @throws the first error, after all steps.
 */
export async function tearDown(
  client: ObjectClient,
  model: SecureModel,
  { living, port, now, log }: TearDown,
): Promise<boolean> {
  const { name, namespace = "" } = model.metadata;
  const steps = new Steps();
  const closed = service(model, { open: false, port });
  await steps.take(() => applyChanges(client, serviceType, { desired: closed, living: living.service }, FIELD_MANAGER));
  const alive = living.pods.filter(isAlive);
  const kept = alive.length > 0 && (await keepSnapshot(client, model, alive, { now, log }));
  if (living.deployment !== undefined) {
    // Before the pods, or it would make new ones; those the API server refuses, but they would be tried.
    const options = { propagationPolicy: "Background" } as const;
    await steps.take(() => client.remove(deploymentType, { namespace, name }, options));
  }
  await removePods(client, alive, steps);
  steps.finish();
  return kept;
}

/** Ends the pods of revisions that must not run any more, while another one of the model may. */
export async function endRevokedPods(
  client: ObjectClient,
  model: SecureModel,
  pods: readonly KubeObject[],
  context: { readonly now: Date; readonly log: Logger },
): Promise<void> {
  if (pods.length === 0) return;
  await keepSnapshot(client, model, pods, context);
  const steps = new Steps();
  await removePods(client, pods, steps);
  steps.finish();
}

export function isAlive({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined;
}

/** What cannot be written down does not hold a quarantine up. */
async function keepSnapshot(
  client: ObjectClient,
  model: SecureModel,
  pods: readonly KubeObject[],
  { now, log }: { readonly now: Date; readonly log: Logger },
): Promise<boolean> {
  try {
    await quarantineSnapshot(client, model, pods, now);
    return true;
  } catch (error) {
    if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
    log.warn({ err: error }, "the snapshot of a quarantined model cannot be kept");
    return false;
  }
}

async function removePods(client: ObjectClient, pods: readonly KubeObject[], steps: Steps): Promise<void> {
  for (const { metadata } of pods) {
    const { name, namespace = "", uid } = metadata;
    const options = { gracePeriodSeconds: quarantineGraceSeconds, ...(uid === undefined ? {} : { uid }) };
    await steps.take(() => client.remove(podType, { namespace, name }, options));
  }
}

/** Steps that are all taken, whichever fails. */
class Steps {
  readonly #errors: unknown[] = [];

  async take(step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (isKubeError(error, "Fenced", "Aborted")) throw error;
      this.#errors.push(error);
    }
  }

  /** @throws the first error. */
  finish(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}

export async function removeRevisions(client: ObjectClient, revisions: readonly ModelRevision[]): Promise<void> {
  for (const { metadata } of revisions) {
    const { namespace = "", name, uid } = metadata;
    await client.remove(modelRevision.resource, { namespace, name }, uid === undefined ? {} : { uid });
  }
}
