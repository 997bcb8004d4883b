import { Counter, Gauge, type Registry } from "prom-client";

/** Unchanged: it was recorded before. Dropped: the store was away for too long. Failed: an attempt that is made again. */
export type RecordResult = "recorded" | "unchanged" | "dropped" | "failed";

export class EvidenceMetrics {
  readonly #records: Counter<"result">;
  #pending: () => number = () => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#records = new Counter({
      name: "mlsecops_evidence_records_total",
      help: "Decisions that were to be recorded, by what became of them",
      labelNames: ["result"],
      registers,
    });
    // So that the first one is seen as an increase.
    for (const result of ["recorded", "unchanged", "dropped", "failed"] as const) this.#records.inc({ result }, 0);
    const pending = () => this.#pending();
    new Gauge({
      name: "mlsecops_evidence_pending",
      help: "Decisions that wait to be recorded",
      registers,
      collect() {
        this.set(pending());
      },
    });
  }

  trackPending(pending: () => number): void {
    this.#pending = pending;
  }

  count(result: RecordResult): void {
    this.#records.inc({ result });
  }
}
