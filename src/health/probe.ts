import { type Sender, ask, parseJson } from "./asking.ts";
import { atPath } from "./json-path.ts";
import { type Look, type WrongReason, errorLook, shortNumber, valueLook } from "./look.ts";

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

export interface ProbeTarget {
  /** Of the pod. */
  readonly address: string;
  readonly port: number;
}

const maxBytes = 1024 * 1024;

/**
 * Asks a pod, and compares the answer with the right one. The value is how long it took, in seconds. An answer that is wrong or
 * late counts against the model; none at all says nothing about it.
 * @throws EgressError `Aborted` when the signal ends it.
 */
export async function probePod(
  sender: Sender,
  { address, port }: ProbeTarget,
  probe: Probe,
  { signal, monotonic }: { readonly signal: AbortSignal; readonly monotonic: () => number },
): Promise<Look> {
  const began = monotonic();
  const host = address.includes(":") ? `[${address}]` : address;
  const asked = await ask(sender, {
    method: probe.method,
    url: `http://${host}:${port}${probe.path}`,
    headers: {
      accept: "application/json",
      ...(probe.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(probe.body === undefined ? {} : { body: probe.body }),
    maxBytes,
    deadlineMs: probe.maxLatencyMs,
    signal,
  });
  if ("answer" in asked)
    return readProbe(probe, {
      status: asked.answer.status,
      body: parseJson(asked.answer.body),
      tookMs: monotonic() - began,
    });
  const isLate = asked.look.kind === "Error" && asked.look.reason === "Timeout";
  return isLate ? wrong("TooSlow", `no answer within ${probe.maxLatencyMs} ms`) : asked.look;
}

/** What an answer says of the model. Pure. */
export function readProbe(
  { status, json, maxLatencyMs }: Pick<Probe, "status" | "json" | "maxLatencyMs">,
  answer: { readonly status: number; readonly body: unknown; readonly tookMs: number },
): Look {
  if (answer.status !== status) return wrong("WrongStatus", `the status is ${answer.status}, not ${status}`);
  for (const expectation of json) {
    const problem = differs(expectation, atPath(answer.body, expectation.path));
    if (problem !== undefined) return wrong("WrongAnswer", `${expectation.path} ${problem}`);
  }
  if (answer.tookMs > maxLatencyMs)
    return wrong("TooSlow", `it took ${Math.round(answer.tookMs)} ms, more than ${maxLatencyMs} ms`);
  return valueLook(answer.tookMs / 1000);
}

/** The pod to ask: another one at each look. */
export function pickTarget(addresses: readonly string[], turn: number): string | undefined {
  return addresses.length === 0 ? undefined : addresses.toSorted()[turn % addresses.length];
}

export const noPod: Look = errorLook("NoTarget", "no pod of the revision is ready");

function wrong(reason: WrongReason, message: string): Look {
  return { kind: "Wrong", reason, message: `${reason}: ${message}` };
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
