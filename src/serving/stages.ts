import type { RolloutStatus, StrategySpec } from "../api/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { TrafficProgress } from "../traffic/index.ts";
import { parseDuration } from "../trust/index.ts";
import type { Hold } from "./decide.ts";

/** One stage of the way on which a revision takes the place of another. */
export interface Stage {
  /** Percent of the requests that the revision that comes answers. */
  readonly weight: number;
  readonly pauseMs: number;
  readonly approval: boolean;
}

/** Strategies in which both revisions have pods of their own, until one takes over. */
export function isStaged({ type }: Pick<StrategySpec, "type">): boolean {
  return type === "BlueGreen" || type === "Canary" || type === "Shadow";
}

/** The stages before the one in which it takes over. Pure. */
export function stagesOf({ type, steps, hold, approval }: StrategySpec): readonly Stage[] {
  if (!isStaged({ type })) return [];
  if (type !== "Canary") return [{ weight: 0, pauseMs: parseDuration(hold) ?? 0, approval }];
  return steps.map((step, at) => ({
    weight: step.weight,
    pauseMs: parseDuration(step.pause) ?? 0,
    approval: step.approval || (approval && at === steps.length - 1),
  }));
}

/** How many pods the revision that comes has, for its share of the requests. Without any it needs all of them to be looked at. */
export function podsOf(replicas: number, weight: number): number {
  if (weight === 0 || weight === 100 || replicas < 2) return replicas;
  return Math.min(replicas - 1, Math.max(1, Math.round((replicas * weight) / 100)));
}

export interface Staging {
  readonly strategy: StrategySpec;
  /** How many pods there are to be in all. */
  readonly replicas: number;
  /** The revision that comes. */
  readonly revision: string;
  /** What was written down of it before. */
  readonly before: RolloutStatus | undefined;
  /** How many of its pods answer. */
  readonly answering: number;
  /** Whether requests are shared as the stage says. */
  readonly shared: TrafficProgress;
  readonly isWell: boolean;
  readonly health: HealthVerdict | undefined;
  /** Whether people have approved that it goes on, and who else has to. */
  readonly approval: { readonly approved: boolean; readonly message: string };
  /** Why a person wants nothing changed. */
  readonly paused: Hold | undefined;
}

export interface StagePlan {
  readonly rollout: RolloutStatus;
  /** What Ready says. */
  readonly says: Hold;
  /** When to look again, although nothing happens. */
  readonly until?: Date | undefined;
}

/**
 * How far the revision that comes may go now: one stage further at most, and only when it was well for as long as the stage
 * says, no person has paused it, and those have approved who have to. Nothing that is unknown lets it go on. Pure.
 */
export function decideStage(staging: Staging, now: Date): StagePlan {
  const stages = stagesOf(staging.strategy);
  const { before, revision } = staging;
  const known = before?.revision === revision ? before : undefined;
  // A spec with fewer stages than before: never back, and never over one that is there.
  const at = Math.min((known?.step ?? 1) - 1, stages.length);
  const stage = stages[at];
  if (stage === undefined) return planAt(staging, stages, { at, says: goesOn("it takes over") });
  const isSame = known !== undefined && known.step === at + 1 && known.weight === stage.weight;
  const isReady = staging.shared.done && staging.answering >= podsOf(staging.replicas, stage.weight);
  const since = isReady ? (isSame ? (known.since ?? now.toISOString()) : now.toISOString()) : undefined;
  const waits = waitsFor(staging, stage, { since, now });
  if (waits !== undefined) return planAt(staging, stages, { at, since, ...waits });
  return planAt(staging, stages, { at: at + 1, says: goesOn("it goes on") });
}

interface Wait {
  readonly says: Hold;
  readonly until?: Date | undefined;
}

/** Why it is not time for the next stage; undefined when it is. */
function waitsFor(
  { isWell, health, paused, approval, shared }: Staging,
  { pauseMs, approval: needsApproval }: Stage,
  { since, now }: { readonly since: string | undefined; readonly now: Date },
): Wait | undefined {
  if (since === undefined) return { says: goesOn(shared.done ? "its pods start" : shared.message) };
  if (paused !== undefined) return { says: paused };
  const end = new Date(Date.parse(since) + pauseMs);
  if (now < end) return { says: goesOn(`looked at until ${end.toISOString()}`), until: end };
  if (!isWell) {
    return { says: goesOn(`it goes on once it is well: ${health?.message ?? "it was not looked at yet"}`) };
  }
  if (needsApproval && !approval.approved) return { says: { reason: "WaitsForApproval", message: approval.message } };
  return undefined;
}

function goesOn(message: string): Hold {
  return { reason: "RollingOut", message };
}

interface Position extends Wait {
  readonly at: number;
  readonly since?: string | undefined;
}

function planAt(
  { revision, replicas, answering }: Staging,
  stages: readonly Stage[],
  { at, since, says: { reason, message }, until }: Position,
): StagePlan {
  const weight = stages[at]?.weight ?? 100;
  const pods = podsOf(replicas, weight);
  const step = `step ${at + 1} of ${stages.length + 1}`;
  const where = `revision ${revision} is at ${step} with ${weight} % of the requests, ${answering} of ${pods} pods answer`;
  const says = { reason, message: `${where}: ${message}` };
  const rollout = { revision, step: at + 1, steps: stages.length + 1, weight, pods };
  const said = truncateUtf8(says.message, 1024);
  return { rollout: { ...rollout, ...(since === undefined ? {} : { since }), message: said }, says, until };
}
