import { Counter, type Registry } from "prom-client";

/** Counts what looks at the signals of models found. */
export function lookCounter(registry: Registry): (source: string, kind: string) => void {
  const looks = new Counter({
    name: "mlsecops_health_looks_total",
    help: "Looks at signals of models by what they found: Value, Wrong, NoData, NaN, Stale or Error",
    labelNames: ["source", "found"],
    registers: [registry],
  });
  return (source, found) => looks.inc({ source, found });
}
