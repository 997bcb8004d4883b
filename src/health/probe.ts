import type { Sender } from "./asking.ts";
import { type AskContext, type PodAnswer, type PodTarget, askPod } from "./ask-pod.ts";
import { atPath } from "./json-path.ts";
import { type Look, shortNumber, valueLook, wrongLook } from "./look.ts";

/** What must stand at a place of the answer: exactly one of text, number and numbers. */
export interface Expectation {
  readonly path: string;
  readonly text?: string | undefined;
  readonly number?: number | undefined;
  readonly numbers?: readonly number[] | undefined;
  /** By how much a number may differ. */
  readonly tolerance: number;
}

/** A request whose right answer is known. */
export interface Probe {
  readonly path: string;
  readonly method: "GET" | "POST";
  /** JSON. */
  readonly body?: string | undefined;
  readonly status: number;
  readonly json: readonly Expectation[];
  readonly maxLatencyMs: number;
}

/**
 * Asks a pod, and compares the answer with the right one. The value is how long it took, in seconds. An answer that is wrong or
 * late counts against the model; none at all says nothing about it.
 * @throws EgressError `Aborted` when the signal ends it.
 */
export async function probePod(sender: Sender, target: PodTarget, probe: Probe, context: AskContext): Promise<Look> {
  const asked = await askPod(sender, target, { ...probe, deadlineMs: probe.maxLatencyMs }, context);
  if ("answer" in asked) return readProbe(probe, asked.answer);
  const isLate = asked.look.kind === "Error" && asked.look.reason === "Timeout";
  return isLate ? wrongLook("TooSlow", `no answer within ${probe.maxLatencyMs} ms`) : asked.look;
}

/** What an answer says of the model. Pure. */
export function readProbe(
  { status, json, maxLatencyMs }: Pick<Probe, "status" | "json" | "maxLatencyMs">,
  answer: PodAnswer,
): Look {
  if (answer.status !== status) return wrongLook("WrongStatus", `the status is ${answer.status}, not ${status}`);
  for (const expectation of json) {
    const problem = differs(expectation, atPath(answer.body, expectation.path));
    if (problem !== undefined) return wrongLook("WrongAnswer", `${expectation.path} ${problem}`);
  }
  if (answer.tookMs > maxLatencyMs)
    return wrongLook("TooSlow", `it took ${Math.round(answer.tookMs)} ms, more than ${maxLatencyMs} ms`);
  return valueLook(answer.tookMs / 1000);
}

function differs({ text, number, numbers, tolerance }: Expectation, found: unknown): string | undefined {
  if (found === undefined) return "is not in the answer";
  if (text !== undefined) return found === text ? undefined : `is ${shown(found)}, not ${shown(text)}`;
  if (number !== undefined) return near(number, found, tolerance);
  if (numbers === undefined) return undefined;
  if (!Array.isArray(found) || found.length !== numbers.length)
    return `is ${Array.isArray(found) ? `a list of ${found.length}` : shown(found)}, not a list of ${numbers.length} numbers`;
  for (const [index, wanted] of numbers.entries()) {
    const problem = near(wanted, (found as readonly unknown[])[index] ?? null, tolerance);
    if (problem !== undefined) return `[${index}] ${problem}`;
  }
  return undefined;
}

function near(wanted: number, found: unknown, tolerance: number): string | undefined {
  if (typeof found === "number" && Math.abs(found - wanted) <= tolerance) return undefined;
  const is = typeof found === "number" ? shortNumber(found) : shown(found);
  return `is ${is}, not ${shortNumber(wanted)}${tolerance === 0 ? "" : ` ± ${shortNumber(tolerance)}`}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 80);
}
