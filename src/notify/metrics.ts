import { Counter, Gauge, type Registry } from "prom-client";

const results = ["Delivered", "Refused", "NotAllowed", "Expired", "Dropped"] as const;
export type NotificationResult = (typeof results)[number];

/** How notifications fare. */
export class NotificationMetrics {
  readonly #notifications: Counter<"result">;
  #waiting: () => number = () => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#notifications = new Counter({
      name: "mlsecops_notifications_total",
      help: "Events for sinks by what became of them: Delivered, Refused, NotAllowed, Expired or Dropped",
      labelNames: ["result"],
      registers,
    });
    // The first one that is lost is to be seen as more than before.
    for (const result of results) this.#notifications.inc({ result }, 0);
    const waiting = () => this.#waiting();
    new Gauge({
      name: "mlsecops_notifications_waiting",
      help: "Events that wait to be sent to a sink",
      registers,
      collect() {
        this.set(waiting());
      },
    });
  }

  count(result: NotificationResult): void {
    this.#notifications.inc({ result });
  }

  trackWaiting(waiting: () => number): void {
    this.#waiting = waiting;
  }
}
