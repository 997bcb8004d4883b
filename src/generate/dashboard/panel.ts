/** A unit of Grafana. */
export type Unit = "short" | "s" | "bytes" | "reqps" | "ops" | "percentunit" | "bool_yes_no";

export interface Query {
  readonly expr: string;
  /** Grafana's template of a series' name. */
  readonly legend: string;
}

/** One panel, by what it shows: where it stands and how it looks is added for all alike. */
export interface Panel {
  readonly type: "stat" | "timeseries" | "table";
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  /** Of 24 columns. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** Series add up to something. */
  readonly stacked?: boolean;
  /** Of the series whose name ends with the word. */
  readonly colours?: Readonly<Record<string, string>>;
  /** From which value on it is red; below it is green. */
  readonly redFrom?: number;
  /** Below which value it is red; from it on it is green. */
  readonly redBelow?: number;
  /** What stands there when there is no value. */
  readonly noValue?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A metric of the operators that the dashboard is set to, further selected by `matchers`. */
export function of(metric: string, matchers = ""): string {
  return `${metric}{job=~"$job"${matchers === "" ? "" : `,${matchers}`}}`;
}

/** How fast a counter grows, summed over all pods: each counts what it does itself. */
export function rateOf(metric: string, by: string, matchers = ""): string {
  return `sum by (${by}) (rate(${of(metric, matchers)}[$__rate_interval]))`;
}

/** The quantile of a histogram, in the histogram's unit. */
export function quantileOf(quantile: number, metric: string, by: string): string {
  return `histogram_quantile(${quantile}, ${rateOf(`${metric}_bucket`, `le, ${by}`)})`;
}

/** Objects of a kind by the status of a condition. All pods of the operator count the same objects. */
export function byStatus(kind: string, type: string): string {
  const counted = of("mlsecops_conditions", `kind="${kind}",type="${type}"`);
  return `max by (status) (sum by (instance, status) (${counted}))`;
}

export function conditionPanel(kind: string, type: string, description: string, width: number): Panel {
  const title = `${kind}s by ${type}`;
  const colours = { True: "green", False: "red", Unknown: "orange" };
  const look = { unit: "short", width, stacked: true, colours } as const;
  return seriesPanel(title, description, look, [byStatus(kind, type), "{{status}}"]);
}

/** Lines over time. */
export function seriesPanel(
  title: string,
  description: string,
  look: Pick<Panel, "unit" | "width" | "stacked" | "colours">,
  ...queries: readonly (readonly [expr: string, legend: string])[]
): Panel {
  return {
    type: "timeseries",
    title,
    description,
    ...look,
    queries: queries.map(([expr, legend]) => ({ expr, legend })),
  };
}

export function statPanel(
  title: string,
  description: string,
  expr: string,
  more: Partial<Pick<Panel, "unit" | "redFrom" | "redBelow" | "noValue" | "width">> = {},
): Panel {
  const queries = [{ expr, legend: title }];
  return { type: "stat", title, description, unit: "short", width: 3, queries, ...more };
}
