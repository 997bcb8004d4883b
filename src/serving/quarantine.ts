import { type SecureModel, secureModel } from "../api/index.ts";
import { type KubeError, isKubeError } from "../kube/index.ts";
import { endRevoked, tearDown } from "./actions.ts";
import type { Plan } from "./decide.ts";
import type { Desk } from "./desk.ts";
import { outlivesQuarantine } from "./drain.ts";
import { modelGrantFact, verdictFacts } from "./evidence.ts";
import { withdrawOne } from "./grants.ts";
import { type Active, type Judgements, outcomeOf } from "./outcome.ts";
import { settleRevisions } from "./settle.ts";
import { type Outcome, modelStatus } from "./status.ts";
import { type Traffic, direct, readTraffic } from "./traffic.ts";
import { revisionOf, revisionRunBy } from "./workload.ts";

/** Of the Service of a model of which no revision is known. */
const defaultPort = 8080;

/** Whether the active revision had to be ended, with all of the model, and something of it still stood. */
export async function endIfRevoked(desk: Desk, { revision, judgement }: Active): Promise<boolean> {
  if (judgement.standing !== "Quarantine") return false;
  const { model, living, client, signal, now, log } = desk;
  desk.record(() => verdictFacts(model, judgement.verdict));
  await withdrawOne(desk.deps.grants, model, revision, signal);
  const { name } = revision.metadata;
  const own = living.deployments.filter((deployment) => revisionRunBy(deployment) === name);
  const pods = living.pods.filter((pod) => outlivesQuarantine(pod, now) && revisionOf(pod) === name);
  if (own.length === 0 && pods.length === 0) return false;
  if (living.deployments.length > own.length) {
    // Another revision is on its way: its pods stay.
    await endRevoked(client, model, { pods, deployments: own }, { now, log });
    return false;
  }
  const { reason, message } = judgement.verdict;
  const plan: Plan = { grant: [], ready: { status: "False", reason, message }, complete: false };
  desk.record(() => [modelGrantFact([], { reason, message })]);
  const rolledBack = model.status?.rollback !== undefined;
  const seen = { plan, ready: plan.ready, desired: judgement, running: undefined, rolledBack };
  await quarantine(desk, outcomeOf(desk, seen), new Map([[name, judgement]]));
  return true;
}

/** The status first: a quarantine that is cut short is one all the same. One that cannot be written ends no less. */
export async function quarantine(desk: Desk, outcome: Outcome, judgements: Judgements): Promise<void> {
  let unwritten: KubeError | undefined;
  try {
    await writeQuarantine(desk, outcome);
  } catch (error) {
    if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
    unwritten = error;
  }
  const status = modelStatus(desk.model, outcome, desk.now);
  const kept = await tearDownAll(desk);
  await settleRevisions(desk, { status, outcome, judgements, desired: undefined });
  // What could not be said before is said now: no later pass would know of it.
  if (unwritten !== undefined) await writeQuarantine(desk, outcome);
  // What was promised and could not be kept.
  if (!kept && outcome.snapshot !== undefined)
    await desk.writeStatus(modelStatus(desk.model, { ...outcome, snapshot: undefined }, desk.now));
}

/** When it is over nothing stands any more, and no later pass would know of it: so it is written over what is there. */
async function writeQuarantine(desk: Desk, outcome: Outcome): Promise<void> {
  try {
    await desk.writeStatus(modelStatus(desk.model, outcome, desk.now));
  } catch (error) {
    if (!isKubeError(error, "Conflict")) throw error;
    const living = await desk.client.get<SecureModel>(secureModel.resource, desk.model.metadata);
    if (living === undefined) return;
    const { status } = living;
    desk.model = { ...desk.model, ...(status === undefined ? {} : { status }) };
    desk.resourceVersion = living.metadata.resourceVersion;
    await desk.writeStatus(modelStatus(desk.model, outcome, desk.now));
  }
}

/** Nothing stands any more, but the quarantine that ended it may have failed to take the endpoint away. */
export async function keepUnreached(desk: Desk, traffic: Traffic): Promise<void> {
  const port = desk.active()?.spec.serving.port ?? defaultPort;
  await direct(desk.client, traffic, traffic.driver.quarantined(desk.model, port));
}

/** Returns whether the snapshot is kept. */
export async function tearDownAll(desk: Desk): Promise<boolean> {
  const { client, model, living, now, log } = desk;
  const port = desk.active()?.spec.serving.port ?? defaultPort;
  return tearDown(client, model, { living, traffic: await readTraffic(desk), port, now, log });
}
