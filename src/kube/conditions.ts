import { truncateUtf8 } from "./text.ts";

/** meta/v1 Condition. */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  /** CamelCase and stable: it is API. */
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** Bytes of UTF-8. The API would take 32 KiB; a status that is watched and cached everywhere should not. */
export const maxConditionMessageBytes = 1024;

/**
 * The conditions with `next` in its place: where its type already was, else at the end. The transition time moves only
 * when the status does, as kstatus and `kubectl wait` expect. The argument is left as it is.
 */
export function setCondition(
  conditions: readonly Condition[],
  next: Omit<Condition, "lastTransitionTime">,
  now: Date,
): Condition[] {
  const previous = findCondition(conditions, next.type);
  const condition: Condition = {
    ...next,
    message: truncateUtf8(next.message, maxConditionMessageBytes),
    lastTransitionTime: previous?.status === next.status ? previous.lastTransitionTime : formatTime(now),
  };
  if (previous === undefined) return [...conditions, condition];
  return conditions.map((existing) => (existing === previous ? condition : existing));
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** meta/v1 Time has whole seconds; the API server would cut the rest, and the next apply would look like a change. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}
