import type { SecureModel } from "../api/index.ts";
import type { HealthVerdict } from "./decide-health.ts";
import type { WatchPlan } from "./from-spec.ts";
import type { Subject } from "./querying.ts";

/** The revision that serves, where another one's answers can be held against its own. */
export interface Applicable {
  readonly plan: WatchPlan;
  readonly serving: Subject | undefined;
}

/**
 * What of the plan can be looked at of a revision. Answers agree or not with those of the revision that serves: not with one
 * that is unhealthy, nor when a rollback leaves it. Pure.
 */
export function applicable(
  plan: WatchPlan,
  { status }: Pick<SecureModel, "status">,
  subject: Subject,
  {
    subjects,
    verdictOf,
  }: {
    readonly subjects: readonly Subject[];
    readonly verdictOf: (revision: string) => HealthVerdict | undefined;
  },
): Applicable {
  const name = subject.revision.metadata.name;
  const active = status?.active?.revision;
  const serving = subjects.find(({ revision }) => revision.metadata.name === active);
  const isLeft = status?.rollback !== undefined && (status.rollback.from === active || status.rollback.to === name);
  const isUnwell = active !== undefined && verdictOf(active)?.state === "Unhealthy";
  if (serving !== undefined && active !== name && !isLeft && !isUnwell) return { plan, serving };
  const signals = plan.signals.filter(({ source }) => source.kind !== "Agreement");
  return {
    plan: { ...plan, signals, policy: { ...plan.policy, signals: signals.map(({ policy }) => policy) } },
    serving: undefined,
  };
}
