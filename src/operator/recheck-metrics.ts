import { Counter, type Registry } from "prom-client";
import type { TokenBucket } from "../kube/index.ts";

/** A budget that counts what it hands out, and what has to wait. */
export function countedBudget(registry: Registry, budget: Pick<TokenBucket, "tryTake">): Pick<TokenBucket, "tryTake"> {
  const rechecks = new Counter({
    name: "mlsecops_rechecks_total",
    help: "Verified artifacts whose registry was to be asked again: asked, or postponed by the budget",
    labelNames: ["result"],
    registers: [registry],
  });
  for (const result of ["asked", "postponed"]) rechecks.inc({ result }, 0);
  return {
    tryTake: () => {
      const isTaken = budget.tryTake();
      rechecks.inc({ result: isTaken ? "asked" : "postponed" });
      return isTaken;
    },
  };
}
