import {
  API_VERSION,
  type AdmissionGrant,
  type ModelRevision,
  type SecureModel,
  type SecureModelStatus,
  type SecureNamespace,
  modelRevision,
  parseObject,
  secureModel,
} from "../api/index.ts";
import type { GrantStore } from "../admission/index.ts";
import {
  type Clock,
  type EventRecorder,
  type KubeObject,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  applyStatus,
  ensureFinalizer,
  removeFinalizer,
} from "../kube/index.ts";
import { type Credentials, type ResolvedPolicy, type Verifier, nextCheckMs, parseDuration } from "../trust/index.ts";
import {
  FIELD_MANAGER,
  type LivingWorkload,
  createRevision,
  publishGrant,
  refusalOf,
  removeRevisions,
  run,
  tearDown,
} from "./actions.ts";
import { type Plan, type ReadyState, decideServing } from "./decide.ts";
import {
  type DesiredJudgement,
  type Judgement,
  type Rollout,
  holdOf,
  judgeDesired,
  judgeRevision,
  rolloutOf,
  ungrantedImages,
} from "./gather.ts";
import { snapshotName } from "./snapshot.ts";
import { newRevision, revisionName, surplusRevisions } from "./revision.ts";
import { type Outcome, haltedStatus, modelStatus, revisionRole, revisionStatus } from "./status.ts";
import type { DeploymentObject } from "./workload.ts";

const FINALIZER = "mlsecops.io/model";
/** What a rollout waits for (a pull, the grant reaching the API server) does not always make an event. */
const unreadyRetryMs = 10_000;

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
  readonly pullCredentials: (
    namespace: string,
    secretNames: readonly string[],
    signal: AbortSignal,
  ) => Promise<Credentials | undefined>;
  /** What is missing or changed among the admission policies. */
  readonly guardProblems: () => readonly string[];
  readonly events: Pick<EventRecorder, "emit">;
  readonly clock: Clock;
}

/** Brings what runs to what a SecureModel asks for and its verdicts allow. */
export function servingReconciler(
  deps: ServingDependencies,
): (key: string, context: ReconcileContext) => Promise<ReconcileResult> {
  return async (key, context) => {
    const raw = deps.models.get(key);
    if (raw === undefined) return {};
    const client = deps.client.withSignal(context.signal);
    if (raw.metadata.deletionTimestamp !== undefined) {
      await publishGrant(deps.grants, raw, [], context.signal);
      await removeFinalizer(client, secureModel.resource, raw, FINALIZER);
      return {};
    }
    const parsed = parseObject(secureModel, raw);
    if (!parsed.ok) return new Pass(deps, raw, context).halt("InvalidSpec", parsed.message);
    const pass = new Pass(deps, parsed.value, context);
    if (parsed.value.spec.suspend) {
      return pass.halt("Suspended", "spec.suspend is true: what runs stays as it is and nothing is started");
    }
    await ensureFinalizer(client, secureModel.resource, raw, FINALIZER);
    return pass.run();
  };
}

interface Gathered {
  readonly judgement: DesiredJudgement;
  /** The revision that the spec asks for; absent until its artifact was verified once. */
  readonly desired: ModelRevision | undefined;
  readonly active: ModelRevision | undefined;
  /** By name; of the desired and of the active revision. */
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly rollout: Rollout;
  readonly living: LivingWorkload;
}

/** One look at one SecureModel: gathers, decides, applies, reports. */
class Pass {
  readonly #deps: ServingDependencies;
  readonly #client: ObjectClient;
  readonly #model: SecureModel;
  readonly #context: ReconcileContext;
  readonly #namespace: string;
  readonly #existing: readonly ModelRevision[];
  readonly #now: Date;
  #announced = false;

  constructor(deps: ServingDependencies, model: SecureModel, context: ReconcileContext) {
    const { name, namespace = "" } = model.metadata;
    this.#deps = deps;
    this.#client = deps.client.withSignal(context.signal);
    this.#model = model;
    this.#context = context;
    this.#namespace = namespace;
    this.#existing = deps.revisions.list(namespace).filter((revision) => revision.spec.model === name);
    this.#now = deps.clock.now();
  }

  async halt(reason: "InvalidSpec" | "Suspended", message: string): Promise<ReconcileResult> {
    await this.#write(haltedStatus(this.#model, { reason, message }, this.#now));
    return {};
  }

  async run(): Promise<ReconcileResult> {
    const gathered = await this.#gather();
    // A pass that was cut short knows nothing: what it could not find out must not decide.
    this.#context.signal.throwIfAborted();
    const plan = this.#decide(gathered);
    await this.#publish(plan, gathered);
    const { running, ready } = await this.#admit(plan, gathered);

    const { living, judgement } = gathered;
    const alive = living.pods.some((pod) => pod.metadata.deletionTimestamp === undefined);
    const tornDown = running === undefined && (living.deployment !== undefined || alive);
    let outcome: Outcome = {
      plan,
      ready,
      desired: judgement,
      running,
      deployment: living.deployment,
      tornDown,
      // Promised before it is taken: no pod goes without it.
      snapshot: tornDown && alive ? snapshotName(this.#model) : undefined,
    };
    if (running !== undefined) await run(this.#client, this.#model, running, living);
    else if (tornDown) {
      // The status first: a quarantine that is cut short is one all the same.
      await this.#write(modelStatus(this.#model, outcome, this.#now));
      const kept = await tearDown(this.#client, this.#model, living, { now: this.#now, log: this.#context.log });
      if (!kept) outcome = { ...outcome, snapshot: undefined };
    }
    const status = modelStatus(this.#model, outcome, this.#now);
    await this.#settleRevisions(status, outcome, gathered);
    await this.#write(status);
    return { requeueAfterMs: this.#nextLookMs(ready, gathered) };
  }

  async #gather(): Promise<Gathered> {
    const { deployments, services, podsOf } = this.#deps;
    const { name } = this.#model.metadata;
    const { signal } = this.#context;
    const judgement = await judgeDesired(this.#deps, this.#model, this.#now, signal);
    signal.throwIfAborted();
    const desired = await this.#desiredRevision(judgement);
    const judgements = new Map<string, Judgement>();
    if (desired !== undefined) judgements.set(desired.metadata.name, judgement);
    const active = this.#existing.find(({ metadata }) => metadata.name === this.#model.status?.active?.revision);
    if (active !== undefined && !judgements.has(active.metadata.name)) {
      const judged = await judgeRevision(this.#deps, this.#model, active, { now: this.#now, signal });
      judgements.set(active.metadata.name, judged);
    }
    const key = `${this.#namespace}/${name}`;
    const living = {
      deployment: deployments.get(key),
      service: services.get(key),
      pods: podsOf(this.#namespace, name),
    };
    const rollout = rolloutOf(living.deployment, desired, this.#model.spec.replicas);
    return { judgement, desired, active, judgements, rollout, living };
  }

  /** The revision for what the source resolved to: the one there is, or a new one once it is verified. */
  async #desiredRevision({ artifact, standing }: DesiredJudgement): Promise<ModelRevision | undefined> {
    if (artifact === undefined) return undefined;
    const name = revisionName(this.#model, artifact);
    const existing = this.#existing.find((revision) => revision.metadata.name === name);
    if (existing !== undefined || standing !== "Admit") return existing;
    const created = await createRevision(this.#client, newRevision(this.#model, artifact, this.#existing));
    this.#emit("Normal", "RevisionCreated", `revision ${name} of digest ${artifact.digest}`);
    return created;
  }

  #decide({ judgement, desired, active, judgements, rollout }: Gathered): Plan {
    const { namespaces, guardProblems } = this.#deps;
    const view = (revision: ModelRevision) => ({
      name: revision.metadata.name,
      standing: judgements.get(revision.metadata.name)?.standing ?? "Quarantine",
    });
    const hold = holdOf(namespaces, this.#namespace, guardProblems());
    return decideServing({
      verdict: judgement.verdict,
      ungrantedImages: desired === undefined ? [] : ungrantedImages(this.#deps, desired, this.#now),
      rolledOut: rollout.done,
      progress: rollout.progress,
      ...(desired === undefined ? {} : { desired: view(desired) }),
      ...(active === undefined ? {} : { active: view(active) }),
      ...(hold === undefined ? {} : { hold }),
    });
  }

  async #publish(plan: Plan, { desired, active, judgements }: Gathered): Promise<void> {
    const granted = [desired, active].flatMap((revision) => {
      if (revision === undefined || !plan.grant.includes(revision.metadata.name)) return [];
      // A pod may be made while the verdict holds, and not in the grace after it.
      const notAfter = new Date(judgements.get(revision.metadata.name)?.verdict.notAfter ?? this.#now);
      return [{ revision, notAfter }];
    });
    await publishGrant(this.#deps.grants, this.#model, granted, this.#context.signal);
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

  async #settleRevisions(
    status: SecureModelStatus,
    { plan, running }: Outcome,
    { desired, judgements }: Gathered,
  ): Promise<void> {
    const known = this.#existing.some((revision) => revision.metadata.name === desired?.metadata.name);
    const revisions = desired === undefined || known ? this.#existing : [...this.#existing, desired];
    const inUse = new Set(
      [...plan.grant, desired?.metadata.name, status.active?.revision, status.lastKnownGood?.revision].filter(
        (name) => name !== undefined,
      ),
    );
    const surplus = surplusRevisions(revisions, inUse, this.#model.spec.historyLimit);
    await removeRevisions(this.#client, surplus);
    for (const revision of revisions) {
      if (surplus.includes(revision)) continue;
      const judgement = judgements.get(revision.metadata.name);
      const role = revisionRole(revision, status, { plan, running, desired: desired?.metadata.name, judgement });
      const next = revisionStatus(revision, role, this.#now);
      await applyStatus(this.#client, modelRevision.resource, revision, { status: next, fieldManager: FIELD_MANAGER });
    }
  }

  #nextLookMs(ready: ReadyState, { judgements, judgement }: Gathered): number {
    const verdicts = [judgement, ...judgements.values()].map(({ verdict }) => verdict);
    const { update, followInterval } = this.#model.spec.source;
    const followMs = update === "Follow" ? (parseDuration(followInterval) ?? Infinity) : Infinity;
    const retryMs = ready.status === "True" ? Infinity : unreadyRetryMs;
    return Math.min(nextCheckMs(verdicts, this.#now), followMs, retryMs);
  }

  async #write(status: SecureModelStatus): Promise<void> {
    this.#announce(status);
    await applyStatus(this.#client, secureModel.resource, this.#model, { status, fieldManager: FIELD_MANAGER });
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
    if (ready === undefined || ready.reason === this.#readyReason()) return;
    const isGood = ready.status === "True" || ready.reason === "RollingOut" || ready.reason === "Suspended";
    this.#emit(isGood ? "Normal" : "Warning", ready.reason, ready.message);
  }

  #readyReason(): string | undefined {
    return this.#model.status?.conditions?.find(({ type }) => type === "Ready")?.reason;
  }

  #emit(type: "Normal" | "Warning", reason: string, note: string, action = "Reconcile"): void {
    const regarding = { apiVersion: API_VERSION, kind: secureModel.resource.kind, metadata: this.#model.metadata };
    this.#deps.events.emit(regarding, { type, reason, note, action });
  }
}
