import type { VerdictStatus } from "../api/verdict.ts";

const shortestMs = 5_000;
const longestMs = 600_000;

/**
 * The verdict to go on with: the previous one where the new one says the same and nothing is due. Times that move with
 * every pass would make each pass a write, and each write a pass.
 */
export function settleVerdict(previous: VerdictStatus | undefined, next: VerdictStatus, now: Date): VerdictStatus {
  if (previous === undefined || !isFresh(previous, now)) return next;
  if (substance(previous) !== substance(next)) return next;
  if (previous.outcome === "Verified" && !(Date.parse(previous.notAfter ?? "") > now.getTime())) return next;
  // A term that was shortened applies at once.
  const notLonger = !isLater(previous.notAfter, next.notAfter) && !isLater(previous.recheckAfter, next.recheckAfter);
  return notLonger ? previous : next;
}

/** Whether a verdict is not yet due to be established again. */
export function isFresh(verdict: VerdictStatus, now: Date): boolean {
  return verdict.recheckAfter !== undefined && now.getTime() < Date.parse(verdict.recheckAfter);
}

/** Milliseconds until a verdict is due or ends; bounded, so that a pass is neither missed nor repeated without need. */
export function nextCheckMs(verdicts: readonly VerdictStatus[], now: Date): number {
  const due = verdicts.flatMap(({ recheckAfter, notAfter }) => {
    const end = Date.parse(notAfter ?? "");
    // An end that is past has had its effect already.
    return [Date.parse(recheckAfter ?? ""), end > now.getTime() ? end : NaN].filter((time) => !Number.isNaN(time));
  });
  const earliest = Math.min(...due, now.getTime() + longestMs);
  return Math.max(shortestMs, earliest - now.getTime());
}

/** What a verdict says, without the times that move with each pass, and without its words. */
function substance(verdict: VerdictStatus): string {
  const { outcome, reason, digest, signers, attestations = [], policies, trustFingerprint, warnings = [] } = verdict;
  return JSON.stringify([
    [outcome, reason, digest, trustFingerprint],
    warnings,
    signers?.map(({ policy, authority, keyFingerprint }) => [policy, authority, keyFingerprint]) ?? [],
    attestations.map(({ policy, name, authority }) => [policy, name, authority]),
    policies?.map(({ name, generation }) => [name, generation]) ?? [],
  ]);
}

function isLater(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined) return false;
  return b === undefined || Date.parse(a) > Date.parse(b);
}
