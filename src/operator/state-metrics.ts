import { Gauge, type Registry } from "prom-client";
import type { VerdictStatus } from "../api/index.ts";
import { stateOf } from "../actions/index.ts";
import type { KubeObject } from "../kube/index.ts";
import { type ResolvedPolicy, trustFreshness } from "../trust/index.ts";
import type { Informers } from "./informers.ts";
import { unrenewedEnd } from "./verdict-expiry.ts";

type Listed<Name extends keyof Informers> = {
  readonly store: Pick<Informers[Name]["store"], "list">;
};

/** What the metrics are counted from: the caches, and what is made of them. */
export interface Seen {
  readonly informers: { readonly [Name in "actions" | "models" | "namespaces" | "policies"]: Listed<Name> };
  readonly trust: { readonly policies: () => readonly ResolvedPolicy[] };
  readonly guardProblems: () => readonly string[];
  readonly now: () => Date;
}

interface Counted {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * How things stand, counted from the caches when somebody asks: what alerts are made of. No label holds the name of an
 * object.
 */
export function registerStateMetrics(registry: Registry, seen: Seen): void {
  const gauge = (name: string, help: string, labelNames: readonly string[], count: () => readonly Counted[]): void => {
    new Gauge({
      name: `mlsecops_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels = {}, value } of count()) this.inc(labels, value);
      },
    });
  };
  const { informers, trust, now } = seen;
  gauge("conditions", "Objects by the conditions in their status", ["kind", "type", "status", "reason"], () =>
    conditionsOf(informers),
  );
  const verdicts = () => verdictsOf(informers);
  gauge("verdicts", "Models and allowed images by the verdict on them", ["kind", "outcome"], () =>
    verdicts().map(({ kind, verdict }) => ({ labels: { kind, outcome: outcomeOf(verdict) }, value: 1 })),
  );
  gauge(
    "verdict_earliest_expiry_timestamp_seconds",
    "When the first verdict ends that the next look will not renew, since it is indeterminate or rests on what ends; 0 where there is none",
    [],
    () => {
      const policies = new Map(trust.policies().map((policy) => [policy.name, policy]));
      return earliest(
        verdicts().flatMap(({ verdict }) => verdict && unrenewedEnd(verdict, (name) => policies.get(name))),
      );
    },
  );
  const freshness = () => trust.policies().map((policy) => trustFreshness(policy, now()));
  gauge(
    "trust_policies",
    "Trust policies by how near the end of their certificates and revocation lists is",
    ["freshness"],
    () => [
      ...["Fresh", "ExpiresSoon", "Expired"].map((state) => ({ labels: { freshness: state }, value: 0 })),
      ...freshness().map(({ state }) => ({ labels: { freshness: state }, value: 1 })),
    ],
  );
  gauge(
    "trust_earliest_expiry_timestamp_seconds",
    "When the first certificate or revocation list of a trust policy ends; 0 where nothing does",
    [],
    () => earliest(freshness().map(({ first }) => first?.at)),
  );
  gauge("break_glass_active", "ModelActions that allow now what the policies refuse", [], () => [
    { value: informers.actions.store.list().filter((action) => stateOf(action, now()).state === "Active").length },
  ]);
  gauge("models_quarantined", "Models of which nothing may run, although something did", [], () => [
    { value: informers.models.store.list().filter(({ status }) => status?.quarantine !== undefined).length },
  ]);
  gauge(
    "models_rolled_back",
    "Models that run another revision than their spec asks for, because that one is banned",
    [],
    () => [{ value: informers.models.store.list().filter(({ status }) => status?.rollback !== undefined).length }],
  );
  gauge("models_latched", "Models of which nothing new is started before a person has looked", [], () => [
    { value: informers.models.store.list().filter(({ status }) => status?.latch !== undefined).length },
  ]);
  gauge("ungranted_pods", "Running pods that would not be admitted now", ["enforcement"], () => [
    ...["Audit", "Enforce"].map((enforcement) => ({ labels: { enforcement }, value: 0 })),
    ...informers.namespaces.store.list().map(({ spec: { enforcement }, status }) => ({
      labels: { enforcement },
      value: status?.ungrantedPods?.count ?? 0,
    })),
  ]);
  gauge("namespace_breaches", "Objects that let in or out of SecureNamespaces more than is declared", [], () => [
    { value: informers.namespaces.store.list().reduce((sum, { status }) => sum + (status?.breaches?.count ?? 0), 0) },
  ]);
  gauge("admission_policy_problems", "Admission policies and bindings that are missing or changed", [], () => [
    { value: seen.guardProblems().length },
  ]);
}

function verdictsOf({ models, namespaces }: Seen["informers"]) {
  return [
    ...models.store.list().map(({ status }) => ({ kind: "SecureModel", verdict: status?.verdict })),
    ...namespaces.store
      .list()
      .flatMap(({ status }) => (status?.images ?? []).map(({ verdict }) => ({ kind: "AllowedImage", verdict }))),
  ];
}

function outcomeOf(verdict: VerdictStatus | undefined): string {
  if (verdict === undefined) return "None";
  return verdict.reason === "BreakGlass" ? "BreakGlass" : verdict.outcome;
}

function conditionsOf({ actions, models, namespaces, policies }: Seen["informers"]): readonly Counted[] {
  const kinds: readonly (readonly [string, readonly WithConditions[]])[] = [
    ["ClusterTrustPolicy", policies.store.list()],
    ["ModelAction", actions.store.list()],
    ["SecureModel", models.store.list()],
    ["SecureNamespace", namespaces.store.list()],
  ];
  return kinds.flatMap(([kind, objects]) =>
    objects.flatMap(({ status }) =>
      (status?.conditions ?? []).map(({ type, status, reason }) => ({
        labels: { kind, type, status, reason },
        value: 1,
      })),
    ),
  );
}

interface WithConditions extends KubeObject {
  readonly status?:
    | {
        readonly conditions?:
          readonly { readonly type: string; readonly status: string; readonly reason: string }[] | undefined;
      }
    | undefined;
}

/** In seconds; 0 where nothing ends. */
function earliest(ends: readonly (Date | undefined)[]): readonly Counted[] {
  const times = ends.flatMap((end) => end?.getTime() ?? []);
  return [{ value: times.length === 0 ? 0 : Math.min(...times) / 1000 }];
}
