import type { Sender } from "./asking.ts";
import { type AskContext, type PodAnswer, type PodTarget, askPod, noPod } from "./ask-pod.ts";
import { atPath } from "./json-path.ts";
import { type Look, errorLook, valueLook, wrongLook } from "./look.ts";

/** Requests that two revisions are to answer alike. */
export interface Agreement {
  readonly path: string;
  /** JSON. */
  readonly bodies: readonly string[];
  /** What of the answers is compared. */
  readonly json: readonly string[];
  /** By how much a number may differ. */
  readonly tolerance: number;
  readonly maxLatencyMs: number;
}

/**
 * Sends the same requests to a pod of the revision that comes and to one of the revision that serves. The value is the share of
 * them that both answer alike, from 0 to 1. What cannot be compared, since the one that serves does not answer, says nothing.
 * @throws EgressError `Aborted` when the signal ends it.
 */
export async function lookAtAgreement(
  sender: Sender,
  { mine, theirs }: { readonly mine: PodTarget | undefined; readonly theirs: PodTarget | undefined },
  agreement: Agreement,
  context: AskContext,
): Promise<Look> {
  if (mine === undefined) return noPod;
  if (theirs === undefined) return errorLook("NoBaseline", "no pod of the revision that serves is ready");
  const { path, bodies, maxLatencyMs: deadlineMs } = agreement;
  let alike = 0;
  // One after the other: whoever serves is not to be kept busy by questions.
  for (const body of bodies) {
    const request = { path, method: "POST", body, deadlineMs } as const;
    const [own, other] = await Promise.all([
      askPod(sender, mine, request, context),
      askPod(sender, theirs, request, context),
    ]);
    const baseline = baselineOf(agreement, other);
    // First: what neither of the two answers is nobody's fault.
    if ("look" in baseline) return baseline.look;
    if ("look" in own) {
      const isLate = own.look.kind === "Error" && own.look.reason === "Timeout";
      return isLate ? wrongLook("TooSlow", `no answer within ${deadlineMs} ms`) : own.look;
    }
    if (agrees(agreement, own.answer, baseline.values)) alike += 1;
  }
  return valueLook(alike / bodies.length);
}

function baselineOf(
  { json }: Agreement,
  asked: Awaited<ReturnType<typeof askPod>>,
): { readonly values: readonly unknown[] } | { readonly look: Look } {
  const none = (problem: string) => ({ look: errorLook("NoBaseline", `of the revision that serves, ${problem}`) });
  if ("look" in asked) return none(asked.look.kind === "Error" ? asked.look.message : "there is no answer");
  const { status, body } = asked.answer;
  if (status !== 200) return none(`the status is ${status}, not 200`);
  const values = json.map((path) => atPath(body, path));
  const missing = json.find((_, index) => values[index] === undefined);
  return missing === undefined ? { values } : none(`${missing} is not in the answer`);
}

function agrees({ json, tolerance }: Agreement, { status, body }: PodAnswer, theirs: readonly unknown[]): boolean {
  return status === 200 && json.every((path, index) => isNear(atPath(body, path), theirs[index], tolerance));
}

/** Alike: numbers within the tolerance, and whatever is made of such numbers. */
export function isNear(a: unknown, b: unknown, tolerance: number): boolean {
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) <= tolerance;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, index) => isNear(one, b[index], tolerance));
  if (isRecord(a) && isRecord(b)) {
    const names = Object.keys(a);
    const isSame = names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name));
    return isSame && names.every((name) => isNear(a[name], b[name], tolerance));
  }
  return a === b;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
