import { type Look, errorLook } from "./look.ts";

/** What a query is about. */
export interface QuerySubject {
  readonly namespace: string;
  readonly model: string;
  readonly revision: string;
  /** Names of the revision's pods. */
  readonly pods: readonly string[];
}

/** The variables that a query may hold. */
export const QUERY_VARIABLES = ["$namespace", "$model", "$revision", "$pods"] as const;

/**
 * A query with its variables filled in: $namespace, $model, $revision, and $pods, a regular expression that matches the names
 * of the revision's pods, to be written as pod=~"$pods". Names of Kubernetes objects hold nothing that would end a string.
 */
export function fillQuery(
  query: string,
  { namespace, model, revision, pods }: QuerySubject,
): { readonly query: string } | { readonly look: Look } {
  if (query.includes("$pods") && pods.length === 0)
    return { look: errorLook("NoTarget", `revision ${revision} has no pod`) };
  const values: Readonly<Record<string, string>> = {
    $namespace: namespace,
    $model: model,
    $revision: revision,
    $pods: pods.map((name) => name.replaceAll(".", "[.]")).join("|"),
  };
  return { query: query.replaceAll(/\$(?:namespace|model|revision|pods)\b/g, (name) => values[name] ?? name) };
}

export type InferenceMetric = "ErrorRatio" | "MeanLatency";

const selector = 'namespace="$namespace",pod=~"$pods"';
const rate = (metric: string, more = "") => `sum(rate(${metric}{${selector}${more}}[2m]))`;

/**
 * A query for what V2 inference servers tell of themselves: the runtime of this project, Triton, MLServer and KServe's SDK.
 * It gives nothing where none of them does, and NaN where nobody asked the model anything.
 */
export function inferenceQuery(metric: InferenceMetric): string {
  switch (metric) {
    case "ErrorRatio": {
      const failed = [
        rate("mlsecops_inference_requests_total", ',code=~"5.."'),
        rate("nv_inference_request_failure"),
        rate("model_infer_request_failure_total"),
        // KServe's SDK counts no failures: what was begun and did not come to its end has failed.
        `clamp_min(${rate("request_preprocess_seconds_count")} - (${rate("request_postprocess_seconds_count")} or vector(0)), 0)`,
        "vector(0)",
      ];
      const all = [
        rate("mlsecops_inference_requests_total"),
        `(${rate("nv_inference_request_success")} + ${rate("nv_inference_request_failure")})`,
        `(${rate("model_infer_request_success_total")} + (${rate("model_infer_request_failure_total")} or vector(0)))`,
        rate("request_preprocess_seconds_count"),
      ];
      return `(${failed.join(" or ")}) / (${all.join(" or ")})`;
    }
    case "MeanLatency": {
      const mean = (name: string) => `${rate(`${name}_sum`)} / ${rate(`${name}_count`)}`;
      const triton = `${rate("nv_inference_request_duration_us")} / 1e6 / ${rate("nv_inference_request_success")}`;
      const ofPython = ["model_infer_request_duration", "request_predict_seconds"].map(mean);
      return [mean("mlsecops_inference_duration_seconds"), triton, ...ofPython].map((one) => `(${one})`).join(" or ");
    }
  }
}
