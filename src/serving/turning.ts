import type { ModelRevision } from "../api/index.ts";
import { emit } from "./announce.ts";
import type { Desk } from "./desk.ts";
import { judgeRevision } from "./gather.ts";
import type { Judgements } from "./outcome.ts";
import { type Intent, type Situation, type Turn, decideTurn, isInTrouble, toJudge, withIntent } from "./rollback.ts";
import { pausedBy } from "./orders.ts";
import { settleBans } from "./settle.ts";
import { deploymentRunning, revisionRunBy } from "./workload.ts";

export interface Course {
  /** What is to run. */
  readonly desired: ModelRevision | undefined;
  readonly judgements: Judgements;
  /** Absent where what the spec asks for is to run. */
  readonly turn?: Exclude<Turn, { readonly kind: "None" }>;
  /** What the spec asks for, where something else is to run. */
  readonly asked?: ModelRevision | undefined;
}

/**
 * What is to run where the spec's revision is banned or what runs is unhealthy. It is written down before anything is done:
 * whoever goes on after a crash does the same.
 */
export async function turnBack(
  desk: Desk,
  seen: Pick<Course, "desired" | "judgements"> & {
    readonly active: ModelRevision | undefined;
    /** What the spec asks for cannot be started now. */
    readonly isBlocked: boolean;
  },
): Promise<Course> {
  await settleBans(desk);
  const asked = desk.revisionNamed(seen.desired?.metadata.name) ?? seen.desired;
  const judgements = new Map(seen.judgements);
  const situation: Situation = {
    model: desk.model,
    asked,
    askedIsBlocked: seen.isBlocked,
    active: desk.revisionNamed(seen.active?.metadata.name),
    started: startedOf(desk, asked),
    revisions: desk.revisions,
    judgements,
    healthOf: (revision) => desk.healthOf(revision),
    paused: pausedBy(desk.orders, desk.now),
    orders: desk.orders,
    latch: desk.latch,
  };
  const straight: Course = { desired: asked, judgements };
  if (!isInTrouble(situation)) return straight;
  const { now, signal } = desk;
  for (const revision of toJudge(situation))
    judgements.set(revision.metadata.name, await judgeRevision(desk.deps, desk.model, revision, { now, signal }));
  signal.throwIfAborted();
  const turn = decideTurn(situation, now);
  if (turn.kind === "None") return straight;
  if (turn.kind !== "Stay" && turn.intent !== undefined) await writeDown(desk, turn.intent);
  return {
    desired: turn.kind === "Stop" ? undefined : turn.run,
    judgements,
    turn,
    asked: desk.revisionNamed(asked?.metadata.name),
  };
}

/** The revision that was started last: that which comes, else the one that runs. */
function startedOf({ living: { deployments }, model }: Desk, asked: ModelRevision | undefined): string | undefined {
  const candidates = [asked?.metadata.name, model.status?.rollback?.to, model.status?.active?.revision];
  const found = candidates.find((name) => deploymentRunning(deployments, name) !== undefined);
  return found ?? revisionRunBy(deployments[0]);
}

/** The intent first, then the ban: a pass that is cut short between the two is completed by the next one. */
async function writeDown(desk: Desk, intent: Intent): Promise<void> {
  const { to, message } = intent.rollback;
  desk.latch = intent.latch ?? desk.latch;
  await desk.writeDown(withIntent(desk.model.status, intent));
  const reason = to === undefined ? "NoSafeRevision" : "RolledBack";
  emit(desk, "Warning", { reason, note: message, action: "RollBack" });
  if (intent.latch !== undefined)
    emit(desk, "Warning", { reason: "Latched", note: intent.latch.message, action: "RollBack" });
  await settleBans(desk);
}
