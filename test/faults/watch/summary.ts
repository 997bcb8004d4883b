import type { Outcome } from "./trial.ts";
import type { Trials } from "./trials.ts";

const columns = [
  "who",
  "schedules",
  "missed",
  "phantom",
  "p50",
  "p99",
  "worst",
  "over 2 s",
  "own worst",
  "never",
  "requests",
];

/** A table of what was seen: of each, first those schedules in which nothing happens that a real API server does not do. */
export function tableOf(all: readonly Trials[]): string {
  const rows = all.flatMap(({ contestant, outcomes }) => [
    rowOf(
      `${contestant}, faithful`,
      outcomes.filter(({ schedule }) => schedule.faithful),
    ),
    rowOf(
      `${contestant}, also reordered and repeated`,
      outcomes.filter(({ schedule }) => !schedule.faithful),
    ),
  ]);
  const cells = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`);
  return [lines[0], `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...lines.slice(1)].join("\n");
}

export function figuresOf(outcomes: readonly Outcome[]) {
  const times = outcomes.flatMap(({ convergedMs }) => convergedMs ?? []).sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  const total = (of: (outcome: Outcome) => number) => outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
  return {
    schedules: outcomes.length,
    missed: total(({ missed }) => missed.length),
    phantom: total(({ phantom }) => phantom.length),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    worstMs: times.at(-1),
    ownWorstMs: Math.max(0, ...outcomes.flatMap(({ ownMs }) => ownMs ?? [])),
    late: times.filter((ms) => ms > 2_000).length,
    never: outcomes.length - times.length,
    requests: total(({ requests }) => requests.List + requests.Watch) / Math.max(1, outcomes.length),
  };
}

function rowOf(who: string, outcomes: readonly Outcome[]): string[] {
  const figures = figuresOf(outcomes);
  const { schedules, missed, phantom, p50Ms, p99Ms, worstMs, ownWorstMs, late, never, requests } = figures;
  const ms = (value: number | undefined) => (value === undefined ? "" : `${Math.round(value).toLocaleString("en")} ms`);
  const counts = [schedules, missed, phantom].map((count) => count.toLocaleString("en"));
  const times = [ms(p50Ms), ms(p99Ms), ms(worstMs), late.toLocaleString("en"), ms(ownWorstMs)];
  return [who, ...counts, ...times, never.toLocaleString("en"), requests.toFixed(1)];
}

/** What went wrong, each with the seed that repeats it. `mostMs` is of the time in which the process had the processor. */
export function complaintsOf(outcomes: readonly Outcome[], mostMs: number): readonly string[] {
  return outcomes
    .toSorted((a, b) => a.schedule.seed - b.schedule.seed)
    .flatMap(({ schedule: { seed }, convergedMs, ownMs, missed, phantom, contradictions }) => {
      const what = [
        ...missed.map((name) => `missed ${name}`),
        ...phantom.map((name) => `believes in ${name}`),
        ...contradictions,
        ...(convergedMs === undefined ? ["not within 10 s"] : []),
        ...(ownMs !== undefined && ownMs >= mostMs ? [`only after ${Math.round(ownMs)} ms`] : []),
      ];
      return what.length === 0 ? [] : [`seed ${seed}: ${what.join(", ")}`];
    });
}
