import { Gauge, type Registry } from "prom-client";
import { trustFreshness } from "../trust/index.ts";
import { stateOf } from "../actions/index.ts";
import type { Informers } from "./informers.ts";
import type { TrustView } from "./trust-view.ts";

type Seen = Pick<Informers, "actions" | "models" | "namespaces" | "policies">;

/**
 * How things stand, counted from the caches when somebody asks: what alerts are made of. No label holds the name of an
 * object.
 */
export function registerStateMetrics(registry: Registry, seen: Seen, trust: TrustView, now: () => Date): void {
  const registers = [registry];
  const verdicts = () => [
    ...seen.models.store.list().map(({ status }) => ({ kind: "SecureModel", verdict: status?.verdict })),
    ...seen.namespaces.store
      .list()
      .flatMap(({ status }) => (status?.images ?? []).map(({ verdict }) => ({ kind: "AllowedImage", verdict }))),
  ];
  new Gauge({
    name: "mlsecops_verdicts",
    help: "Models and allowed images by the verdict on them",
    labelNames: ["kind", "outcome"],
    registers,
    collect() {
      this.reset();
      for (const { kind, verdict } of verdicts()) this.inc({ kind, outcome: outcomeOf(verdict) });
    },
  });
  new Gauge({
    name: "mlsecops_verdict_earliest_expiry_timestamp_seconds",
    help: "When the first verdict ends that cannot be renewed at present (Indeterminate); 0 where there is none",
    registers,
    collect() {
      const ends = verdicts().flatMap(({ verdict }) =>
        verdict?.outcome === "Indeterminate" && verdict.notAfter !== undefined ? Date.parse(verdict.notAfter) : [],
      );
      this.set(ends.length === 0 ? 0 : Math.min(...ends) / 1000);
    },
  });
  const freshness = () => trust.policies().map((policy) => trustFreshness(policy, now()));
  new Gauge({
    name: "mlsecops_trust_policies",
    help: "Trust policies by how near the end of their certificates and revocation lists is",
    labelNames: ["freshness"],
    registers,
    collect() {
      this.reset();
      for (const state of ["Fresh", "ExpiresSoon", "Expired"]) this.set({ freshness: state }, 0);
      for (const { state } of freshness()) this.inc({ freshness: state });
    },
  });
  new Gauge({
    name: "mlsecops_trust_earliest_expiry_timestamp_seconds",
    help: "When the first certificate or revocation list of a trust policy ends; 0 where nothing does",
    registers,
    collect() {
      const ends = freshness().flatMap(({ first }) => first?.at.getTime() ?? []);
      this.set(ends.length === 0 ? 0 : Math.min(...ends) / 1000);
    },
  });
  new Gauge({
    name: "mlsecops_break_glass_active",
    help: "ModelActions that allow now what the policies refuse",
    registers,
    collect() {
      this.set(seen.actions.store.list().filter((action) => stateOf(action, now()).state === "Active").length);
    },
  });
}

function outcomeOf(verdict: { readonly outcome: string; readonly reason: string } | undefined): string {
  if (verdict === undefined) return "None";
  return verdict.reason === "BreakGlass" ? "BreakGlass" : verdict.outcome;
}
