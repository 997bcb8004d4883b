import type { RevisionHealth } from "../api/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import { type Condition, truncateUtf8 } from "../kube/index.ts";

/** What is thought of the revision that runs. Pure. */
export function healthCondition(
  verdict: HealthVerdict | undefined,
  revision: string | undefined,
  before: readonly Condition[],
): Pick<Condition, "type" | "status" | "reason" | "message"> {
  const type = "Healthy";
  if (revision === undefined) return { type, status: "Unknown", reason: "NothingRuns", message: "no revision runs" };
  if (verdict === undefined)
    return { type, status: "Unknown", reason: "NotLookedAt", message: `revision ${revision} was not looked at yet` };
  const { reason } = verdict;
  const status = statusOf(verdict);
  const subject = `revision ${revision}: `;
  const known = before.find((condition) => condition.type === type);
  // The numbers change at each look: the condition keeps those with which it began.
  const same = known?.status === status && known.reason === reason && known.message.startsWith(subject);
  return { type, status, reason, message: same ? known.message : truncateUtf8(`${subject}${verdict.message}`, 2048) };
}

function statusOf({ state }: HealthVerdict): Condition["status"] {
  switch (state) {
    case "Healthy":
      return "True";
    case "Unhealthy":
      return "False";
    case "Unknown":
    case "WarmingUp":
      return "Unknown";
  }
}

/** What a revision's status says of its health; what nobody looks at now is as it was. Pure. */
export function revisionHealth(
  before: RevisionHealth | undefined,
  verdict: HealthVerdict | undefined,
  now: Date,
): RevisionHealth | undefined {
  if (verdict === undefined) return before;
  const { state, reason, message } = verdict;
  if (before?.state === state && before.reason === reason) return before;
  return { state, reason, message: truncateUtf8(message, 2048), since: now.toISOString() };
}
