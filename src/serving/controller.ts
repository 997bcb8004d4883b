import {
  API_VERSION,
  type AdmissionGrant,
  type ModelRevision,
  type SecureModel,
  type SecureModelStatus,
  type SecureNamespace,
  type VerdictStatus,
  modelRevision,
  parseObject,
  secureModel,
} from "../api/index.ts";
import type { Order } from "../actions/index.ts";
import type { GrantStore } from "../admission/index.ts";
import { type ImportDependencies, type ImportStep, importStep } from "../importing/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import { type EvidenceSink, type Fact, deleted, evidenceObject } from "../governance/index.ts";
import {
  type Clock,
  type EventRecorder,
  type KubeError,
  type KubeObject,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  applyStatus,
  ensureFinalizer,
  isKubeError,
  removeFinalizer,
} from "../kube/index.ts";
import {
  type CredentialSource,
  type Exception,
  type Pulling,
  type ResolvedPolicy,
  type Verifier,
  nextCheckMs,
  parseDuration,
} from "../trust/index.ts";
import {
  FIELD_MANAGER,
  type LivingWorkload,
  createRevision,
  endRevokedPods,
  isAlive,
  refusalOf,
  removeRevisions,
  run,
  tearDown,
} from "./actions.ts";
import { type GrantedModelRevision, type PublishedGrant, publishGrant, withdrawOne } from "./grants.ts";
import { type Hold, type Plan, type ReadyState, decideServing } from "./decide.ts";
import { activeFact, factsOf, modelGrantFact, verdictFacts } from "./evidence.ts";
import {
  type DesiredJudgement,
  type Judgement,
  type Rollout,
  holdOf,
  isServedUnsecured,
  judgeDesired,
  judgeRevision,
  rolloutOf,
  ungrantedImages,
} from "./gather.ts";
import {
  type Intent,
  type Situation,
  type Turn,
  decideTurn,
  isInTrouble,
  isPromotedSince,
  orderedBan,
  pausedBy,
  toJudge,
  withIntent,
} from "./rollback.ts";
import { isRevisionOf, newRevision, revisionName, surplusRevisions } from "./revision.ts";
import { snapshotName } from "./snapshot.ts";
import {
  type Halt,
  type Outcome,
  haltedStatus,
  modelStatus,
  revisionRole,
  revisionStatus,
  servesWell,
  withImport,
} from "./status.ts";
import { type DeploymentObject, revisionOf, revisionRunBy } from "./workload.ts";

const FINALIZER = "mlsecops.io/model";
/** What these wait for (a pull, a quota, the grant reaching the API server) does not always make an event. */
const polled: readonly string[] = ["RollingOut", "PodRefused", "WorkloadRefused", "RuntimeNotGranted"];
const unreadyRetryMs = 10_000;
const minRenewalMs = 1_000;
/** Until the caches show what a teardown has done. */
const teardownRetryMs = 1_000;
/** Of the Service of a model of which no revision is known. */
const defaultPort = 8080;

export interface ServingDependencies {
  readonly client: ObjectClient;
  readonly models: Store<SecureModel>;
  readonly revisions: Store<ModelRevision>;
  readonly namespaces: Store<SecureNamespace>;
  readonly grantObjects: Store<AdmissionGrant>;
  readonly deployments: Store<DeploymentObject>;
  readonly services: Store<KubeObject>;
  /** The pods of a model, of whatever revision. */
  readonly podsOf: (namespace: string, model: string) => readonly KubeObject[];
  readonly grants: Pick<GrantStore, "change">;
  readonly verifier: Pick<Verifier, "verify">;
  readonly policies: () => readonly ResolvedPolicy[];
  readonly exceptions: (namespace: string) => readonly Exception[];
  /** What people want done with a model, oldest first. */
  readonly orders: (namespace: string, model: string) => readonly Order[];
  /** What to look at registries with. */
  readonly pullCredentials: (namespace: string, pulling: Pulling, signal: AbortSignal) => CredentialSource;
  /** What is missing or changed among the admission policies. */
  readonly guardProblems: () => readonly string[];
  /** Present where models may also be served in namespaces without a SecureNamespace. */
  readonly unsecured?: UnsecuredNamespaces | undefined;
  readonly imports: ImportDependencies;
  /** What is thought of a revision of a model (by its key) now; undefined while nobody has looked at it. */
  readonly health: (key: string, revision: string) => HealthVerdict | undefined;
  readonly events: Pick<EventRecorder, "emit">;
  /** Absent where no evidence is kept. */
  readonly evidence?: EvidenceSink | undefined;
  readonly clock: Clock;
}

export interface UnsecuredNamespaces {
  readonly allows: (namespace: string) => boolean;
  /** Gives the operator the rights there that a SecureNamespace gives it elsewhere. */
  readonly bind: (namespace: string, signal: AbortSignal) => Promise<void>;
}

/** Brings what runs to what a SecureModel asks for and its verdicts allow. */
export function servingReconciler(
  deps: ServingDependencies,
): (key: string, context: ReconcileContext) => Promise<ReconcileResult> {
  return async (key, context) => {
    const raw = deps.models.get(key);
    if (raw === undefined) return {};
    const parsed = parseObject(secureModel, raw);
    const pass = new Pass(deps, parsed.ok ? parsed.value : raw, context);
    if (raw.metadata.deletionTimestamp !== undefined) return pass.farewell();
    if (!parsed.ok) return pass.halt({ reason: "InvalidSpec", message: parsed.message });
    if (parsed.value.spec.suspend) {
      const message = "spec.suspend is true: nothing is started, and what runs stays while its verdict allows";
      return pass.halt({ reason: "Suspended", message });
    }
    const client = deps.client.withSignal(context.signal);
    const current = await ensureFinalizer(client, secureModel.resource, raw, FINALIZER);
    return pass.run(current?.metadata.resourceVersion);
  };
}

interface Active {
  readonly revision: ModelRevision;
  readonly judgement: Judgement;
}

interface Gathered {
  readonly judgement: DesiredJudgement;
  /** The revision that the spec asks for; absent until its artifact was verified once. */
  readonly desired: ModelRevision | undefined;
  readonly conflict: Hold | undefined;
  readonly active: ModelRevision | undefined;
  /** By name; of the desired and of the active revision. */
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly rollout: Rollout;
  readonly hold: Hold | undefined;
  /** What the spec asks for, where something else is to run. */
  readonly asked?: ModelRevision | undefined;
  readonly turn?: Exclude<Turn, { readonly kind: "None" }> | undefined;
}

/** One look at one SecureModel: gathers, decides, applies, reports. */
class Pass {
  readonly #deps: ServingDependencies;
  readonly #client: ObjectClient;
  #model: SecureModel;
  readonly #context: ReconcileContext;
  readonly #namespace: string;
  readonly #key: string;
  #existing: readonly ModelRevision[];
  readonly #living: LivingWorkload;
  readonly #now: Date;
  readonly #orders: readonly Order[];
  /** Of the model that the status is computed from: what a pass before has just written must not be lost. */
  #resourceVersion: string | undefined;
  #announced = false;
  /** Of a source that is not OCI, once it was looked at. */
  #imports: ImportStep | "NotLookedAt" | undefined = "NotLookedAt";

  constructor(deps: ServingDependencies, model: SecureModel, context: ReconcileContext) {
    const { name, namespace = "" } = model.metadata;
    const key = `${namespace}/${name}`;
    this.#deps = deps;
    this.#client = deps.client.withSignal(context.signal);
    this.#model = model;
    this.#context = context;
    this.#namespace = namespace;
    this.#key = key;
    this.#existing = deps.revisions.list(namespace).filter((revision) => revision.spec.model === name);
    this.#living = {
      deployment: deps.deployments.get(key),
      service: deps.services.get(key),
      pods: deps.podsOf(namespace, name),
    };
    this.#now = deps.clock.now();
    this.#orders = deps.orders(namespace, name);
    this.#resourceVersion = model.metadata.resourceVersion;
  }

  /** The model is being deleted. */
  async farewell(): Promise<ReconcileResult> {
    await publishGrant(this.#deps.grants, this.#model, [], { signal: this.#context.signal, now: this.#now });
    this.#record(() => [modelGrantFact([], deleted)]);
    // As a rule the garbage collector takes what the model owns. Who orphans it must not keep it running unguarded.
    if (this.#model.metadata.finalizers?.includes("orphan") === true && this.#stands()) {
      await this.#tearDown();
      return { requeueAfterMs: teardownRetryMs };
    }
    await removeFinalizer(this.#client, secureModel.resource, this.#model, FINALIZER);
    return {};
  }

  /** Nothing is started; what must not run any more is ended all the same. */
  async halt(halt: Halt): Promise<ReconcileResult> {
    const active = await this.#judgeActive();
    if (active !== undefined && (await this.#endIfRevoked(active))) return { requeueAfterMs: teardownRetryMs };
    await this.#write(haltedStatus(this.#model, halt, this.#now));
    return active === undefined ? {} : { requeueAfterMs: nextCheckMs([active.judgement.verdict], this.#now) };
  }

  async run(resourceVersion = this.#resourceVersion): Promise<ReconcileResult> {
    this.#resourceVersion = resourceVersion;
    if (isServedUnsecured(this.#deps, this.#namespace))
      await this.#deps.unsecured?.bind(this.#namespace, this.#context.signal);
    // What runs first: to find out about what is to come can take minutes, and can fail.
    const active = await this.#judgeActive();
    if (active !== undefined && (await this.#endIfRevoked(active))) return { requeueAfterMs: teardownRetryMs };

    const problem = await this.#lookAtSource();
    if (problem !== undefined && active === undefined) {
      await this.#publishGranted([]);
      const { requeueAfterMs } = await this.halt(problem);
      return { requeueAfterMs: Math.min(requeueAfterMs ?? Infinity, this.#nextSourceMs()) };
    }
    const gathered = await this.#turnBack(await this.#gather(active, problem));
    // A pass that was cut short knows nothing: what it could not find out must not decide.
    this.#context.signal.throwIfAborted();
    const plan = this.#decide(gathered);
    const renewal = await this.#publish(plan, gathered);
    await this.#endUngrantedPods(plan);
    const { running, ready } = await this.#admit(plan, gathered);

    const rolledBack = gathered.turn !== undefined && gathered.asked?.status?.ban !== undefined;
    const outcome = this.#outcome({ plan, ready, desired: gathered.judgement, running, rolledBack });
    const failure = running === undefined ? undefined : await this.#start(running, gathered);
    if (outcome.tornDown) {
      await this.#quarantine(outcome, gathered.judgements);
      return { requeueAfterMs: teardownRetryMs };
    }
    const reported = failure === undefined ? outcome : { ...outcome, ready: failure };
    const status = modelStatus(this.#model, reported, this.#now);
    await this.#settleRevisions(status, reported, gathered);
    await this.#write(status);
    return { requeueAfterMs: this.#nextLookMs(reported.ready, gathered, renewal) };
  }

  /**
   * Content from elsewhere is served as if the spec named the artifact that it was imported as. Returns why there is none.
   * Nothing is imported where nothing may be served.
   */
  async #lookAtSource(): Promise<Hold | undefined> {
    const { imports } = this.#deps;
    this.#imports = await importStep(this.#client, imports, this.#model, {
      now: this.#now,
      signal: this.#context.signal,
    });
    if (this.#imports === undefined) return undefined;
    const hold = holdOf(this.#deps, this.#namespace);
    if (hold !== undefined) {
      const { grant: _grant, ...rest } = this.#imports;
      this.#imports = { ...rest, apply: () => Promise.resolve() };
    }
    const { oci, problem } = this.#imports;
    if (oci === undefined) return hold ?? problem;
    const source = { ...this.#model.spec.source, oci, update: "Pinned" as const };
    this.#model = { ...this.#model, spec: { ...this.#model.spec, source } };
    return undefined;
  }

  #nextSourceMs(): number {
    return typeof this.#imports === "object" ? this.#imports.nextMs : Infinity;
  }

  /** Grants these revisions, and then lets the import begin that is granted along. */
  async #publishGranted(wanted: readonly GrantedModelRevision[]): Promise<PublishedGrant> {
    const imports = typeof this.#imports === "object" ? this.#imports : undefined;
    const options = { signal: this.#context.signal, importing: imports?.grant, now: this.#now };
    const published = await publishGrant(this.#deps.grants, this.#model, wanted, options);
    await imports?.apply();
    return published;
  }

  /** The revision that serves; before one was complete, the one that the Deployment runs. */
  #activeRevision(): ModelRevision | undefined {
    const named = (name: string | undefined) => this.#existing.find(({ metadata }) => metadata.name === name);
    return named(this.#model.status?.active?.revision) ?? named(revisionRunBy(this.#living.deployment));
  }

  async #judgeActive(): Promise<Active | undefined> {
    const revision = this.#activeRevision();
    if (revision === undefined) return undefined;
    const { signal } = this.#context;
    const judgement = await judgeRevision(this.#deps, this.#model, revision, { now: this.#now, signal });
    signal.throwIfAborted();
    return { revision, judgement };
  }

  /** Whether the active revision had to be ended, and something of it still stood. */
  async #endIfRevoked({ revision, judgement }: Active): Promise<boolean> {
    if (judgement.standing !== "Quarantine") return false;
    this.#record(() => verdictFacts(this.#model, judgement.verdict));
    await withdrawOne(this.#deps.grants, this.#model, revision, this.#context.signal);
    const { name } = revision.metadata;
    const runsIt = revisionRunBy(this.#living.deployment) === name;
    const pods = this.#living.pods.filter((pod) => isAlive(pod) && revisionOf(pod) === name);
    if (!runsIt && pods.length === 0) return false;
    if (!runsIt && this.#living.deployment !== undefined) {
      // Another revision is on its way: its pods stay.
      await endRevokedPods(this.#client, this.#model, pods, { now: this.#now, log: this.#context.log });
      return false;
    }
    const { reason, message } = judgement.verdict;
    const plan: Plan = { grant: [], ready: { status: "False", reason, message }, complete: false };
    this.#record(() => [modelGrantFact([], { reason, message })]);
    const rolledBack = this.#model.status?.rollback !== undefined;
    const outcome = this.#outcome({ plan, ready: plan.ready, desired: judgement, running: undefined, rolledBack });
    await this.#quarantine(outcome, new Map([[name, judgement]]));
    return true;
  }

  #outcome(seen: Pick<Outcome, "plan" | "ready" | "desired" | "running" | "rolledBack">): Outcome {
    const tornDown = seen.running === undefined && this.#stands();
    return {
      ...seen,
      health: seen.running === undefined ? undefined : this.#healthOf(seen.running.metadata.name),
      deployment: this.#living.deployment,
      tornDown,
      // Promised before it is taken: no pod goes without it.
      snapshot: tornDown && this.#living.pods.some(isAlive) ? snapshotName(this.#model) : undefined,
    };
  }

  #healthOf(revision: string): HealthVerdict | undefined {
    return this.#deps.health(this.#key, revision);
  }

  #stands(): boolean {
    return this.#living.deployment !== undefined || this.#living.pods.some(isAlive);
  }

  /** The status first: a quarantine that is cut short is one all the same. One that cannot be written ends no less. */
  async #quarantine(outcome: Outcome, judgements: Gathered["judgements"]): Promise<void> {
    let unwritten: KubeError | undefined;
    try {
      await this.#writeQuarantine(outcome);
    } catch (error) {
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      unwritten = error;
    }
    const status = modelStatus(this.#model, outcome, this.#now);
    const kept = await this.#tearDown();
    await this.#settleRevisions(status, outcome, { desired: undefined, judgements });
    if (unwritten !== undefined) throw unwritten;
    // What was promised and could not be kept.
    if (!kept && outcome.snapshot !== undefined)
      await this.#write(modelStatus(this.#model, { ...outcome, snapshot: undefined }, this.#now));
  }

  /** When it is over nothing stands any more, and no later pass would know of it: so it is written over what is there. */
  async #writeQuarantine(outcome: Outcome): Promise<void> {
    try {
      await this.#write(modelStatus(this.#model, outcome, this.#now));
    } catch (error) {
      if (!isKubeError(error, "Conflict")) throw error;
      const living = await this.#client.get<SecureModel>(secureModel.resource, this.#model.metadata);
      if (living === undefined) return;
      const { status } = living;
      this.#model = { ...this.#model, ...(status === undefined ? {} : { status }) };
      this.#resourceVersion = living.metadata.resourceVersion;
      await this.#write(modelStatus(this.#model, outcome, this.#now));
    }
  }

  #tearDown(): Promise<boolean> {
    const port = this.#activeRevision()?.spec.serving.port ?? defaultPort;
    const { log } = this.#context;
    return tearDown(this.#client, this.#model, { living: this.#living, port, now: this.#now, log });
  }

  async #gather(active: Active | undefined, problem: Hold | undefined): Promise<Gathered> {
    const { signal } = this.#context;
    const isKept = (digest: string) => this.#existing.some(({ spec }) => spec.artifact.digest === digest);
    const judgement: DesiredJudgement =
      problem !== undefined && active !== undefined
        ? active.judgement
        : await judgeDesired(this.#deps, this.#model, isKept, { now: this.#now, signal });
    signal.throwIfAborted();
    const found = await this.#desiredRevision(judgement);
    const { desired, conflict = problem ?? this.#pauseOf(found.desired, active?.revision) } = found;
    const judgements = new Map<string, Judgement>();
    if (active !== undefined) judgements.set(active.revision.metadata.name, active.judgement);
    if (desired !== undefined) judgements.set(desired.metadata.name, judgement);
    return {
      judgement,
      desired,
      conflict,
      active: active?.revision,
      judgements,
      rollout: rolloutOf(this.#living.deployment, desired, this.#model.spec.replicas),
      hold: holdOf(this.#deps, this.#namespace),
    };
  }

  /**
   * What is to run where the spec's revision is banned or what runs is unhealthy. It is written down before anything is done:
   * whoever goes on after a crash does the same.
   */
  async #turnBack(gathered: Gathered): Promise<Gathered> {
    await this.#settleBans();
    const named = (name: string | undefined) => this.#existing.find(({ metadata }) => metadata.name === name);
    const asked = named(gathered.desired?.metadata.name) ?? gathered.desired;
    const known = asked === undefined || named(asked.metadata.name) !== undefined ? [] : [asked];
    const judgements = new Map(gathered.judgements);
    const situation: Situation = {
      model: this.#model,
      asked,
      askedIsBlocked:
        gathered.conflict !== undefined || gathered.hold !== undefined || gathered.judgement.standing !== "Admit",
      active: named(gathered.active?.metadata.name),
      started: revisionRunBy(this.#living.deployment),
      revisions: [...this.#existing, ...known],
      judgements,
      healthOf: (revision) => this.#healthOf(revision),
      paused: pausedBy(this.#orders),
    };
    if (!isInTrouble(situation)) return { ...gathered, desired: asked };
    const { signal } = this.#context;
    for (const revision of toJudge(situation))
      judgements.set(
        revision.metadata.name,
        await judgeRevision(this.#deps, this.#model, revision, { now: this.#now, signal }),
      );
    signal.throwIfAborted();
    const turn = decideTurn(situation, this.#now);
    if (turn.kind === "None") return { ...gathered, desired: asked };
    if (turn.kind !== "Stay" && turn.intent !== undefined) await this.#writeDown(turn.intent);
    const { conflict: _conflict, ...rest } = gathered;
    const run = turn.kind === "Stop" ? undefined : turn.run;
    return {
      ...rest,
      conflict: undefined,
      asked: named(asked?.metadata.name),
      desired: run,
      judgements,
      rollout: rolloutOf(this.#living.deployment, run, this.#model.spec.replicas),
      turn,
    };
  }

  /** The intent first, then the ban: a pass that is cut short between the two is completed by the next one. */
  async #writeDown(intent: Intent): Promise<void> {
    const { rollback } = intent;
    const status = withIntent(this.#model.status, intent);
    const write = { status, fieldManager: FIELD_MANAGER, resourceVersion: this.#resourceVersion };
    this.#resourceVersion = await applyStatus(this.#client, secureModel.resource, this.#model, write);
    this.#model = { ...this.#model, status };
    this.#emit("Warning", rollback.to === undefined ? "NoSafeRevision" : "RolledBack", rollback.message, "RollBack");
    await this.#settleBans();
  }

  /** What a rollback was made from does not run again, nor what a person has banned, until a person lets it. */
  async #settleBans(): Promise<void> {
    const { rollback } = this.#model.status ?? {};
    for (const revision of this.#existing) {
      const { ban: before, ...rest } = revision.status ?? {};
      const ordered = orderedBan(revision, this.#orders);
      const failed =
        rollback?.from === revision.metadata.name && !isPromotedSince(revision, rollback.since, this.#orders)
          ? { since: rollback.since, reason: rollback.reason, message: rollback.message }
          : undefined;
      const ban = ordered === "Lift" ? undefined : (before ?? failed ?? ordered);
      if (ban === before) continue;
      const status = { ...rest, ...(ban === undefined ? {} : { ban }) };
      await applyStatus(this.#client, modelRevision.resource, revision, { status, fieldManager: FIELD_MANAGER });
      this.#existing = this.#existing.map((one) => (one === revision ? { ...revision, status } : one));
    }
  }

  /** The revision for what the source resolved to: the one there is, or a new one once it is verified. */
  async #desiredRevision({
    artifact,
    standing,
    verdict,
  }: DesiredJudgement): Promise<Pick<Gathered, "desired" | "conflict">> {
    if (artifact === undefined) return { desired: undefined, conflict: undefined };
    const name = revisionName(this.#model, artifact);
    let desired = this.#existing.find((revision) => revision.metadata.name === name);
    if (desired === undefined && standing === "Admit") {
      desired = await this.#createRevision(newRevision(this.#model, artifact, this.#existing), verdict);
      this.#emit("Normal", "RevisionCreated", `revision ${name} of digest ${artifact.digest}`);
    }
    if (desired === undefined || isRevisionOf(desired, this.#model, artifact)) return { desired, conflict: undefined };
    // A verdict on one artifact must never let run another.
    const message = `revision ${name} is another one of the same name: change anything in the pod template, for example an annotation, and another name follows`;
    return { desired: undefined, conflict: { reason: "RevisionConflict", message } };
  }

  /** With its verdict at once: nothing runs before it is written down what it may run on. */
  async #createRevision(wanted: ModelRevision, verdict: VerdictStatus): Promise<ModelRevision> {
    const revision = await createRevision(this.#client, wanted);
    const status = revisionStatus(revision, { phase: "Candidate", verdict }, this.#now);
    await applyStatus(this.#client, modelRevision.resource, revision, { status, fieldManager: FIELD_MANAGER });
    return { ...revision, status };
  }

  /** What has begun goes on: nothing else is begun. */
  #pauseOf(desired: ModelRevision | undefined, active: ModelRevision | undefined): Hold | undefined {
    const name = desired?.metadata.name;
    const runs = name === active?.metadata.name || name === revisionRunBy(this.#living.deployment);
    return runs ? undefined : pausedBy(this.#orders);
  }

  #decide({ judgement, desired, conflict, active, judgements, rollout, hold, asked, turn }: Gathered): Plan {
    const view = (revision: ModelRevision) => ({
      name: revision.metadata.name,
      standing: judgements.get(revision.metadata.name)?.standing ?? "Quarantine",
    });
    if (turn?.kind === "Stop") return { grant: [], ready: { status: "False", ...turn.says }, complete: false };
    const isOther = turn !== undefined && asked !== undefined && asked !== desired;
    const leaves = isOther && this.#living.pods.some((pod) => isAlive(pod) && revisionOf(pod) === asked.metadata.name);
    return decideServing({
      verdict: (isOther ? judgements.get(desired?.metadata.name ?? "")?.verdict : undefined) ?? judgement.verdict,
      ungrantedImages: desired === undefined ? [] : ungrantedImages(this.#deps, desired, this.#now),
      living: this.#living.deployment !== undefined,
      started: rollout.started,
      rolledOut: rollout.done,
      replicas: this.#model.spec.replicas,
      progress: rollout.progress,
      ...(desired === undefined ? {} : { desired: view(desired) }),
      ...(active === undefined ? {} : { active: view(active) }),
      ...(hold === undefined ? {} : { hold }),
      ...(conflict === undefined ? {} : { conflict }),
      ...(turn === undefined ? {} : { unwell: turn.says }),
      ...(leaves ? { leaving: view(asked) } : {}),
    });
  }

  /** Returns when the first of what is granted is due to be renewed. */
  async #publish(plan: Plan, { judgement, desired, active, judgements, asked }: Gathered): Promise<Date | undefined> {
    this.#record(() => verdictFacts(this.#model, judgement.verdict));
    const revisions = new Set([desired, active, asked]);
    const wanted = [...revisions].flatMap((revision) => {
      if (revision === undefined || !plan.grant.includes(revision.metadata.name)) return [];
      // A pod may be made while the verdict holds, and not in the grace after it.
      const notAfter = new Date(judgements.get(revision.metadata.name)?.verdict.notAfter ?? this.#now);
      return [{ revision, notAfter }];
    });
    const { granted, renewal } = await this.#publishGranted(wanted);
    this.#record(() => [modelGrantFact(granted, plan.ready)]);
    const judged = active === undefined ? undefined : judgements.get(active.metadata.name);
    if (active !== undefined && active !== desired && judged !== undefined)
      this.#record(() => [activeFact(active.spec.artifact, judged.verdict)]);
    return renewal;
  }

  /** A Deployment leaves the old pods until the new ones answer: those that must not run are not waited for. */
  async #endUngrantedPods(plan: Plan): Promise<void> {
    if (plan.run === undefined) return;
    const known = new Set(this.#existing.map(({ metadata }) => metadata.name));
    const revoked = this.#living.pods.filter((pod) => {
      const name = revisionOf(pod);
      return isAlive(pod) && name !== undefined && known.has(name) && !plan.grant.includes(name);
    });
    await endRevokedPods(this.#client, this.#model, revoked, { now: this.#now, log: this.#context.log });
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
    const patient = this.#readyReason() !== "PodRefused";
    const { clock } = this.#deps;
    const refusal = await refusalOf(this.#client, running, { clock, signal: this.#context.signal, patient });
    this.#context.signal.throwIfAborted();
    if (refusal === undefined) return { running, ready: plan.ready };
    return {
      running: named(plan.grant.find((name) => name !== plan.run)),
      ready: { status: "False", reason: "PodRefused", message: refusal },
    };
  }

  /** Returns what the API server has against the workload, for the condition. */
  async #start(revision: ModelRevision, { active, rollout }: Gathered): Promise<ReadyState | undefined> {
    // The port is that of the pods that answer now.
    const answering = rollout.done ? revision : (active ?? revision);
    const { port } = answering.spec.serving;
    try {
      await run(this.#client, this.#model, { revision, port, living: this.#living });
      return undefined;
    } catch (error) {
      if (!isKubeError(error, "Invalid") && !isKubeError(error, "Forbidden")) throw error;
      return { status: "False", reason: "WorkloadRefused", message: error.message };
    }
  }

  async #settleRevisions(
    status: SecureModelStatus,
    outcome: Outcome,
    { desired, judgements, asked }: Pick<Gathered, "desired" | "judgements" | "asked">,
  ): Promise<void> {
    const { plan, running } = outcome;
    const known = this.#existing.some((revision) => revision.metadata.name === desired?.metadata.name);
    const revisions = desired === undefined || known ? this.#existing : [...this.#existing, desired];
    const inUse = new Set(
      [
        ...plan.grant,
        desired?.metadata.name,
        asked?.metadata.name,
        status.active?.revision,
        status.lastKnownGood?.revision,
        status.rollback?.to,
      ].filter((name) => name !== undefined),
    );
    const surplus = surplusRevisions(revisions, inUse, this.#model.spec.historyLimit);
    await removeRevisions(this.#client, surplus);
    for (const revision of revisions) {
      if (surplus.includes(revision)) continue;
      const judgement = judgements.get(revision.metadata.name);
      const role = revisionRole(revision, status, { plan, running, desired: desired?.metadata.name, judgement });
      const isWell = servesWell(this.#model, outcome, revision);
      const health = this.#healthOf(revision.metadata.name);
      const next = revisionStatus(revision, { ...role, health, isWell }, this.#now);
      await applyStatus(this.#client, modelRevision.resource, revision, { status: next, fieldManager: FIELD_MANAGER });
    }
  }

  #nextLookMs(
    ready: ReadyState,
    { judgements, judgement, turn, rollout }: Gathered,
    renewal: Date | undefined,
  ): number {
    const verdicts = [judgement, ...judgements.values()].map(({ verdict }) => verdict);
    const { update, followInterval } = this.#model.spec.source;
    const followMs = update === "Follow" ? (parseDuration(followInterval) ?? Infinity) : Infinity;
    const isHeld = turn?.kind === "Stay" && turn.until !== undefined;
    const holdMs = isHeld ? Math.max(minRenewalMs, +turn.until - +this.#now) : Infinity;
    const waits = polled.includes(ready.reason) || (turn?.kind === "RunOther" && !rollout.done);
    const retryMs = waits ? unreadyRetryMs : Infinity;
    const renewalMs = renewal === undefined ? Infinity : Math.max(minRenewalMs, +renewal - +this.#now);
    return Math.min(nextCheckMs(verdicts, this.#now), followMs, retryMs, holdMs, renewalMs, this.#nextSourceMs());
  }

  async #write(seen: SecureModelStatus): Promise<void> {
    const status = this.#withSource(seen);
    this.#announce(status);
    this.#record(() => factsOf(this.#model, status));
    const evidence = this.#deps.evidence?.head(this.#model.metadata.uid ?? "") ?? this.#model.status?.evidence;
    const along = evidence === undefined ? undefined : { evidence };
    const write = { status, fieldManager: FIELD_MANAGER, resourceVersion: this.#resourceVersion, along };
    this.#resourceVersion = await applyStatus(this.#client, secureModel.resource, this.#model, write);
  }

  /** Where it was not looked at, it is what it was. */
  #withSource(status: SecureModelStatus): SecureModelStatus {
    const before = this.#model.status?.source;
    if (this.#imports === "NotLookedAt") return { ...status, ...(before === undefined ? {} : { source: before }) };
    const generation = this.#model.metadata.generation ?? 0;
    return withImport(status, this.#imports, { generation, now: this.#now });
  }

  #record(facts: () => readonly Fact[]): void {
    const object = evidenceObject(secureModel.resource, this.#model);
    if (object !== undefined) this.#deps.evidence?.record(object, facts);
  }

  /** An Event for each change of the verdict and of Ready; one where both say the same. */
  #announce(status: SecureModelStatus): void {
    if (this.#announced) return;
    this.#announced = true;
    const ready = status.conditions?.find(({ type }) => type === "Ready");
    const { verdict } = status;
    const before = this.#model.status?.verdict;
    if (verdict !== undefined && (verdict.outcome !== before?.outcome || verdict.reason !== before.reason)) {
      if (verdict.reason !== ready?.reason)
        this.#emit(verdict.outcome === "Verified" ? "Normal" : "Warning", verdict.reason, verdict.message, "Verify");
    }
    for (const warning of verdict?.warnings ?? []) {
      if (before?.warnings?.includes(warning) !== true) this.#emit("Warning", "PolicyWarning", warning, "Verify");
    }
    this.#announceSource(status);
    if (ready === undefined || ready.reason === this.#readyReason()) return;
    // Said when it was written down.
    if (ready.reason === "RolledBack") return;
    const isGood = ready.status === "True" || ["RollingOut", "Suspended", "Importing"].includes(ready.reason);
    this.#emit(isGood ? "Normal" : "Warning", ready.reason, ready.message);
  }

  #announceSource({ source, conditions }: SecureModelStatus): void {
    const before = this.#model.status;
    const imported = source?.imported;
    if (imported !== undefined && imported.digest !== before?.source?.imported?.digest) {
      const { from, repository, digest } = imported;
      this.#emit("Normal", "Imported", `${from} was imported as ${repository}@${digest}`, "Import");
    }
    const reasonIn = (status: SecureModelStatus | undefined) =>
      status?.conditions?.find(({ type }) => type === "SourceUnchanged");
    const now = reasonIn({ conditions });
    // Of a first import Ready says it.
    const isWarning = now?.reason === "SourceChanged" || (now?.reason === "ImportMismatch" && imported !== undefined);
    if (now !== undefined && isWarning && reasonIn(before)?.reason !== now.reason)
      this.#emit("Warning", now.reason, now.message, "Import");
  }

  #readyReason(): string | undefined {
    return this.#model.status?.conditions?.find(({ type }) => type === "Ready")?.reason;
  }

  #emit(type: "Normal" | "Warning", reason: string, note: string, action = "Reconcile"): void {
    const regarding = { apiVersion: API_VERSION, kind: secureModel.resource.kind, metadata: this.#model.metadata };
    this.#deps.events.emit(regarding, { type, reason, note, action });
  }
}
