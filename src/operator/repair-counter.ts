import { Counter, type Registry } from "prom-client";

/** Counts walls that somebody took down or changed, and that are there again. */
export function repairCounter(registry: Registry): () => void {
  const repairs = new Counter({
    name: "mlsecops_walls_repaired_total",
    help: "Walls of SecureNamespaces that had been deleted or changed, and were put back",
    registers: [registry],
  });
  return () => repairs.inc();
}
