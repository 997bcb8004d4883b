import type { ModelEventType, RevisionPointer, SecureModelStatus } from "../api/index.ts";

/** Something that people want to hear of a model. */
export interface Change {
  readonly type: ModelEventType;
  readonly at: Date;
  readonly revision?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly digest?: string | undefined;
  readonly reason: string;
  readonly message: string;
}

interface Step {
  readonly before: SecureModelStatus;
  readonly after: SecureModelStatus;
  readonly now: Date;
}

/** What a status says that the one before did not, in the order in which it is told. Pure. */
export function changesOf(
  before: SecureModelStatus | undefined,
  after: SecureModelStatus,
  now: Date,
): readonly Change[] {
  const step = { before: before ?? {}, after, now };
  return [
    rejected,
    unhealthy,
    rolledBack,
    noSafeRevision,
    latched,
    budgetIsSpent,
    awaitsApproval,
    quarantined,
    restored,
    promoted,
    recovered,
  ].flatMap((rule) => rule(step) ?? []);
}

type Rule = (step: Step) => Change | undefined;

const rejected: Rule = ({ before, after, now }) => {
  const { verdict } = after;
  const same =
    before.verdict?.outcome === "Rejected" &&
    before.verdict.reason === verdict?.reason &&
    before.verdict.digest === verdict.digest;
  if (verdict?.outcome !== "Rejected" || same) return undefined;
  const { reason, message, digest = after.artifact?.digest } = verdict;
  const revision = pointersOf(after).find((pointer) => pointer.digest === digest)?.revision;
  return {
    type: "io.mlsecops.model.verdict.rejected",
    at: timeOf(verdict.verifiedAt, now),
    revision,
    digest,
    reason,
    message,
  };
};

const unhealthy: Rule = ({ before, after, now }) => {
  const health = conditionOf(after, "Healthy");
  const running = runningIn(after);
  if (health?.status !== "False") return undefined;
  if (conditionOf(before, "Healthy")?.status === "False" && runningIn(before)?.revision === running?.revision)
    return undefined;
  const { reason, message, lastTransitionTime } = health;
  return {
    type: "io.mlsecops.model.unhealthy",
    at: timeOf(lastTransitionTime, now),
    ...aboutOf(running),
    reason,
    message,
  };
};

const recovered: Rule = ({ before, after, now }) => {
  const health = conditionOf(after, "Healthy");
  const running = runningIn(after);
  if (health?.status !== "True" || conditionOf(before, "Healthy")?.status !== "False") return undefined;
  if (runningIn(before)?.revision !== running?.revision) return undefined;
  const { reason, message, lastTransitionTime } = health;
  return {
    type: "io.mlsecops.model.recovered",
    at: timeOf(lastTransitionTime, now),
    ...aboutOf(running),
    reason,
    message,
  };
};

const rolledBack: Rule = ({ before, after, now }) => {
  const { rollback } = after;
  if (rollback?.to === undefined) return undefined;
  const { from, to, since, reason, message } = rollback;
  if (before.rollback?.since === since && before.rollback.to === to) return undefined;
  const digest = digestOf(from, before, after);
  return {
    type: "io.mlsecops.model.rolledback",
    at: timeOf(since, now),
    revision: from,
    from,
    to,
    digest,
    reason,
    message,
  };
};

const noSafeRevision: Rule = ({ before, after, now }) => {
  const reason = "NoSafeRevision";
  if (!lacksSafeRevision(after) || lacksSafeRevision(before)) return undefined;
  const type = "io.mlsecops.model.nosaferevision";
  const { rollback } = after;
  if (rollback !== undefined && rollback.to === undefined) {
    const { from, since, message } = rollback;
    return {
      type,
      at: timeOf(since, now),
      revision: from,
      from,
      digest: digestOf(from, before, after),
      reason,
      message,
    };
  }
  return { type, at: now, ...aboutOf(runningIn(after)), reason, message: conditionOf(after, "Ready")?.message ?? "" };
};

function lacksSafeRevision(status: SecureModelStatus): boolean {
  const { rollback } = status;
  return (rollback !== undefined && rollback.to === undefined) || readyReason(status) === "NoSafeRevision";
}

/** Ready says that it waits for a person. */
const awaits =
  (type: ModelEventType, reasons: readonly string[]): Rule =>
  ({ before, after, now }) => {
    const ready = conditionOf(after, "Ready");
    const running = runningIn(after);
    if (ready === undefined || !reasons.includes(ready.reason)) return undefined;
    if (readyReason(before) === ready.reason && runningIn(before)?.revision === running?.revision) return undefined;
    return { type, at: now, ...aboutOf(running), reason: ready.reason, message: ready.message };
  };

const latched: Rule = ({ before, after, now }) => {
  const { latch } = after;
  if (latch === undefined || latch.since === before.latch?.since) return undefined;
  const { since, reason, message } = latch;
  const about = aboutOf(runningIn(after));
  return { type: "io.mlsecops.model.latched", at: timeOf(since, now), ...about, reason, message };
};

const budgetIsSpent = awaits("io.mlsecops.model.latched", ["RollbackBudgetSpent"]);
const awaitsApproval = awaits("io.mlsecops.model.approval.required", ["WaitsForApproval"]);

const quarantined: Rule = ({ before, after, now }) => {
  const { quarantine } = after;
  if (quarantine === undefined || quarantine.since === before.quarantine?.since) return undefined;
  const { since, reason, message } = quarantine;
  return {
    type: "io.mlsecops.model.quarantined",
    at: timeOf(since, now),
    ...aboutOf(runningIn(after)),
    reason,
    message,
  };
};

const restored: Rule = ({ before, after, now }) => {
  if (before.quarantine === undefined || after.quarantine !== undefined) return undefined;
  const running = runningIn(after);
  const what = running === undefined ? "something of it may run again" : `revision ${running.revision} may run again`;
  const message = `the quarantine since ${before.quarantine.since} is over: ${what}`;
  return {
    type: "io.mlsecops.model.restored",
    at: now,
    ...aboutOf(running),
    reason: readyReason(after) ?? "Serving",
    message,
  };
};

/** What is gone back to is no promotion: of that the rollback tells. */
const promoted: Rule = ({ before, after, now }) => {
  const { active, rollback } = after;
  const from = before.active?.revision;
  if (active === undefined || active.revision === from || active.revision === rollback?.to) return undefined;
  const { revision, digest, since } = active;
  const message = `revision ${revision} serves${from === undefined ? "" : ` instead of ${from}`}`;
  const reason = readyReason(after) ?? "Serving";
  return {
    type: "io.mlsecops.model.promoted",
    at: timeOf(since, now),
    revision,
    from,
    to: revision,
    digest,
    reason,
    message,
  };
};

function aboutOf(pointer: RevisionPointer | undefined): Pick<Change, "revision" | "digest"> {
  return pointer === undefined ? {} : { revision: pointer.revision, digest: pointer.digest };
}

/** What comes, else what serves. */
function runningIn({ candidate, active }: SecureModelStatus): RevisionPointer | undefined {
  return candidate ?? active;
}

function pointersOf({ candidate, active, lastKnownGood }: SecureModelStatus): readonly RevisionPointer[] {
  return [candidate, active, lastKnownGood].filter((pointer) => pointer !== undefined);
}

function digestOf(revision: string, ...statuses: readonly SecureModelStatus[]): string | undefined {
  return statuses.flatMap(pointersOf).find((pointer) => pointer.revision === revision)?.digest;
}

function conditionOf({ conditions }: SecureModelStatus, type: string) {
  return conditions?.find((condition) => condition.type === type);
}

function readyReason(status: SecureModelStatus): string | undefined {
  return conditionOf(status, "Ready")?.reason;
}

function timeOf(text: string | undefined, now: Date): Date {
  const at = new Date(text ?? NaN);
  return Number.isNaN(at.getTime()) ? now : at;
}
