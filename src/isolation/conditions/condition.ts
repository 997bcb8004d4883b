import type { Condition } from "../../kube/index.ts";

export type NextCondition = Omit<Condition, "lastTransitionTime">;

export interface Why {
  readonly reason: string;
  readonly message: string;
}

export function conditionOf(observedGeneration: number) {
  return (type: string, status: Condition["status"], why: Why): NextCondition => ({
    type,
    status,
    ...why,
    observedGeneration,
  });
}
