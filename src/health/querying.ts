import type { ModelRevision } from "../api/index.ts";
import type { Sender } from "./asking.ts";
import type { authorizationOf } from "./authorization.ts";
import type { WatchPlan } from "./from-spec.ts";
import { type Look, errorLook } from "./look.ts";
import type { WatchedPod } from "./pods.ts";
import { type PrometheusQuery, askPrometheus, askTogether } from "./prometheus.ts";
import { fillQuery } from "./query-text.ts";

export interface Subject {
  readonly revision: ModelRevision;
  readonly pods: readonly WatchedPod[];
}

export type Login = ReturnType<typeof authorizationOf> | { readonly authorization?: undefined };

/** What a query is sent with. */
export interface Querying {
  /** To servers that tenants name. */
  readonly metricsSender: (caBundle: string | undefined) => Sender;
  readonly plan: WatchPlan;
  readonly login: Login;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** A query about one revision; a look where it cannot be asked. */
export type Question = { readonly query: PrometheusQuery } | { readonly look: Look };

export function questionOf(
  { revision: { metadata, spec }, pods }: Subject,
  query: PrometheusQuery,
  { plan, login }: Pick<Querying, "plan" | "login">,
): Question {
  // The schema refuses it; what was stored under an older one is told.
  if (plan.server === undefined) return { look: errorLook("NotAllowed", "spec.health.prometheus is not given") };
  if ("look" in login) return login;
  const filled = fillQuery(query.query, {
    namespace: metadata.namespace ?? "",
    model: spec.model,
    revision: metadata.name,
    pods: pods.map((pod) => pod.metadata.name),
  });
  return "look" in filled ? filled : { query: { ...query, query: filled.query } };
}

export async function askAlone(question: Question, querying: Querying): Promise<Look> {
  if ("look" in question) return question.look;
  const { sender, to, options } = requestOf(querying);
  return askPrometheus(sender, to, question.query, options);
}

/**
 * What those of the questions that want the value of now get from one request. Undefined where they cannot share one; empty
 * where there are not two of them.
 */
export async function askShared(
  questions: readonly Question[],
  querying: Querying,
): Promise<ReadonlyMap<Question, Look> | undefined> {
  const instant = questions.flatMap((question) =>
    "query" in question && question.query.range === undefined ? [{ question, text: question.query.query }] : [],
  );
  if (instant.length < 2) return new Map();
  const { sender, to, options } = requestOf(querying);
  const texts = instant.map(({ text }) => text);
  const looks = await askTogether(sender, to, texts, options);
  if (looks === undefined) return undefined;
  return new Map(
    instant.flatMap(({ question }, index) => (looks[index] === undefined ? [] : [[question, looks[index]]])),
  );
}

function requestOf({ metricsSender, plan: { server }, login, now, signal }: Querying) {
  const { url = "", caBundle, timeoutMs = 0 } = server ?? {};
  const authorization = "look" in login ? undefined : login.authorization;
  return { sender: metricsSender(caBundle), to: { url, authorization }, options: { now, signal, timeoutMs } };
}
