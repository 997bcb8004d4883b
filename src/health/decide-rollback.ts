import type { Standing } from "../trust/index.ts";

/** A revision of the model as it stands today. */
export interface RollbackCandidate {
  readonly name: string;
  readonly number: number;
  /** Why it must not run again, where somebody said so. */
  readonly ban?: string | undefined;
  /** It served healthily once. */
  readonly wasHealthy: boolean;
  /** By today's policies; absent where it was not judged, and then it is not gone back to. */
  readonly standing?: Standing | undefined;
}

export interface RollbackRules {
  /** What is unhealthy is only said to be so. */
  readonly isOff: boolean;
  /** Within 24 hours. */
  readonly maxPerDay: number;
  readonly coolDownMs: number;
  /** Within 24 hours; after so many a person has to look before anything new is started. */
  readonly latchAfter: number;
  readonly onNoSafeRevision: "KeepServing" | "ScaleToZero";
}

export interface RollbackState {
  /** What is unhealthy. */
  readonly from: RollbackCandidate;
  /** What serves, where it is not the same: it is what one goes back to first. */
  readonly active?: string | undefined;
  /** Why, in one sentence with the numbers. */
  readonly why: string;
  readonly revisions: readonly RollbackCandidate[];
  /** When this model was rolled back before. */
  readonly rollbacks: readonly Date[];
}

export type RollbackDecision =
  | { readonly action: "RollBack"; readonly to: string; readonly message: string }
  | {
      readonly action: "SafeStop";
      readonly mode: RollbackRules["onNoSafeRevision"];
      readonly reason: "NoSafeRevision";
      readonly message: string;
    }
  | {
      readonly action: "Hold";
      readonly reason: "RollbackOff" | "CoolingDown" | "RollbackBudgetSpent";
      readonly message: string;
      /** When it is worth to look again; absent where only a person helps. */
      readonly until?: Date;
    };

const dayMs = 24 * 3_600_000;

/**
 * What to do about an unhealthy revision. Only a revision that verifies today, that was healthy and that nobody has banned is
 * gone back to: the one that still serves, else the next older one, else none. Pure.
 */
export function decideRollback(state: RollbackState, rules: RollbackRules, now: Date): RollbackDecision {
  const hold = holdOf(state, rules, now);
  if (hold !== undefined) return hold;
  const { from, why } = state;
  const target = targetOf(state);
  if (target !== undefined) {
    const message = `revision ${from.name} is unhealthy, back to ${target.name}: ${why}`;
    return { action: "RollBack", to: target.name, message };
  }
  const skipped = state.revisions
    .filter(({ name }) => name !== from.name)
    .map((revision) => `${revision.name} ${objection(revision, state) ?? "is newer"}`);
  const none = skipped.length === 0 ? "there is no other one" : skipped.slice(0, 5).join(", ");
  // A revision without a valid verdict is kept by nobody.
  const mode = from.standing === "Admit" || from.standing === "KeepOnly" ? rules.onNoSafeRevision : "ScaleToZero";
  const end = mode === "KeepServing" ? "it goes on serving" : "nothing serves";
  const message = `revision ${from.name} is unhealthy and no revision is safe to go back to (${none}), so ${end}: ${why}`;
  return { action: "SafeStop", mode, reason: "NoSafeRevision", message };
}

/** The revision to go back to. Pure. */
export function targetOf(state: Pick<RollbackState, "from" | "active" | "revisions">): RollbackCandidate | undefined {
  const { from, active, revisions } = state;
  const safe = revisions.filter((revision) => revision.name !== from.name && objection(revision, state) === undefined);
  const older = safe.filter(({ number }) => number < from.number).toSorted((a, b) => b.number - a.number);
  return safe.find(({ name }) => name === active) ?? older[0];
}

/** Why a revision is not gone back to. Pure. */
export function objection(
  { name, ban, wasHealthy, standing }: RollbackCandidate,
  { active }: Pick<RollbackState, "active">,
): string | undefined {
  if (ban !== undefined) return "is banned";
  if (!wasHealthy) return "was never healthy";
  if (standing === "Admit") return undefined;
  // It runs already: nothing is started that cannot be verified now.
  if (standing === "KeepOnly") return name === active ? undefined : "cannot be verified now";
  return "does not verify today";
}

function holdOf(
  { from, why, rollbacks }: RollbackState,
  { isOff, maxPerDay, coolDownMs }: RollbackRules,
  now: Date,
): Extract<RollbackDecision, { readonly action: "Hold" }> | undefined {
  const is = `revision ${from.name} is unhealthy: ${why}`;
  if (isOff) return { action: "Hold", reason: "RollbackOff", message: `spec.rollback.mode is Off; ${is}` };
  // What lies in the future was written under another clock, and counts as just now.
  const ages = rollbacks.map((at) => Math.max(0, now.getTime() - at.getTime()));
  const today = ages.filter((age) => age < dayMs);
  if (today.length >= maxPerDay) {
    const oldest = today.toSorted((a, b) => b - a)[today.length - maxPerDay] ?? 0;
    const until = new Date(now.getTime() + dayMs - oldest);
    const message = `${today.length} rollbacks in 24 h, maxPerDay is ${maxPerDay}: no other one before ${until.toISOString()}; ${is}`;
    return { action: "Hold", reason: "RollbackBudgetSpent", message, until };
  }
  const latest = Math.min(...ages);
  if (latest >= coolDownMs) return undefined;
  const until = new Date(now.getTime() + coolDownMs - latest);
  // No age in it: what is written into a status is not to change by itself.
  const message = `coolDown is ${Math.round(coolDownMs / 1000)} s: no other rollback before ${until.toISOString()}; ${is}`;
  return { action: "Hold", reason: "CoolingDown", message, until };
}
