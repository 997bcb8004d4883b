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
  sleep,
} from "../kube/index.ts";
import { outlivesQuarantine, quarantineGrace } from "./drain.ts";
import { quarantineSnapshot } from "./snapshot.ts";
import type { Fleet } from "./fleet.ts";
import { type Traffic, direct, splitOf } from "./traffic.ts";
import { inferenceService, inferenceServiceType } from "./inference-service.ts";
import { type DeploymentObject, FIELD_MANAGER, deployment, isWorkload, kindOf, probePod } from "./workload.ts";

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
  /** All Deployments and InferenceServices of the model. */
  readonly deployments: readonly DeploymentObject[];
  /** What KServe has made for it, where the InferenceService is gone. */
  readonly orphans: readonly DeploymentObject[];
  /** All Services of the model. */
  readonly services: readonly KubeObject[];
  /** All pods of the model, of whatever revision. */
  readonly pods: readonly KubeObject[];
}

/**
 * Requests are led to those that are to answer, and the Deployments are as they are to be. Nobody is led to pods that come and may
 * not answer yet, nor to those that go.
 */
export async function run(
  client: ObjectClient,
  model: SecureModel,
  { fleet, living, traffic, answering }: Running,
): Promise<void> {
  // Where more than what comes and what serves is to answer, all pods do: none of those that go may be among them.
  if (fleet.kept !== undefined) for (const one of fleet.surplus) await removeWorkload(client, one);
  await direct(client, traffic, traffic.driver.objects(model, splitOf(model, fleet, answering)));
  for (const workload of fleet.workloads) {
    const known = living.deployments.find((one) => isWorkload(one, workload));
    const [type, desired] =
      kindOf(workload.revision) === "Deployment"
        ? [deploymentType, deployment(model, workload)]
        : [inferenceServiceType, inferenceService(model, workload)];
    await applyChanges(client, type, { desired, living: known?.kserve?.applied ?? known }, FIELD_MANAGER);
  }
  if (fleet.kept === undefined) for (const one of fleet.surplus) await removeWorkload(client, one);
}

interface Running {
  readonly fleet: Fleet;
  readonly living: LivingWorkload;
  readonly traffic: Traffic;
  /** The revision whose pods answer now. */
  readonly answering: ModelRevision;
}

/** With its pods, in the background. An InferenceService before what KServe made of it, or that would be made again. */
async function removeWorkload(client: ObjectClient, { metadata, kserve }: DeploymentObject): Promise<void> {
  if (kserve === undefined) return removeDeployment(client, metadata);
  const { name, namespace = "" } = metadata;
  await client.remove(inferenceServiceType, { namespace, name }, { propagationPolicy: "Background" });
  // Its finalizer is KServe's, and may be waited for as long as KServe is away.
  for (const made of kserve.made) await removeDeployment(client, made.metadata);
}

async function removeDeployment(client: ObjectClient, { name, namespace = "" }: KubeObject["metadata"]): Promise<void> {
  await client.remove(deploymentType, { namespace, name }, { propagationPolicy: "Background" });
}

export interface TearDown {
  readonly living: LivingWorkload;
  readonly traffic: Traffic;
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
  { living, traffic, port, now, log }: TearDown,
): Promise<boolean> {
  const steps = new Steps();
  await steps.take(() => direct(client, traffic, traffic.driver.quarantined(model, port)));
  // Those that drain too.
  const ended = living.pods.filter((pod) => outlivesQuarantine(pod, now));
  const kept = ended.length > 0 && (await keepSnapshot(client, model, ended, { now, log }));
  // Before the pods, or they would make new ones; those the API server refuses, but they would be tried.
  for (const one of living.deployments) await steps.take(() => removeWorkload(client, one));
  for (const { metadata } of living.orphans) await steps.take(() => removeDeployment(client, metadata));
  await removePods(client, ended, steps);
  steps.finish();
  return kept;
}

/**
 * Ends the pods of revisions that must not run any more, while another one of the model may, and what would make new ones. A pod
 * that was seen alive, and has begun to end since, is left to it: it was superseded, and drains.
 */
export async function endRevoked(
  client: ObjectClient,
  model: SecureModel,
  { pods, deployments }: Pick<LivingWorkload, "pods" | "deployments">,
  context: { readonly now: Date; readonly log: Logger },
): Promise<void> {
  const steps = new Steps();
  for (const one of deployments) await steps.take(() => removeWorkload(client, one));
  const ended: KubeObject[] = [];
  for (const pod of pods) if (!isAlive(pod) || (await isStillAlive(client, pod))) ended.push(pod);
  if (ended.length > 0) await keepSnapshot(client, model, ended, context);
  await removePods(client, ended, steps);
  steps.finish();
}

/** In their own time, and as they end by themselves. */
export async function endSuperseded(client: ObjectClient, pods: readonly KubeObject[]): Promise<void> {
  for (const pod of pods) {
    const { name, namespace = "", uid } = pod.metadata;
    if (!(await isStillAlive(client, pod))) continue;
    await client.remove(podType, { namespace, name }, uid === undefined ? {} : { uid });
  }
}

/** Asked of the API server: a cache can be behind. */
async function isStillAlive(client: ObjectClient, { metadata }: KubeObject): Promise<boolean> {
  const { name, namespace = "", uid } = metadata;
  const living = await client.get(podType, { name, namespace });
  return living !== undefined && living.metadata.uid === uid && isAlive(living);
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
  for (const pod of pods) {
    const { name, namespace = "", uid } = pod.metadata;
    const options = { gracePeriodSeconds: quarantineGrace(pod), ...(uid === undefined ? {} : { uid }) };
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
