import { Histogram } from "prom-client";
import { EvidenceMetrics } from "../../../../src/governance/metrics.ts";
import { Metrics } from "../../../../src/kube/index.ts";
import { NotificationMetrics } from "../../../../src/notify/index.ts";
import { lookCounter } from "../../../../src/operator/look-counter.ts";
import { countedBudget } from "../../../../src/operator/recheck-metrics.ts";
import { repairCounter } from "../../../../src/operator/repair-counter.ts";
import { type Seen, registerStateMetrics } from "../../../../src/operator/state-metrics.ts";

/** What the operator exports: the labels of each series by its name. */
export function exportedMetrics(): ReadonlyMap<string, readonly string[]> {
  const { registry } = new Metrics({ prefix: "mlsecops_", processMetrics: true });
  registerStateMetrics(registry, {} as Seen);
  countedBudget(registry, { tryTake: () => true });
  lookCounter(registry);
  repairCounter(registry);
  new EvidenceMetrics(registry);
  new NotificationMetrics(registry);
  // Its type does not say that there are labels.
  const metrics = registry.getMetricsAsArray() as readonly { name: string; labelNames?: readonly string[] }[];
  return new Map(
    metrics.flatMap((metric): [string, readonly string[]][] => {
      const { name, labelNames = [] } = metric;
      if (!(metric instanceof Histogram)) return [[name, labelNames]];
      return [
        [`${name}_bucket`, [...labelNames, "le"]],
        [`${name}_sum`, labelNames],
        [`${name}_count`, labelNames],
      ];
    }),
  );
}

/** The metrics of an expression, each with the labels that it selects by. */
export function usedMetrics(expr: string): readonly { readonly metric: string; readonly labels: readonly string[] }[] {
  const used = expr.matchAll(/\b((?:mlsecops|process|nodejs)_\w+)(?:\{([^}]*)\})?/g);
  return [...used].map(([, metric = "", matchers = ""]) => ({
    metric,
    labels: [...matchers.matchAll(/(\w+)(?:=|!=|=~|!~)"/g)].map(([, label = ""]) => label),
  }));
}
