import type {
  ModelRevision,
  ModelRevisionStatus,
  RevisionPointer,
  RolloutStatus,
  SecureModel,
  SecureModelStatus,
  VerdictStatus,
} from "../api/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import type { ImportStep } from "../importing/index.ts";
import { type Condition, setCondition, truncateUtf8 } from "../kube/index.ts";
import type { Plan, ReadyState } from "./decide.ts";
import { healthCondition, revisionHealth } from "./health.ts";
import { type DesiredJudgement, type Judgement, pinnedArtifact } from "./gather.ts";
import { type DeploymentObject, podSelector } from "./workload.ts";

/** What a completed pass saw and did. */
export interface Outcome {
  readonly plan: Plan;
  readonly ready: ReadyState;
  readonly desired: DesiredJudgement;
  /** The revision that the Deployment runs. */
  readonly running: ModelRevision | undefined;
  readonly deployments: readonly DeploymentObject[];
  /** Something of the model still stood when it was decided that nothing of it may run. */
  readonly tornDown: boolean;
  /** The ConfigMap that keeps what the pods said last. */
  readonly snapshot: string | undefined;
  /** What is thought of the revision that runs; absent while it was not looked at. */
  readonly health: HealthVerdict | undefined;
  /** Another revision is to run than the spec asks for. */
  readonly rolledBack: boolean;
  /** How far the revision that runs is, where it comes in stages. */
  readonly rollout?: RolloutStatus | undefined;
  /** Percent of the requests that each revision with pods gets, by name. */
  readonly traffic?: ReadonlyMap<string, number> | undefined;
}

/** The status of a SecureModel after a pass. Pure. */
export function modelStatus(model: SecureModel, outcome: Outcome, now: Date): SecureModelStatus {
  const { running, deployments, desired, ready, health, rolledBack, rollout } = outcome;
  const before = model.status ?? {};
  const complete = isComplete(outcome);
  const serves = complete && isWell(model, health);
  const pointer = running === undefined ? undefined : pointTo(running, now);
  const active = complete && pointer !== undefined ? unlessMoved(before.active, pointer) : before.active;
  const comes = !complete && pointer !== undefined && pointer.revision !== before.active?.revision;
  const lastKnownGood =
    serves && pointer !== undefined ? unlessMoved(before.lastKnownGood, pointer) : before.lastKnownGood;
  const artifact = artifactStatus(model, desired, now);
  const quarantine = quarantineStatus(before.quarantine, outcome, now);
  const sum = (count: "replicas" | "readyReplicas") =>
    deployments.reduce((total, { status }) => total + (status?.[count] ?? 0), 0);
  const readyReplicas = sum("readyReplicas");
  const { rollbacks } = before;
  return {
    observedGeneration: model.metadata.generation ?? 0,
    conditions: modelConditions(
      model,
      {
        ready,
        verdict: desired.verdict,
        readyReplicas,
        mayServe: running !== undefined,
        health: { verdict: health, revision: running?.metadata.name },
      },
      now,
    ),
    replicas: sum("replicas"),
    readyReplicas,
    selector: podSelector(model.metadata.name),
    verdict: desired.verdict,
    ...(artifact === undefined ? {} : { artifact }),
    ...(active === undefined ? {} : { active }),
    ...(comes ? { candidate: unlessMoved(before.candidate, pointer) } : {}),
    ...(lastKnownGood === undefined ? {} : { lastKnownGood }),
    ...(comes && rollout !== undefined ? { rollout } : {}),
    ...(rolledBack && before.rollback !== undefined ? { rollback: before.rollback } : {}),
    ...(rollbacks === undefined ? {} : { rollbacks }),
    ...(quarantine === undefined ? {} : { quarantine }),
  };
}

/** The Deployment has become what was planned, and nothing kept it from that. */
function isComplete({ plan, ready }: Pick<Outcome, "plan" | "ready">): boolean {
  return plan.complete && ready.reason === plan.ready.reason;
}

/** What nobody has asked anything yet is not known to be good, nor is what the spec wants looked at and nobody could. */
export function isWell({ spec }: SecureModel, health: HealthVerdict | undefined): boolean {
  if (spec.replicas === 0) return false;
  return spec.health === undefined ? health?.state !== "Unhealthy" : health?.state === "Healthy";
}

/** Why nothing is started. */
export interface Halt {
  readonly reason: string;
  readonly message: string;
}

/** The status of a pass that ended before anything was looked at: all that is not contradicted stays. Pure. */
export function haltedStatus(
  model: Pick<SecureModel, "metadata" | "status">,
  halt: Halt,
  now: Date,
): SecureModelStatus {
  const { status = {} } = model;
  const ready: ReadyState = { status: "False", ...halt };
  const readyReplicas = status.readyReplicas ?? 0;
  const conditions = modelConditions(
    model,
    { ready, verdict: status.verdict, readyReplicas, mayServe: status.quarantine === undefined },
    now,
  );
  return { ...status, observedGeneration: model.metadata.generation ?? 0, conditions };
}

/** A status with how the import stands; without one it has nothing of any. Pure. */
export function withImport(
  { source: _source, ...status }: SecureModelStatus,
  imports: Pick<ImportStep, "status" | "condition"> | undefined,
  { generation, now }: { readonly generation: number; readonly now: Date },
): SecureModelStatus {
  const conditions = (status.conditions ?? []) as readonly Condition[];
  const type = "SourceUnchanged";
  if (imports === undefined)
    return { ...status, conditions: conditions.filter((condition) => condition.type !== type) };
  const condition = { type, ...imports.condition, observedGeneration: generation };
  return { ...status, source: imports.status, conditions: setCondition(conditions, condition, now) };
}

function pointTo(revision: ModelRevision, now: Date): RevisionPointer {
  return { revision: revision.metadata.name, digest: revision.spec.artifact.digest, since: now.toISOString() };
}

function unlessMoved(before: RevisionPointer | undefined, pointer: RevisionPointer): RevisionPointer {
  return before?.revision === pointer.revision ? before : pointer;
}

function quarantineStatus(
  before: SecureModelStatus["quarantine"],
  { running, ready, tornDown, snapshot }: Outcome,
  now: Date,
): SecureModelStatus["quarantine"] {
  if (running !== undefined || (before === undefined && !tornDown)) return undefined;
  const { reason } = ready;
  const quarantine = before ?? {
    since: now.toISOString(),
    reason,
    message: truncateUtf8(ready.message, 2048),
  };
  return snapshot === undefined ? quarantine : { ...quarantine, snapshot };
}

function artifactStatus(
  model: SecureModel,
  { artifact, verdict }: DesiredJudgement,
  now: Date,
): SecureModelStatus["artifact"] {
  const known = model.status?.artifact;
  // What could not be looked up has not been looked up.
  if (artifact === undefined || (known !== undefined && verdict.outcome === "Indeterminate")) return known;
  const reference = model.spec.source.oci?.reference;
  if (reference === undefined) return known;
  const generation = model.metadata.generation ?? 0;
  // For a followed tag the time is that of the last look, else of the one that found this digest.
  if (known?.digest === artifact.digest && pinnedArtifact(model, () => true, now) !== undefined) return known;
  return {
    reference,
    digest: artifact.digest,
    platformDigests: [...artifact.platformDigests],
    resolvedAt: now.toISOString(),
    generation,
  };
}

interface Seen {
  readonly ready: ReadyState;
  readonly verdict: VerdictStatus | undefined;
  readonly readyReplicas: number;
  /** A revision is there that its verdict allows to run. */
  readonly mayServe: boolean;
  /** Absent where it was not asked for: then the condition stays. */
  readonly health?: { readonly verdict: HealthVerdict | undefined; readonly revision: string | undefined };
}

/** Ready, Serving, Healthy, Verified, Reconciling and Stalled. */
function modelConditions(
  model: Pick<SecureModel, "metadata" | "status">,
  { ready, verdict, readyReplicas, mayServe, health }: Seen,
  now: Date,
): Condition[] {
  const before = (model.status?.conditions ?? []) as readonly Condition[];
  const { reason, message } = ready;
  const progress = progressOf(ready, verdict);
  const wanted: readonly Omit<Condition, "lastTransitionTime" | "observedGeneration">[] = [
    { type: "Ready", status: ready.status, reason, message },
    { type: "Serving", ...servingState(readyReplicas, mayServe) },
    ...(health === undefined ? [] : [healthCondition(health.verdict, health.revision, before)]),
    verifiedCondition(verdict),
    { type: "Reconciling", status: progress === "Reconciling" ? "True" : "False", reason, message },
    { type: "Stalled", status: progress === "Stalled" ? "True" : "False", reason, message },
  ];
  const observedGeneration = model.metadata.generation ?? 0;
  return wanted.reduce<Condition[]>(
    (conditions, condition) => setCondition(conditions, { ...condition, observedGeneration }, now),
    [...before],
  );
}

/** Pods that are on their way out serve nobody. */
function servingState(readyReplicas: number, mayServe: boolean): Pick<Condition, "status" | "reason" | "message"> {
  if (!mayServe) return { status: "False", reason: "NothingMayRun", message: "no revision may run now" };
  const message = `${readyReplicas} ready pods`;
  return readyReplicas > 0
    ? { status: "True", reason: "PodsReady", message }
    : { status: "False", reason: "NoReadyPod", message };
}

/** Waiting for these cures nothing: somebody has to change something. */
const stalling: readonly string[] = [
  "ImportMismatch",
  "ImportUnavailable",
  "InvalidSpec",
  "Latched",
  "NamespaceNotServing",
  "NoSafeRevision",
  "PodRefused",
  "RevisionConflict",
  "RollbackOff",
  "RolledBack",
  "WorkloadRefused",
];

function progressOf(ready: ReadyState, verdict: VerdictStatus | undefined): "Done" | "Reconciling" | "Stalled" {
  if (ready.status === "True" || ready.reason === "Suspended") return "Done";
  const refused = verdict?.outcome === "Rejected" && verdict.reason === ready.reason;
  return refused || stalling.includes(ready.reason) ? "Stalled" : "Reconciling";
}

function verifiedCondition(verdict: VerdictStatus | undefined) {
  const type = "Verified";
  switch (verdict?.outcome) {
    case "Verified":
      // A person allows it: nobody has verified it.
      if (verdict.exception !== undefined) {
        return { type, status: "False", reason: "BreakGlass", message: withWarnings(verdict) } as const;
      }
      return { type, status: "True", reason: verdict.reason, message: withWarnings(verdict) } as const;
    case "Rejected":
      return { type, status: "False", reason: verdict.reason, message: withWarnings(verdict) } as const;
    case "Indeterminate":
      return { type, status: "Unknown", reason: verdict.reason, message: withWarnings(verdict) } as const;
    case undefined:
      return { type, status: "Unknown", reason: "NotYetVerified", message: "nothing has been verified yet" } as const;
  }
}

function withWarnings({ message, warnings = [] }: VerdictStatus): string {
  return [message, ...warnings.map((warning) => `warning: ${warning}`)].join("; ");
}

/** Where a revision stands among those of its model. */
export interface RevisionRole {
  readonly phase: NonNullable<ModelRevisionStatus["phase"]>;
  /** Absent when the revision was not judged in this pass. */
  readonly verdict?: VerdictStatus;
  /** Absent when nobody looks at it now. */
  readonly health?: HealthVerdict | undefined;
  /** It serves, and is well. */
  readonly isWell?: boolean;
  /** Percent of the requests; absent where it has no pods. */
  readonly traffic?: number | undefined;
}

/** What a revision is after a pass. Pure. */
export function revisionRole(
  revision: ModelRevision,
  status: Pick<SecureModelStatus, "active">,
  outcome: Pick<Outcome, "plan" | "running"> & {
    readonly desired: string | undefined;
    readonly judgement: Judgement | undefined;
  },
): RevisionRole {
  const { judgement, plan, running } = outcome;
  const { name } = revision.metadata;
  const verdict = judgement === undefined ? {} : { verdict: judgement.verdict };
  const phase = (): RevisionRole["phase"] => {
    if (plan.grant.includes(name)) return name === status.active?.revision ? "Active" : "Candidate";
    if (judgement?.standing === "Quarantine" || (name === status.active?.revision && running === undefined))
      return "Quarantined";
    if (revision.status?.ban !== undefined) return "RolledBack";
    if (name === outcome.desired) return "Candidate";
    // How it ended is not forgotten when another takes its place.
    return judgement === undefined && revision.status?.phase === "Quarantined" ? "Quarantined" : "Superseded";
  };
  return { phase: phase(), ...verdict };
}

/** Whether it is the revision that serves, and is well. Pure. */
export function servesWell(model: SecureModel, outcome: Outcome, revision: ModelRevision): boolean {
  return (
    isComplete(outcome) && isWell(model, outcome.health) && revision.metadata.name === outcome.running?.metadata.name
  );
}

/** The status of a ModelRevision. Pure. */
export function revisionStatus(
  revision: ModelRevision,
  { phase, verdict = revision.status?.verdict, health: seen, isWell = false, traffic }: RevisionRole,
  now: Date,
): ModelRevisionStatus {
  const before = revision.status ?? {};
  const time = now.toISOString();
  const observedGeneration = revision.metadata.generation ?? 1;
  const servedFrom = before.servedFrom ?? (phase === "Active" ? time : undefined);
  const healthyFrom = before.healthyFrom ?? (isWell ? time : undefined);
  const { ban } = before;
  // Of one that is banned, the ban says why.
  const health = ban === undefined ? revisionHealth(before.health, seen, now) : undefined;
  return {
    observedGeneration,
    conditions: setCondition(
      (before.conditions ?? []) as readonly Condition[],
      { ...verifiedCondition(verdict), observedGeneration },
      now,
    ),
    phase,
    phaseSince: before.phase === phase ? (before.phaseSince ?? time) : time,
    ...(servedFrom === undefined ? {} : { servedFrom }),
    ...(healthyFrom === undefined ? {} : { healthyFrom }),
    ...(traffic === undefined ? {} : { traffic }),
    ...(health === undefined ? {} : { health }),
    ...(ban === undefined ? {} : { ban }),
    ...(verdict === undefined ? {} : { verdict }),
  };
}
