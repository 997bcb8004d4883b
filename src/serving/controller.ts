import {
  type ModelRevision,
  type RolloutStatus,
  type SecureModel,
  type VerdictStatus,
  parseObject,
  parseStatus,
  secureModel,
} from "../api/index.ts";
import { deleted } from "../governance/index.ts";
import {
  type KubeObject,
  type ReconcileContext,
  type ReconcileResult,
  ensureFinalizer,
  isKubeError,
  removeFinalizer,
} from "../kube/index.ts";
import { httpRouteNotServed } from "../traffic/index.ts";
import { nextCheckMs, parseDuration } from "../trust/index.ts";
import { endRevoked, endSuperseded, isAlive, refusalOf, run } from "./actions.ts";
import { conditionOf } from "./announce.ts";
import { type Hold, type Plan, type ReadyState, decideServing } from "./decide.ts";
import type { ServingDependencies } from "./dependencies.ts";
import { Desk } from "./desk.ts";
import { droppedOf } from "./dropped.ts";
import { activeFact, modelGrantFact, verdictFacts } from "./evidence.ts";
import { type Fleet, fleetOf, straight, trafficOf, weightsOf } from "./fleet.ts";
import {
  type DesiredJudgement,
  type Rollout,
  holdOf,
  isServedUnsecured,
  judgeDesired,
  judgeRevision,
  rolloutOf,
  ungrantedImages,
} from "./gather.ts";
import { publishGrant } from "./grants.ts";
import { isOfKServesWebhook, kserveMissing } from "./inference-service.ts";
import { type Active, outcomeOf } from "./outcome.ts";
import { endIfRevoked, keepUnreached, quarantine, tearDownAll } from "./quarantine.ts";
import { latchedBy, standingLatch } from "./latch.ts";
import { pauseEndMs, pausedBy } from "./orders.ts";
import { desiredRevision, settleRevisions } from "./settle.ts";
import { type StagePlan, isStaged } from "./stages.ts";
import { approvalHold, stageOf } from "./staging.ts";
import { type Traffic, readTraffic } from "./traffic.ts";
import { type Halt, haltedStatus, modelStatus } from "./status.ts";
import { type Course, turnBack } from "./turning.ts";
import { deploymentRunning, kindOf, revisionOf } from "./workload.ts";

const FINALIZER = "mlsecops.io/model";
/** What these wait for (a pull, a quota, the grant reaching the API server) does not always make an event. */
const polled: readonly string[] = ["RollingOut", "PodRefused", "WorkloadRefused", "RuntimeNotGranted", "KServeMissing"];
const unreadyRetryMs = 10_000;
const minRenewalMs = 1_000;
/** Until the caches show what a teardown has done. */
const teardownRetryMs = 1_000;

/** Brings what runs to what a SecureModel asks for and its verdicts allow. */
export function servingReconciler(
  deps: ServingDependencies,
): (key: string, context: ReconcileContext) => Promise<ReconcileResult> {
  return async (key, context) => {
    const raw = deps.models.get(key);
    if (raw === undefined) return {};
    const parsed = parseObject(secureModel, raw);
    const desk = new Desk(deps, parsed.ok ? parsed.value : withReadableStatus(raw), context);
    if (raw.metadata.deletionTimestamp !== undefined) return farewell(desk);
    if (!parsed.ok) return halt(desk, { reason: "InvalidSpec", message: parsed.message });
    if (parsed.value.spec.suspend) {
      const message = "spec.suspend is true: nothing is started, and what runs stays while its verdict allows";
      return halt(desk, { reason: "Suspended", message });
    }
    const current = await ensureFinalizer(desk.client, secureModel.resource, raw, FINALIZER);
    desk.resourceVersion = current?.metadata.resourceVersion;
    return new Pass(desk).run();
  };
}

/** Of a model whose spec cannot be read. */
function withReadableStatus(raw: SecureModel): SecureModel {
  const { status: _status, ...rest } = raw;
  const status = parseStatus(secureModel, raw);
  return { ...rest, ...(status === undefined ? {} : { status }) };
}

/** The model is being deleted. */
async function farewell(desk: Desk): Promise<ReconcileResult> {
  const { deps, model, signal, now } = desk;
  await publishGrant(deps.grants, model, [], { signal, now });
  desk.record(() => [modelGrantFact([], deleted)]);
  // As a rule the garbage collector takes what the model owns. Who orphans it must not keep it running unguarded.
  if (model.metadata.finalizers?.includes("orphan") === true && desk.stands()) {
    await tearDownAll(desk);
    return { requeueAfterMs: teardownRetryMs };
  }
  await removeFinalizer(desk.client, secureModel.resource, model, FINALIZER);
  return {};
}

/** Nothing is started; what must not run any more is ended all the same. */
async function halt(desk: Desk, why: Halt): Promise<ReconcileResult> {
  const active = await judgeActive(desk);
  if (active !== undefined && (await endIfRevoked(desk, active))) return { requeueAfterMs: teardownRetryMs };
  await desk.writeStatus(haltedStatus(desk.model, why, desk.now));
  return active === undefined ? {} : { requeueAfterMs: nextCheckMs([active.judgement.verdict], desk.now) };
}

async function judgeActive(desk: Desk): Promise<Active | undefined> {
  const revision = desk.active();
  if (revision === undefined) return undefined;
  const { deps, model, now, signal } = desk;
  const judgement = await judgeRevision(deps, model, revision, { now, signal });
  signal.throwIfAborted();
  return { revision, judgement };
}

interface Gathered extends Course {
  readonly judgement: DesiredJudgement;
  readonly conflict: Hold | undefined;
  readonly active: ModelRevision | undefined;
  readonly rollout: Rollout;
  readonly hold: Hold | undefined;
  readonly traffic: Traffic;
  /** How far the revision that comes may go, where it comes in stages. */
  readonly stage: StagePlan | undefined;
  /** What was on its way, and answers until what serves has its pods back. */
  readonly dropped: ModelRevision | undefined;
}

/** Nothing else is to run than what the spec asks for. */
function isStraight({ turn }: Course): boolean {
  return turn === undefined || turn.kind === "Stay";
}

/** One look at one SecureModel: gathers, decides, applies, reports. */
class Pass {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async run(): Promise<ReconcileResult> {
    const desk = this.#desk;
    const { deps, signal } = desk;
    if (isServedUnsecured(deps, desk.namespace)) await deps.unsecured?.bind(desk.namespace, signal);
    // What runs first: to find out about what is to come can take minutes, and can fail.
    const active = await judgeActive(desk);
    if (active !== undefined && (await endIfRevoked(desk, active))) return { requeueAfterMs: teardownRetryMs };

    const problem = await desk.source.look(desk);
    if (problem !== undefined && active === undefined) {
      await desk.source.publish(desk, []);
      const { requeueAfterMs } = await halt(desk, problem);
      return { requeueAfterMs: Math.min(requeueAfterMs ?? Infinity, desk.source.nextMs) };
    }
    const gathered = await this.#gather(active, problem);
    // A pass that was cut short knows nothing: what it could not find out must not decide.
    signal.throwIfAborted();
    const plan = this.#decide(gathered);
    const renewal = await this.#publish(plan, gathered);
    await this.#endUngranted(plan, gathered);
    const { running, ready } = await this.#admit(plan, gathered);

    // What serves may be left while what the spec asks for cannot be started.
    const left = [gathered.asked, gathered.active].map((one) => desk.revisionNamed(one?.metadata.name));
    const rolledBack = gathered.turn !== undefined && left.some((one) => one?.status?.ban !== undefined);
    const rollout = running === gathered.desired ? gathered.stage?.rollout : undefined;
    const fleet = running === undefined ? undefined : this.#fleet(running, gathered);
    const traffic = fleet === undefined ? undefined : trafficOf(desk.model, fleet, desk.living.deployments);
    const seen = { plan, ready, desired: gathered.judgement, running, rolledBack, rollout, traffic };
    const outcome = outcomeOf(desk, seen);
    if (rollout !== undefined) await this.#writeDownStage(rollout);
    const failure =
      running === undefined || fleet === undefined ? undefined : await this.#start(running, fleet, gathered);
    if (outcome.tornDown) {
      await quarantine(desk, outcome, gathered.judgements);
      return { requeueAfterMs: teardownRetryMs };
    }
    if (running === undefined && desk.model.status?.quarantine !== undefined)
      await keepUnreached(desk, gathered.traffic);
    const reported = failure === undefined ? outcome : { ...outcome, ready: failure };
    const status = modelStatus(desk.model, reported, desk.now);
    await settleRevisions(desk, { status, outcome: reported, ...gathered });
    await desk.writeStatus(status);
    return { requeueAfterMs: this.#nextLookMs(reported.ready, gathered, renewal) };
  }

  async #gather(active: Active | undefined, problem: Hold | undefined): Promise<Gathered> {
    const desk = this.#desk;
    const { deps, model, signal, now } = desk;
    const isKept = (digest: string) => desk.revisions.some(({ spec }) => spec.artifact.digest === digest);
    const judgement: DesiredJudgement =
      problem !== undefined && active !== undefined
        ? active.judgement
        : await judgeDesired(deps, model, isKept, { now, signal });
    signal.throwIfAborted();
    const found = await desiredRevision(desk, judgement);
    desk.latch = standingLatch(desk.latch, desk.orders, found.desired?.metadata.name);
    const { desired, conflict = problem ?? this.#holdBack(found.desired, active?.revision) } = found;
    const judgements = new Map<string, Active["judgement"]>();
    if (active !== undefined) judgements.set(active.revision.metadata.name, active.judgement);
    if (desired !== undefined) judgements.set(desired.metadata.name, judgement);
    const hold = holdOf(deps, desk.namespace);
    const isBlocked = conflict !== undefined || hold !== undefined || judgement.standing !== "Admit";
    const course = await turnBack(desk, { desired, judgements, active: active?.revision, isBlocked });
    const serving = this.#servingBeside(course, active?.revision);
    const traffic = await readTraffic(desk);
    const dropped = course.turn?.kind === "Stop" ? undefined : await this.#dropped(course, active?.revision);
    return {
      ...course,
      judgements: new Map([
        ...course.judgements,
        ...(dropped === undefined ? [] : [[dropped.revision.metadata.name, dropped.judgement] as const]),
      ]),
      dropped: dropped?.revision,
      judgement,
      conflict: course.turn === undefined ? conflict : undefined,
      active: active?.revision,
      rollout: rolloutOf(desk.living.deployments, course.desired, desk.model.spec.replicas),
      hold,
      // What cannot be left now goes no further, either.
      stage: isStraight(course) ? stageOf(desk, traffic, { desired: course.desired, serving }) : undefined,
      traffic,
    };
  }

  async #dropped({ desired, asked }: Course, active: ModelRevision | undefined): Promise<Active | undefined> {
    const { deps, model, living, revisions, now, signal } = this.#desk;
    const healthOf = (name: string) => this.#desk.healthOf(name);
    const revision = droppedOf({ model, living, revisions, active, desired, asked, healthOf });
    if (revision === undefined) return undefined;
    const judgement = await judgeRevision(deps, model, revision, { now, signal });
    signal.throwIfAborted();
    return judgement.standing === "Quarantine" ? undefined : { revision, judgement };
  }

  /** What serves, and may, while another one is to. */
  #servingBeside(
    { desired, judgements }: Pick<Course, "desired" | "judgements">,
    active: ModelRevision | undefined,
  ): ModelRevision | undefined {
    const name = active?.metadata.name;
    if (name === undefined || name === desired?.metadata.name) return undefined;
    return judgements.get(name)?.standing === "Quarantine" ? undefined : active;
  }

  /** What has begun goes on: nothing else is begun that people have paused or have not approved yet. */
  #holdBack(desired: ModelRevision | undefined, active: ModelRevision | undefined): Hold | undefined {
    const desk = this.#desk;
    const { living, orders, model, now, latch } = desk;
    const name = desired?.metadata.name;
    if (name === active?.metadata.name || deploymentRunning(living.deployments, name) !== undefined) return undefined;
    // Beside one that serves it may be looked at: it waits before it takes over.
    const isLookedAt = active !== undefined && isStaged(model.spec.strategy);
    const held = pausedBy(orders, now) ?? latchedBy(latch, model) ?? this.#withoutKServe(desired);
    return held ?? (desired === undefined || isLookedAt ? undefined : approvalHold(desk, desired));
  }

  /** It cannot be begun, and nothing is touched for it. */
  #withoutKServe(desired: ModelRevision | undefined): Hold | undefined {
    if (desired === undefined || kindOf(desired) === "Deployment") return undefined;
    const isServed = this.#desk.deps.inferenceServices() !== undefined;
    return isServed ? undefined : { reason: "KServeMissing", message: kserveMissing };
  }

  #decide(gathered: Gathered): Plan {
    const { judgement, desired, conflict, active, judgements, rollout, hold, asked, turn, stage, dropped } = gathered;
    const { deps, living, model, now } = this.#desk;
    const view = (revision: ModelRevision) => ({
      name: revision.metadata.name,
      standing: judgements.get(revision.metadata.name)?.standing ?? "Quarantine",
    });
    if (turn?.kind === "Stop") return { grant: [], ready: { status: "False", ...turn.says }, complete: false };
    const isOther = turn !== undefined && asked !== undefined && asked !== desired;
    const leaves = isOther && living.pods.some((pod) => isAlive(pod) && revisionOf(pod) === asked.metadata.name);
    return decideServing({
      verdict: (isOther ? judgements.get(desired?.metadata.name ?? "")?.verdict : undefined) ?? judgement.verdict,
      ungrantedImages: desired === undefined ? [] : ungrantedImages(deps, desired, now),
      living: living.deployments.length > 0,
      started: rollout.started,
      rolledOut: rollout.done,
      replicas: model.spec.replicas,
      progress: rollout.progress,
      ...(desired === undefined ? {} : { desired: view(desired) }),
      ...(active === undefined || this.#isOver(active) ? {} : { active: view(active) }),
      ...(hold === undefined ? {} : { hold }),
      ...(conflict === undefined ? {} : { conflict }),
      ...(turn === undefined ? (stage === undefined ? {} : { unwell: stage.says }) : { unwell: turn.says }),
      ...(leaves ? { leaving: view(asked) } : {}),
      ...(dropped === undefined ? {} : { dropped: view(dropped) }),
    });
  }

  /** It is banned and has ended: it does not go on, and nothing is granted for it. */
  #isOver({ metadata, status }: ModelRevision): boolean {
    const { deployments, pods } = this.#desk.living;
    if (status?.ban === undefined || deploymentRunning(deployments, metadata.name) !== undefined) return false;
    return !pods.some((pod) => isAlive(pod) && revisionOf(pod) === metadata.name);
  }

  /** Returns when the first of what is granted is due to be renewed. */
  async #publish(plan: Plan, gathered: Gathered): Promise<Date | undefined> {
    const { judgement, desired, active, judgements, asked, dropped } = gathered;
    const desk = this.#desk;
    desk.record(() => verdictFacts(desk.model, judgement.verdict));
    const revisions = new Set([desired, active, asked, dropped]);
    const wanted = [...revisions].flatMap((revision) => {
      if (revision === undefined || !plan.grant.includes(revision.metadata.name)) return [];
      // A pod may be made while the verdict holds, and not in the grace after it.
      const notAfter = new Date(judgements.get(revision.metadata.name)?.verdict.notAfter ?? desk.now);
      return [{ revision, notAfter }];
    });
    const { granted, renewal } = await desk.source.publish(desk, wanted);
    desk.record(() => [modelGrantFact(granted, plan.ready)]);
    const judged = active === undefined ? undefined : judgements.get(active.metadata.name);
    if (active !== undefined && active !== desired && judged !== undefined)
      desk.record(() => [activeFact(active.spec.artifact, judged.verdict)]);
    return renewal;
  }

  /** A Deployment leaves the old pods until the new ones answer: those that must not run are not waited for. */
  async #endUngranted(plan: Plan, { judgements }: Gathered): Promise<void> {
    if (plan.run === undefined) return;
    const { living, client, model, now, log, revisions } = this.#desk;
    const known = new Map(revisions.map((revision) => [revision.metadata.name, revision]));
    const ungranted = living.pods.filter((pod) => {
      const name = revisionOf(pod);
      return isAlive(pod) && name !== undefined && known.has(name) && !plan.grant.includes(name);
    });
    const isRevoked = (pod: KubeObject) => {
      const name = revisionOf(pod) ?? "";
      return judgements.get(name)?.standing === "Quarantine" || known.get(name)?.status?.phase === "Quarantined";
    };
    const pods = ungranted.filter(isRevoked);
    if (pods.length > 0) await endRevoked(client, model, { pods, deployments: [] }, { now, log });
    // Nobody has anything against what is only superseded: it drains.
    await endSuperseded(
      client,
      ungranted.filter((pod) => !isRevoked(pod)),
    );
  }

  /** What is to run, once the API server would admit it; else what may go on, and the API server's words. */
  async #admit(
    plan: Plan,
    { desired, active, rollout }: Gathered,
  ): Promise<{ readonly running: ModelRevision | undefined; readonly ready: ReadyState }> {
    const named = (name: string | undefined) =>
      [desired, active].find((revision) => revision !== undefined && revision.metadata.name === name);
    const running = named(plan.run);
    if (running === undefined || running !== desired || rollout.started) return { running, ready: plan.ready };
    const { model, client, deps, signal } = this.#desk;
    const patient = conditionOf(model.status, "Ready")?.reason !== "PodRefused";
    const refusal = await refusalOf(client, running, { clock: deps.clock, signal, patient });
    signal.throwIfAborted();
    if (refusal === undefined) return { running, ready: plan.ready };
    return {
      running: named(plan.grant.find((name) => name !== plan.run)),
      ready: { status: "False", reason: "PodRefused", message: refusal },
    };
  }

  /** Returns what the API server has against the workload, for the condition. */
  async #start(
    running: ModelRevision,
    fleet: Fleet,
    { active, judgements, rollout, traffic }: Pick<Gathered, "active" | "judgements" | "rollout" | "traffic">,
  ): Promise<ReadyState | undefined> {
    const { client, model, living } = this.#desk;
    // One that may not run any more has no pods to lead anybody to.
    const serving = this.#servingBeside({ desired: running, judgements }, active);
    const answering = rollout.done ? running : (serving ?? running);
    try {
      await run(client, model, { fleet, living, traffic, answering });
      return undefined;
    } catch (error) {
      const isUnknown = isKubeError(error, "NotFound");
      if (isUnknown && this.#withoutKServe(running) !== undefined)
        return { status: "False", reason: "KServeMissing", message: kserveMissing };
      if (isUnknown && model.spec.strategy.traffic?.httpRoute !== undefined)
        return { status: "False", reason: "WorkloadRefused", message: httpRouteNotServed };
      if (!isKubeError(error, "Invalid", "Forbidden") && !isOfKServesWebhook(running, error)) throw error;
      return { status: "False", reason: "WorkloadRefused", message: error.message };
    }
  }

  /** Before requests are shared so: whoever goes on after a crash does not take it for a stage that has not begun. */
  async #writeDownStage(rollout: RolloutStatus): Promise<void> {
    const { model } = this.#desk;
    const before = model.status?.rollout;
    if (before?.revision !== rollout.revision || before.weight === rollout.weight) return;
    await this.#desk.writeDown({ ...model.status, rollout });
  }

  #fleet(running: ModelRevision, { judgements, active, stage, desired, dropped }: Gathered): Fleet {
    const { model, living } = this.#desk;
    const serving = this.#servingBeside({ desired: running, judgements }, active);
    const isComing = running === desired && stage !== undefined;
    const weights = isComing ? weightsOf(model.spec.strategy, stage.rollout.weight) : straight;
    return fleetOf({ model, deployments: living.deployments, run: running, serving, dropped, ...weights });
  }

  #nextLookMs(
    ready: ReadyState,
    { judgements, judgement, turn, rollout, stage }: Gathered,
    renewal: Date | undefined,
  ): number {
    const { now, model, source, orders } = this.#desk;
    const verdicts = [judgement, ...judgements.values()].map(({ verdict }): VerdictStatus => verdict);
    const { update, followInterval } = model.spec.source;
    const followMs = update === "Follow" ? (parseDuration(followInterval) ?? Infinity) : Infinity;
    const waits = polled.includes(ready.reason) || (turn?.kind === "RunOther" && !rollout.done);
    const retryMs = waits ? unreadyRetryMs : Infinity;
    const dueMs = (at: Date | undefined) => (at === undefined ? Infinity : Math.max(minRenewalMs, +at - +now));
    const held = turn?.kind === "Stay" ? turn.until : undefined;
    const dues = [held, stage?.until, renewal].map(dueMs);
    const pauseMs = pauseEndMs(orders, now);
    return Math.min(nextCheckMs(verdicts, now), followMs, retryMs, pauseMs, ...dues, source.nextMs);
  }
}
