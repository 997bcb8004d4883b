import { z } from "zod";
import { type Sender, ask, parseJson } from "./asking.ts";
import { type Look, errorLook, valueLook } from "./look.ts";

export interface PrometheusServer {
  /** Of the server, or of what stands before it: /api/v1/query is appended. */
  readonly url: string;
  /** The value of the Authorization header. It goes to that origin only. */
  readonly authorization?: string | undefined;
}

export interface RangeQuery {
  readonly windowMs: number;
  readonly stepMs: number;
  /** What the points become. */
  readonly reduce: "Last" | "Mean" | "Max" | "Min";
}

export interface PrometheusQuery {
  readonly query: string;
  /** Absent: one value, as it is now. */
  readonly range?: RangeQuery | undefined;
}

export interface AskOptions {
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** One number is asked for: a longer answer is a wrong query. */
const maxBytes = 256 * 1024;
export const MAX_POINTS = 1_000;
/** By how much the clocks may differ. */
const maxSkewMs = 60_000;
const maxMessageLength = 300;

const Point = z.tuple([z.number(), z.string().max(64)]);
const Data = z.discriminatedUnion("resultType", [
  z.object({ resultType: z.literal("scalar"), result: Point }),
  z.object({ resultType: z.literal("string"), result: z.unknown() }),
  z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()).optional(), value: Point.optional() })),
  }),
  z.object({ resultType: z.literal("matrix"), result: z.array(z.object({ values: z.array(Point).optional() })) }),
]);
const Answer = z.discriminatedUnion("status", [
  z.object({ status: z.literal("success"), data: Data }),
  z.object({ status: z.literal("error"), errorType: z.string().optional(), error: z.string().optional() }),
]);

/**
 * Asks a Prometheus server one query that gives one number. Whatever else comes is a look with its own reason; none of it is a
 * value.
 * @throws EgressError `Aborted` when the signal ends it.
 */
export async function askPrometheus(
  sender: Sender,
  server: PrometheusServer,
  query: PrometheusQuery,
  options: AskOptions,
): Promise<Look> {
  const asked = await send(sender, server, query, options);
  return "look" in asked ? asked.look : readAnswer(asked, query, options.now);
}

/**
 * Asks several queries, each for one value as it is now, in one request. Undefined where the answer does not say what each of
 * them gives, since one of them is wrong or slow, or gives no vector: then each is to be asked by itself.
 * @throws EgressError `Aborted` when the signal ends it.
 */
export async function askTogether(
  sender: Sender,
  server: PrometheusServer,
  queries: readonly string[],
  options: AskOptions,
): Promise<readonly Look[] | undefined> {
  const asked = await send(sender, server, { query: together(queries) }, options);
  // Nobody is there, or lets anybody in: to ask again would change nothing.
  if ("look" in asked) return isOfAll(asked.look) ? queries.map(() => asked.look) : undefined;
  const parsed = Answer.safeParse(asked.body);
  if (parsed.data?.status !== "success" || parsed.data.data.resultType !== "vector") {
    const look = readAnswer(asked, {}, options.now);
    return isOfAll(look) ? queries.map(() => look) : undefined;
  }
  const { result } = parsed.data.data;
  const known = new Set(queries.map((_, index) => String(index)));
  if (result.some(({ metric }) => !known.has(metric?.[QUERY_LABEL] ?? ""))) return undefined;
  return queries.map((_, index) => {
    const only = single(result.filter(({ metric }) => metric?.[QUERY_LABEL] === String(index)));
    return "look" in only ? only.look : instant(only.one.value, options.now);
  });
}

/** Which query a series is the answer of. */
const QUERY_LABEL = "mlsecops_query";

/** Each on lines of its own: a comment ends with its line. */
function together(queries: readonly string[]): string {
  return queries
    .map((query, index) => `label_replace((\n${query}\n), "${QUERY_LABEL}", "${index}", "", "")`)
    .join(" or ");
}

function isOfAll(look: Look): boolean {
  return look.kind === "Error" && ["NotAllowed", "Unreachable", "NotAuthorized", "NotPrometheus"].includes(look.reason);
}

async function send(
  sender: Sender,
  server: PrometheusServer,
  query: PrometheusQuery,
  { now, signal, timeoutMs }: AskOptions,
): Promise<{ readonly status: number; readonly body: unknown } | { readonly look: Look }> {
  const asked = await ask(sender, {
    method: "POST",
    url: `${server.url.replace(/\/+$/, "")}/api/v1/${query.range === undefined ? "query" : "query_range"}`,
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    ownHeaders: server.authorization === undefined ? {} : { authorization: server.authorization },
    body: formOf(query, now, timeoutMs),
    maxBytes,
    deadlineMs: timeoutMs,
    signal,
  });
  if ("look" in asked) return asked;
  const { status, body } = asked.answer;
  return { status, body: parseJson(body) };
}

function formOf({ query, range }: PrometheusQuery, now: Date, timeoutMs: number): string {
  const form = new URLSearchParams({ query, timeout: `${timeoutMs}ms` });
  if (range !== undefined) {
    form.set("start", String((now.getTime() - range.windowMs) / 1000));
    form.set("end", String(now.getTime() / 1000));
    form.set("step", String(range.stepMs / 1000));
  }
  return form.toString();
}

/** What an answer says. Pure. */
export function readAnswer(
  { status, body }: { readonly status: number; readonly body: unknown },
  { range }: Pick<PrometheusQuery, "range">,
  now: Date,
): Look {
  if (status === 401 || status === 403)
    return errorLook("NotAuthorized", `the server answers ${status}: name a Secret with a login that may query`);
  const parsed = Answer.safeParse(body);
  if (!parsed.success) {
    if (status >= 500) return errorLook("ServerError", `the server answers ${status}`);
    return errorLook("NotPrometheus", `the answer (${status}) is none of Prometheus' API: correct the url`);
  }
  if (parsed.data.status === "error") {
    const { error = "", errorType = "" } = parsed.data;
    const message = `${errorType}: ${error}`.slice(0, maxMessageLength);
    if (errorType === "timeout" || errorType === "canceled") return errorLook("Timeout", message);
    return errorLook(status >= 500 ? "ServerError" : "BadQuery", message);
  }
  const { data } = parsed.data;
  switch (data.resultType) {
    case "string":
      return errorLook("NotANumber", "the query gives a string: write one that gives a number");
    case "scalar":
      return instant(data.result, now);
    case "vector": {
      const only = single(data.result);
      return "look" in only ? only.look : instant(only.one.value, now);
    }
    case "matrix": {
      if (range === undefined)
        return errorLook(
          "SeveralSeries",
          "the query gives a range of points: take the [..] away, or aggregate over it",
        );
      const only = single(data.result);
      return "look" in only ? only.look : ranged(only.one.values, range, now);
    }
  }
}

function single<T>(series: readonly T[]): { readonly one: T } | { readonly look: Look } {
  const [one, ...rest] = series;
  if (one === undefined) return { look: { kind: "NoData" } };
  if (rest.length === 0) return { one };
  const message = `the query gives ${series.length} series: aggregate them, for example with sum(…) or max(…)`;
  return { look: errorLook("SeveralSeries", message) };
}

type Point = z.output<typeof Point>;

/** A native histogram has no value. */
const histogram = errorLook("NotANumber", "the query gives a histogram: take histogram_quantile(…) of it");

function instant(point: Point | undefined, now: Date): Look {
  if (point === undefined) return histogram;
  const [seconds, text] = point;
  return skewOf(seconds, now, true) ?? valueLook(numberOf(text));
}

function ranged(points: readonly Point[] | undefined, { reduce, stepMs }: RangeQuery, now: Date): Look {
  if (points === undefined) return histogram;
  if (points.length > MAX_POINTS)
    return errorLook(
      "TooManyPoints",
      `the answer has ${points.length} points, more than ${MAX_POINTS}: make the step longer`,
    );
  const last = points.at(-1);
  if (last === undefined) return { kind: "NoData" };
  const skew = skewOf(last[0], now, false);
  if (skew !== undefined) return skew;
  const ageMs = now.getTime() - last[0] * 1000;
  if (ageMs > Math.max(maxSkewMs, 3 * stepMs)) return { kind: "Stale", ageMs };
  const values = points.map(([, text]) => numberOf(text)).filter((value) => !Number.isNaN(value));
  // The newest one must be there.
  if (Number.isNaN(numberOf(last[1]))) return { kind: "NaN" };
  return valueLook(reduced(values, reduce));
}

function reduced(values: readonly number[], how: RangeQuery["reduce"]): number {
  switch (how) {
    case "Last":
      return values.at(-1) ?? NaN;
    case "Mean":
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    case "Max":
      return Math.max(...values);
    case "Min":
      return Math.min(...values);
  }
}

/** A time that cannot be: one clock is wrong, and what is "now" cannot be told. */
function skewOf(seconds: number, now: Date, alsoBehind: boolean): Look | undefined {
  const aheadMs = seconds * 1000 - now.getTime();
  if (aheadMs <= maxSkewMs && (!alsoBehind || aheadMs >= -maxSkewMs)) return undefined;
  const message = `the server's time differs by ${Math.round(Math.abs(aheadMs) / 1000)} s: set the clocks right`;
  return errorLook("ClockSkew", message);
}

function numberOf(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  return text.trim() === "" ? NaN : Number(text);
}
