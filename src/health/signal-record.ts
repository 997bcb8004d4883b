import { type Comparison, type SignalPolicy, capacityOf } from "./policy.ts";
import { type Look, describeBlank, shortNumber } from "./look.ts";
import { mannWhitney, median } from "./mann-whitney.ts";

/** What a look said of a signal, by the policy of that moment. Between: neither bad nor yet good again. */
export type Mark = "Bad" | "Good" | "Between" | "Blank";

export interface Sample {
  /** Milliseconds of wall time. */
  readonly at: number;
  readonly mark: Mark;
  readonly value?: number;
}

/** The newest looks at one signal of one revision, oldest first. */
export interface SignalRecord {
  /** The policy that the marks are by: under another one they say nothing. */
  readonly policy: string;
  readonly samples: readonly Sample[];
  /** Why it is held to be bad, in one sentence, and since when. Stays until the signal resets. */
  readonly tripped?: { readonly at: number; readonly why: string };
  /** Why the newest look has no value. */
  readonly blank?: string;
}

/** The values of another revision that a comparison is made with. */
export interface Baseline {
  readonly revision: string;
  readonly values: readonly number[];
}

/** A look that is so much older than the window is long says nothing about now. */
const windowStretch = 2;
const maxReasonLength = 200;

export function policyKey({ name: _name, ...policy }: SignalPolicy): string {
  return JSON.stringify(policy);
}

/** The record with one look more. The oldest one goes where there is no room. Pure. */
export function addLook(
  before: SignalRecord | undefined,
  look: Look,
  policy: SignalPolicy,
  {
    at,
    intervalMs,
    baseline,
  }: { readonly at: number; readonly intervalMs: number; readonly baseline?: Baseline | undefined },
): SignalRecord {
  const key = policyKey(policy);
  const known = before?.policy === key ? before : { policy: key, samples: [] };
  // What lies in the future was written under another clock.
  const past = known.samples.filter((sample) => sample.at < at);
  const { mark, why } = judge(look, policy, { values: valuesOf(past), baseline });
  const sample: Sample = { at, mark, ...(look.kind === "Value" ? { value: look.value } : {}) };
  const samples = [...past, sample].slice(-capacityOf(policy));
  const tripped = nextTripped({ ...known, samples }, policy, { at, intervalMs, why });
  return {
    policy: key,
    samples,
    ...(tripped === undefined ? {} : { tripped }),
    ...(look.kind === "Value" || look.kind === "Wrong" ? {} : { blank: describeBlank(look).slice(0, maxReasonLength) }),
  };
}

/** The newest looks of a signal, as many as its window has, that are young enough to count. */
export function windowOf(
  { samples }: Pick<SignalRecord, "samples">,
  { window }: SignalPolicy,
  { at, intervalMs }: { readonly at: number; readonly intervalMs: number },
): readonly Sample[] {
  const oldest = at - window.looks * intervalMs * windowStretch;
  return samples.filter((sample) => sample.at <= at && sample.at > oldest).slice(-window.looks);
}

export function valuesOf(samples: readonly Sample[]): readonly number[] {
  return samples.flatMap(({ value }) => value ?? []);
}

function nextTripped(
  { samples, tripped }: SignalRecord,
  policy: SignalPolicy,
  { at, intervalMs, why }: { readonly at: number; readonly intervalMs: number; readonly why: string },
): SignalRecord["tripped"] {
  const recent = windowOf({ samples }, policy, { at, intervalMs });
  const { looks, failures } = policy.window;
  if (tripped !== undefined) {
    const isGood = recent.length === looks && recent.every(({ mark }) => mark === "Good");
    return isGood ? undefined : tripped;
  }
  const bad = recent.filter(({ mark }) => mark === "Bad").length;
  if (bad < failures) return undefined;
  return { at, why: `${policy.name} ${why}, in ${bad} of the last ${recent.length} looks` };
}

interface Judged {
  readonly mark: Mark;
  /** Goes on after the signal's name. */
  readonly why: string;
}

function judge(
  look: Look,
  { bounds, comparison, onNoData }: SignalPolicy,
  { values, baseline }: { readonly values: readonly number[]; readonly baseline: Baseline | undefined },
): Judged {
  if (look.kind === "Wrong") return { mark: "Bad", why: `is wrong: ${look.message.slice(0, maxReasonLength)}` };
  if (look.kind !== "Value")
    return { mark: onNoData === "Fail" ? "Bad" : "Blank", why: `has no value: ${describeBlank(look)}` };
  const { value } = look;
  const { min = -Infinity, max = Infinity } = bounds ?? {};
  const is = `is ${shortNumber(value)}`;
  if (value > max) return { mark: "Bad", why: `${is}, above the maximum ${shortNumber(max)}` };
  if (value < min) return { mark: "Bad", why: `${is}, below the minimum ${shortNumber(min)}` };
  const worse = comparison === undefined ? undefined : compare([...values, value], baseline, comparison);
  if (worse !== undefined) return { mark: "Bad", why: worse };
  const { resetMin = min, resetMax = max } = bounds ?? {};
  return { mark: value <= resetMax && value >= resetMin ? "Good" : "Between", why: is };
}

/** Why the values are worse than the baseline's; undefined where nothing says so, and where there is nothing to compare with. */
function compare(
  all: readonly number[],
  baseline: Baseline | undefined,
  { worse, tolerance, significance, looks }: Comparison,
): string | undefined {
  const mine = all.slice(-looks);
  const theirs = baseline?.values.slice(-looks) ?? [];
  if (baseline === undefined || theirs.length === 0) return undefined;
  const [a, b] = [median(mine), median(theirs)];
  const margin = Math.abs(b) * tolerance;
  // What is surely different, and by next to nothing, harms nobody.
  if (worse === "Higher" ? a <= b + margin : a >= b - margin) return undefined;
  const { pGreater } = worse === "Higher" ? mannWhitney(mine, theirs) : mannWhitney(theirs, mine);
  if (pGreater > significance) return undefined;
  const direction = worse === "Higher" ? "above" : "below";
  return `has the median ${shortNumber(a)}, ${direction} ${shortNumber(b)} of revision ${baseline.revision} (Mann-Whitney p = ${pGreater.toPrecision(2)}, ${mine.length} and ${theirs.length} looks)`;
}
