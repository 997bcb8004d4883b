import type { Look } from "../../../src/health/index.ts";
import { Guardian, policy, signal } from "../../unit/health/support.ts";
import { type Outcome, replayFlagger, replayRollouts } from "../peers/replay.ts";
import type { Row } from "../support/report.ts";
import { type Trace, between, drift, gap, good, max, noise, oscillation, resetMax, spikes, step } from "./traces.ts";

const count = Number(process.env["BENCH_TRACES"] ?? 1000);
/** As long as a rollout, and as long as one that nobody has hurried. */
const [short, long] = [20, 100];
const fault = 20;
const aims = { noise: "none", flips: "<= 1", none: "none" };

interface Limits {
  readonly name: string;
  readonly rollouts: number;
  readonly flagger: number;
}

/** Each gives up after three bad looks. */
const equal: Limits = { name: "after 3 bad looks", rollouts: 2, flagger: 3 };
/** As the first example of each one's documentation has it. Ours are the schema's defaults in both. */
const documented: Limits = { name: "as documented", rollouts: 3, flagger: 10 };

type Tool = "ours" | "rollouts" | "flagger";
type Outcomes = Readonly<Record<Tool, readonly Outcome[]>>;

/** The same traces through our decision, Argo Rollouts' analysis and Flagger's, each by its own code. */
export async function decisions(): Promise<readonly Row[]> {
  const noisy = (deviations: number): readonly Trace[] =>
    Array.from({ length: count }, (_, seed) => noise(long, deviations, seed));
  const periods = [1, 2, 3, 4, 5, 6, 8, 12];
  const gaps = [1, 3, 5, 20];
  const groups = {
    "noise 2 deviations below the maximum": noisy(2),
    "noise 3 deviations below the maximum": noisy(3),
    "noise 1 deviation above the maximum": noisy(-1),
    step: [step(long, fault)],
    drift: [drift(long, fault)],
    "oscillation between bad and not yet good": periods.map((period) =>
      oscillation(long, { from: 10, period, low: between }),
    ),
    "oscillation between bad and good": periods.map((period) => oscillation(long, { from: 10, period, low: good })),
    gaps: gaps.map((length) => gap(long, { from: fault, length })),
    "1 bad look in 10": [spikes(long, { bad: 1, of: 10 })],
    "2 bad looks in 5": [spikes(long, { bad: 2, of: 5 })],
  };
  const rows: Row[] = [];
  for (const limits of [equal, documented]) {
    const traces = Object.values(groups).flat();
    const outcomes = await replayAll(limits, traces, 0);
    let from = 0;
    for (const [name, { length }] of Object.entries(groups)) {
      const of = (tool: Tool) => outcomes[tool].slice(from, from + length);
      rows.push(...rowsOf(name, limits, { ours: of("ours"), rollouts: of("rollouts"), flagger: of("flagger") }));
      from += length;
    }
  }
  return [...rows, await rolloutsWithoutData(groups.gaps), await afterPromotion()];
}

/** What Argo Rollouts does without data is for whoever writes the condition to say. */
async function rolloutsWithoutData(traces: readonly Trace[]): Promise<Row> {
  const conditions = [`len(result) > 0 && result[0] <= ${max}`, `result[0] <= ${max}`];
  const seen = await Promise.all(
    conditions.map(async (condition) => ({
      condition,
      outcomes: await replayRollouts({ condition, failureLimit: equal.rollouts }, traces),
    })),
  );
  const describe = ({ condition, outcomes }: (typeof seen)[number]): string =>
    `by ${condition}: ${outcomes.map(describeGap).join(", ")}`;
  return {
    what: `no data for 1, 3, 5 and 20 looks, by other conditions, ${equal.name}`,
    ours: "has one rule: onNoData",
    theirs: `Argo Rollouts: ${seen.map(describe).join("; ")}`,
    aim: aims.none,
    raw: { seen },
  };
}

async function replayAll(limits: Limits, traces: readonly Trace[], promotedAfter: number): Promise<Outcomes> {
  // A query without a result is to be no error of the expression: as its documentation advises.
  const condition = `len(result) == 0 || result[0] <= ${max}`;
  const rules = { condition, failureLimit: limits.rollouts };
  return {
    ours: traces.map(decide),
    rollouts: await replayRollouts(rules, traces, promotedAfter),
    flagger: await replayFlagger({ max, threshold: limits.flagger }, traces, promotedAfter),
  };
}

/** By the functions that the operator calls, with the defaults of the schema. */
function decide(trace: Trace): Outcome {
  const rules = policy({ warmUpMs: 0, signals: [signal({ bounds: { max, resetMax } })] });
  const guardian = new Guardian(rules);
  const noData: Look = { kind: "NoData" };
  const states = guardian.states(trace.map((value) => value ?? noData));
  const told = states.filter((state) => state === "Healthy" || state === "Unhealthy");
  const changes = told.filter((state, index) => index > 0 && state !== told[index - 1]).length;
  return { at: states.indexOf("Unhealthy"), phase: states.at(-1) ?? "", changes, looks: trace.length };
}

function rowsOf(name: string, limits: Limits, outcomes: Outcomes): readonly Row[] {
  const row = (what: string, describe: (of: readonly Outcome[]) => string, aim = aims.none): Row => ({
    what: `${what}, ${limits.name}`,
    ours: describe(outcomes.ours),
    theirs: `Argo Rollouts: ${describe(outcomes.rollouts)}; Flagger: ${describe(outcomes.flagger)}`,
    aim,
    raw: { limits, ours: outcomes.ours, rollouts: outcomes.rollouts, flagger: outcomes.flagger },
  });
  switch (name) {
    case "step":
    case "drift":
      return [row(`${name}: bad looks until it is given up`, ([one]) => looksAfter(one, fault))];
    case "oscillation between bad and not yet good":
    case "oscillation between bad and good":
      return [row(`${name}, 8 periods: changes of mind, at most`, (of) => String(most(of)), aims.flips)];
    case "gaps":
      return [row("no data for 1, 3, 5 and 20 looks", (of) => of.map(describeGap).join(", "))];
    case "1 bad look in 10":
    case "2 bad looks in 5":
      return [row(`${name}, for ${long} looks`, ([one]) => (one === undefined ? "none" : describeEnd(one)))];
    case "noise 1 deviation above the maximum":
      return [row(`${name}: looks until it is given up`, spread)];
    default:
      return [short, long].map((looks) =>
        row(`${name}: false rollbacks in ${looks} looks, of ${count}`, (of) => String(within(of, looks)), aims.noise),
      );
  }
}

/** It fails ten looks after the rollout was done. */
async function afterPromotion(): Promise<Row> {
  const promoted = 10;
  const outcomes = await replayAll(equal, [step(long, fault)], promoted);
  const describe = ([one]: readonly Outcome[]): string =>
    one === undefined || one.at === -1
      ? `never; ${one?.phase ?? ""}, ${Math.max(0, (one?.looks ?? 0) - promoted)} looks after promotion`
      : `after ${looksAfter(one, fault)} bad looks`;
  return {
    what: `step ${fault - promoted} looks after promotion: given up`,
    ours: describe(outcomes.ours),
    theirs: `Argo Rollouts: ${describe(outcomes.rollouts)}; Flagger: ${describe(outcomes.flagger)}`,
    aim: aims.none,
    raw: { ...outcomes },
  };
}

function within(outcomes: readonly Outcome[], looks: number): number {
  return outcomes.filter(({ at }) => at !== -1 && at < looks).length;
}

function most(outcomes: readonly Outcome[]): number {
  return Math.max(...outcomes.map(({ changes }) => changes));
}

function looksAfter(outcome: Outcome | undefined, from: number): string {
  return outcome === undefined || outcome.at === -1 ? "never" : String(outcome.at - from + 1);
}

function spread(outcomes: readonly Outcome[]): string {
  const found = outcomes.flatMap(({ at }) => (at === -1 ? [] : [at + 1])).toSorted((a, b) => a - b);
  const at = (share: number): number => found[Math.max(0, Math.ceil(found.length * share) - 1)] ?? NaN;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, never ${outcomes.length - found.length}`;
}

function describeGap(outcome: Outcome): string {
  return outcome.at === -1 ? "goes on" : "given up";
}

function describeEnd(outcome: Outcome): string {
  return outcome.at === -1 ? `goes on (${outcome.phase})` : `given up after ${outcome.at + 1} looks`;
}
