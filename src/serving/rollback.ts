import type { Order } from "../actions/index.ts";
import type {
  LatchStatus,
  ModelRevision,
  RevisionBan,
  RollbackStatus,
  SecureModel,
  SecureModelStatus,
} from "../api/index.ts";
import {
  type HealthVerdict,
  type RollbackCandidate,
  type RollbackDecision,
  decideRollback,
  rollbackRules,
  targetOf,
} from "../health/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { Hold } from "./decide.ts";
import type { Judgement } from "./gather.ts";
import { latchFor, untilResumed } from "./latch.ts";

export interface Situation {
  readonly model: SecureModel;
  /** What the spec asks for; absent while it cannot be had. */
  readonly asked: ModelRevision | undefined;
  /** What the spec asks for cannot be started now. */
  readonly askedIsBlocked: boolean;
  readonly active: ModelRevision | undefined;
  /** The revision that the Deployment makes pods of. */
  readonly started: string | undefined;
  readonly revisions: readonly ModelRevision[];
  /** By name. */
  readonly judgements: ReadonlyMap<string, Judgement>;
  readonly healthOf: (revision: string) => HealthVerdict | undefined;
  /** Why a person wants nothing changed. */
  readonly paused: Hold | undefined;
  /** What people want of the model, oldest first. */
  readonly orders: readonly Order[];
  /** That which holds. */
  readonly latch: LatchStatus | undefined;
}

/** What to run instead of what the spec asks for. */
export type Turn =
  /** What the spec asks for, as far as it may. */
  | { readonly kind: "None" }
  /** It goes on as it is, and this is said of it. */
  | { readonly kind: "Stay"; readonly run: ModelRevision; readonly says: Hold; readonly until?: Date | undefined }
  | { readonly kind: "RunOther"; readonly run: ModelRevision; readonly intent: Intent | undefined; readonly says: Hold }
  | { readonly kind: "Stop"; readonly intent: Intent | undefined; readonly says: Hold };

/** What is written down before anything is done. */
export interface Intent {
  readonly rollback: RollbackStatus;
  /** It counts in the budget. */
  readonly isNew: boolean;
  /** It was one too many. */
  readonly latch?: LatchStatus | undefined;
}

/** Revisions that may be gone back to, if today's policies allow: these have to be judged. Pure. */
export function toJudge({ model, revisions, judgements }: Situation): readonly ModelRevision[] {
  return revisions.filter(
    (revision) =>
      !judgements.has(revision.metadata.name) && revision.status?.ban === undefined && wasHealthy(model, revision),
  );
}

/** Whether a look at the other revisions is needed at all. Pure. */
export function isInTrouble(situation: Situation): boolean {
  return unwanted(situation) !== undefined || unhealthy(situation) !== undefined;
}

/**
 * What to run, when what the spec asks for is banned, or what runs is unhealthy. Pure.
 * `situation.judgements` has all of `toJudge`.
 */
export function decideTurn(situation: Situation, now: Date): Turn {
  const { model } = situation;
  const bad = unhealthy(situation);
  if (bad !== undefined) return leave(situation, bad, now);
  const banned = unwanted(situation);
  if (banned === undefined) return { kind: "None" };
  const chosen = chosenOf(situation);
  const before = model.status?.rollback;
  if (chosen !== undefined && before !== undefined)
    return { kind: "RunOther", run: chosen, intent: undefined, says: rolledBack(before, situation) };
  return chooseAnew(situation, banned, now);
}

interface Banned {
  readonly revision: ModelRevision;
  readonly ban: RevisionBan;
}

/** The revision that would run, or go on, without a turn, and is banned. */
function unwanted({ asked, askedIsBlocked, active }: Situation): Banned | undefined {
  const isStartable = asked !== undefined && (!askedIsBlocked || asked.status?.ban !== undefined);
  const revision = isStartable ? asked : active;
  const ban = revision?.status?.ban;
  return revision === undefined || ban === undefined ? undefined : { revision, ban };
}

/** The revision that runs, or is to, and is unhealthy. */
function unhealthy(
  situation: Situation,
): { readonly revision: ModelRevision; readonly verdict: HealthVerdict } | undefined {
  const { asked, askedIsBlocked, active, started, healthOf } = situation;
  const isAskedFor = asked !== undefined && asked.status?.ban === undefined;
  const comes = isAskedFor && (asked.metadata.name === started || !askedIsBlocked);
  const revision = comes ? asked : isAskedFor ? active : (chosenOf(situation) ?? active);
  if (revision === undefined || revision.status?.ban !== undefined) return undefined;
  const verdict = healthOf(revision.metadata.name);
  return verdict?.state === "Unhealthy" ? { revision, verdict } : undefined;
}

function leave(
  situation: Situation,
  { revision, verdict }: { readonly revision: ModelRevision; readonly verdict: HealthVerdict },
  now: Date,
): Turn {
  const { model, active, revisions, paused } = situation;
  if (paused !== undefined) {
    const message = `${paused.message}; revision ${revision.metadata.name} is unhealthy: ${verdict.message}`;
    return { kind: "Stay", run: revision, says: { reason: paused.reason, message } };
  }
  const decision = decideRollback(
    {
      from: candidateOf(situation, revision),
      active: active?.metadata.name,
      why: verdict.message,
      revisions: revisions.map((one) => candidateOf(situation, one)),
      rollbacks: (model.status?.rollbacks ?? []).map(({ at }) => new Date(at)),
    },
    rollbackRules(model.spec.rollback),
    now,
  );
  return turnOf(situation, { decision, from: revision, reason: verdict.reason }, now);
}

function turnOf(
  situation: Situation,
  {
    decision,
    from,
    reason,
  }: { readonly decision: RollbackDecision; readonly from: ModelRevision; readonly reason: string },
  now: Date,
): Turn {
  const { message } = decision;
  const intend = (to?: string): Intent => {
    const rollback: RollbackStatus = {
      from: from.metadata.name,
      ...(to === undefined ? {} : { to }),
      since: now.toISOString(),
      reason,
      message: truncateUtf8(message, 2048),
    };
    return { rollback, isNew: true, latch: latchFor(rollback, situation, now) };
  };
  switch (decision.action) {
    case "Hold":
      return { kind: "Stay", run: from, says: { reason: decision.reason, message }, until: decision.until };
    case "SafeStop": {
      const says = { reason: decision.reason, message };
      if (decision.mode === "KeepServing") return { kind: "Stay", run: from, says };
      return { kind: "Stop", intent: intend(), says };
    }
    case "RollBack": {
      const run = situation.revisions.find(({ metadata }) => metadata.name === decision.to);
      if (run === undefined) throw new TypeError(`revision ${decision.to} was chosen and is not there`);
      const intent = intend(decision.to);
      const latch = intent.latch ?? situation.latch;
      return { kind: "RunOther", run, intent, says: rolledBack(intent.rollback, { ...situation, latch }) };
    }
  }
}

/** What was gone back to cannot be run any more: the next older one, or what still runs, or nothing. */
function chooseAnew(situation: Situation, { revision, ban }: Banned, now: Date): Turn {
  const { model, active, revisions, started, judgements } = situation;
  const serving = active?.metadata.name;
  const target = targetOf({
    from: candidateOf(situation, revision),
    active: serving,
    revisions: revisions.map((one) => candidateOf(situation, one)),
  });
  const run = revisions.find(({ metadata }) => metadata.name === target?.name);
  const why = `revision ${revision.metadata.name} is banned: ${ban.message}`;
  if (run !== undefined) {
    const to = run.metadata.name;
    const message = truncateUtf8(`revision ${to} serves, the newest one that is safe to go back to; ${why}`, 2048);
    const rollback = { from: revision.metadata.name, to, since: now.toISOString(), reason: ban.reason, message };
    return { kind: "RunOther", run, intent: { rollback, isNew: false }, says: rolledBack(rollback, situation) };
  }
  const says = { reason: "NoSafeRevision", message: `no revision is safe to go back to; ${why}` };
  const { onNoSafeRevision } = rollbackRules(model.spec.rollback);
  const living = revisions.find(({ metadata }) => metadata.name === started);
  const standing = living === undefined ? undefined : judgements.get(living.metadata.name)?.standing;
  const mayStay = onNoSafeRevision === "KeepServing" && (standing === "Admit" || standing === "KeepOnly");
  if (living !== undefined && mayStay) return { kind: "Stay", run: living, says };
  return { kind: "Stop", intent: undefined, says };
}

/** The revision that was gone back to, while it still may run. */
function chosenOf({ model, revisions, judgements, started }: Situation): ModelRevision | undefined {
  const to = model.status?.rollback?.to;
  const chosen = revisions.find(({ metadata }) => metadata.name === to);
  if (chosen === undefined || chosen.status?.ban !== undefined) return undefined;
  const standing = judgements.get(chosen.metadata.name)?.standing;
  return standing === "Admit" || (standing === "KeepOnly" && chosen.metadata.name === started) ? chosen : undefined;
}

function candidateOf({ model, judgements }: Situation, revision: ModelRevision): RollbackCandidate {
  const { name } = revision.metadata;
  return {
    name,
    number: revision.spec.number,
    ban: revision.status?.ban?.message,
    wasHealthy: wasHealthy(model, revision),
    standing: judgements.get(name)?.standing,
  };
}

function wasHealthy({ status }: SecureModel, { metadata, status: own }: ModelRevision): boolean {
  return own?.healthyFrom !== undefined || status?.lastKnownGood?.revision === metadata.name;
}

function rolledBack({ message }: RollbackStatus, { model, latch }: Pick<Situation, "model" | "latch">): Hold {
  const next = latch === undefined ? "" : `, ${untilResumed(model)}`;
  return {
    reason: "RolledBack",
    message: `${message}; change spec.workload or spec.source, and another revision is tried${next}`,
  };
}

const maxPast = 20;

/** The status with an intent written down. Pure. */
export function withIntent(
  status: SecureModelStatus | undefined,
  { rollback, isNew, latch = status?.latch }: Intent,
): SecureModelStatus {
  const { from, to, since } = rollback;
  const past = { at: since, from, ...(to === undefined ? {} : { to }) };
  const rollbacks = [...(status?.rollbacks ?? []), ...(isNew ? [past] : [])].slice(-maxPast);
  return {
    ...status,
    rollback,
    ...(rollbacks.length === 0 ? {} : { rollbacks }),
    ...(latch === undefined ? {} : { latch }),
  };
}
