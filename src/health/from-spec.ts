import { HealthSpec, type HealthSignal, RollbackSpec } from "../api/index.ts";
import { parseDuration } from "../trust/index.ts";
import type { RollbackRules } from "./decide-rollback.ts";
import type { HealthPolicy, SignalPolicy } from "./policy.ts";
import type { Agreement } from "./agreement.ts";
import type { Probe } from "./probe.ts";
import type { PrometheusQuery } from "./prometheus.ts";
import { inferenceQuery } from "./query-text.ts";

export type SignalSource =
  | { readonly kind: "Prometheus"; readonly query: PrometheusQuery }
  | { readonly kind: "Probe"; readonly probe: Probe }
  | { readonly kind: "Agreement"; readonly agreement: Agreement };

export interface WatchedSignal {
  readonly policy: SignalPolicy;
  readonly source: SignalSource;
}

export interface MetricsServer {
  readonly url: string;
  readonly secret?: string | undefined;
  readonly caBundle?: string | undefined;
  readonly timeoutMs: number;
}

/** What is looked at for a model, and how it is judged. */
export interface WatchPlan {
  readonly policy: HealthPolicy;
  readonly signals: readonly WatchedSignal[];
  readonly server?: MetricsServer | undefined;
}

/** Of a model that says nothing of its health: its pods are looked at, and what they show counts at once. */
const podsOnly = HealthSpec.parse({ warmUp: "0s" });

export function watchPlan(spec: HealthSpec = podsOnly): WatchPlan {
  const signals = spec.signals.map((signal) => ({ policy: signalPolicy(signal), source: sourceOf(signal) }));
  const { prometheus } = spec;
  return {
    policy: {
      intervalMs: ms(spec.interval),
      warmUpMs: ms(spec.warmUp),
      startupDeadlineMs: ms(spec.startupDeadline),
      maxRestarts: spec.maxRestarts,
      signals: signals.map(({ policy }) => policy),
    },
    signals,
    server:
      prometheus === undefined
        ? undefined
        : {
            url: prometheus.url,
            secret: prometheus.secretRef?.name,
            caBundle: prometheus.caBundle,
            timeoutMs: ms(prometheus.timeout),
          },
  };
}

export function rollbackRules(spec: RollbackSpec = RollbackSpec.parse({})): RollbackRules {
  const { mode, maxPerDay, coolDown, latchAfter, onNoSafeRevision } = spec;
  return { isOff: mode === "Off", maxPerDay, coolDownMs: ms(coolDown), latchAfter, onNoSafeRevision };
}

function signalPolicy({ name, min, max, resetMin, resetMax, compare, window, onNoData }: HealthSignal): SignalPolicy {
  return { name, bounds: { min, max, resetMin, resetMax }, comparison: compare, window, onNoData };
}

function sourceOf({ prometheus, probe, agreement, inference }: HealthSignal): SignalSource {
  if (probe !== undefined) {
    const { maxLatency, ...rest } = probe;
    return { kind: "Probe", probe: { ...rest, maxLatencyMs: ms(maxLatency) } };
  }
  if (agreement !== undefined) {
    const { maxLatency, ...rest } = agreement;
    return { kind: "Agreement", agreement: { ...rest, maxLatencyMs: ms(maxLatency) } };
  }
  // The schema lets one of the four be there, and no more.
  if (prometheus === undefined)
    return { kind: "Prometheus", query: { query: inferenceQuery(inference ?? "ErrorRatio") } };
  const { query, range } = prometheus;
  if (range === undefined) return { kind: "Prometheus", query: { query } };
  const { window, step, reduce } = range;
  return { kind: "Prometheus", query: { query, range: { windowMs: ms(window), stepMs: ms(step), reduce } } };
}

/** The schema has checked that it is a length of time. */
function ms(duration: string): number {
  return parseDuration(duration) ?? 0;
}
