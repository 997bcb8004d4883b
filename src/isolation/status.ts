import type { SecureNamespaceStatus } from "../api/index.ts";
import { type Condition, setCondition, truncateUtf8 } from "../kube/index.ts";
import { type NextCondition, conditionOf } from "./conditions/condition.ts";
import { breachesStatus, isolationCondition } from "./conditions/isolation.ts";
import { type Observations, conditionsOf } from "./decide.ts";
import { wallsStatus } from "./walls/view.ts";

const maxExamples = 10;

/** The status after a completed pass. Pure. */
export function completedStatus(
  previous: SecureNamespaceStatus | undefined,
  seen: Observations & { readonly name: string; readonly grantedDigests: number },
  now: Date,
): SecureNamespaceStatus {
  const walls = wallsStatus(seen.walls, previous?.walls);
  return {
    observedGeneration: seen.generation,
    conditions: withConditions(previous, conditionsOf(seen), now),
    ...(walls === undefined ? {} : { walls }),
    images: seen.images.map(({ image, verdict }) => ({
      name: image.name,
      reference: image.reference,
      ...(verdict.digest === undefined ? {} : { digest: verdict.digest }),
      verdict,
    })),
    grantedDigests: seen.grantedDigests,
    ungrantedPods: {
      count: seen.ungranted.length,
      examples: seen.ungranted
        .slice(0, maxExamples)
        .map(({ name, problem }) => ({ name, problem: truncateUtf8(problem, 1024) })),
    },
    ...accessStatus(previous, seen),
    breaches: breachesStatus(seen.name, seen.reach.excess),
  };
}

/** The same status with what is known now of the namespace's isolation. Pure. */
export function withIsolation(
  previous: SecureNamespaceStatus,
  { name, generation, spec, reach }: Pick<Observations, "generation" | "spec" | "reach"> & { readonly name: string },
  now: Date,
): SecureNamespaceStatus {
  const condition = isolationCondition(reach, { enforcement: spec.enforcement, generation });
  return {
    ...previous,
    conditions: withConditions(previous, [condition], now),
    breaches: breachesStatus(name, reach.excess),
  };
}

/** What was known before stays where nothing is known now. */
function accessStatus(previous: SecureNamespaceStatus | undefined, { access }: Observations) {
  const known = access ?? previous?.access;
  return known === undefined ? {} : { access: known };
}

/** Why a pass ended early. */
export type Halt =
  | { readonly reason: "Suspended" }
  | {
      readonly reason: "NamespaceMissing" | "SystemNamespace" | "InvalidSpec" | "CleanupFailed";
      readonly message: string;
    };

/** The status of a pass that could not be completed: all that is not contradicted stays. Pure. */
export function haltedStatus(
  previous: SecureNamespaceStatus | undefined,
  halt: Halt,
  { generation, now }: { readonly generation: number; readonly now: Date },
): SecureNamespaceStatus {
  const condition = conditionOf(generation);
  const { reason } = halt;
  if (halt.reason === "Suspended") {
    const message = "spec.suspend is true; what is enforced stays enforced. Set it to false to go on.";
    return {
      ...previous,
      conditions: withConditions(previous, [condition("Ready", "False", { reason, message })], now),
    };
  }
  const { message } = halt;
  const stalled = halt.reason !== "NamespaceMissing" && halt.reason !== "CleanupFailed";
  const isShutUnknown = halt.reason === "InvalidSpec" || halt.reason === "CleanupFailed";
  const conditions = [
    condition("Ready", "False", { reason, message }),
    ...["Enforced", "Isolated"].map((type) =>
      condition(type, isShutUnknown ? "Unknown" : "False", { reason, message }),
    ),
    condition("Reconciling", stalled ? "False" : "True", { reason, message }),
    condition("Stalled", stalled ? "True" : "False", { reason, message }),
  ];
  // A pass that stalls has said all there is to say of this generation.
  const observed = stalled ? { observedGeneration: generation } : {};
  return { ...previous, ...observed, conditions: withConditions(previous, conditions, now) };
}

function withConditions(
  previous: SecureNamespaceStatus | undefined,
  next: readonly NextCondition[],
  now: Date,
): Condition[] {
  const present = (previous?.conditions ?? []).map(({ observedGeneration, ...rest }) => ({
    ...rest,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  }));
  return next.reduce<Condition[]>((conditions, condition) => setCondition(conditions, condition, now), present);
}
