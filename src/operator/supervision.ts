import { type Controller, HealthRegistry, HealthServer } from "../kube/index.ts";
import type { Process } from "./connection.ts";
import type { Informers } from "./informers.ts";

/** A watch older than this is deaf, a pass longer than this is stuck: the process is then restarted. */
export const deafAfterMs = 180_000;
const stuckAfterMs = 30 * 60_000;

/** Answers whether the process is alive, and whether it has read what it watches. Listens when it resolves. */
export async function serveHealth(
  { informers, controllers }: { readonly informers: Informers; readonly controllers: readonly Controller[] },
  { log, metrics, port }: Pick<Process, "log" | "metrics"> & { readonly port: number },
): Promise<HealthServer> {
  const live = new HealthRegistry();
  const ready = new HealthRegistry();
  for (const [name, informer] of Object.entries(informers)) {
    live.add(`watch-${name}`, () => informer.health(deafAfterMs));
    ready.add(`synced-${name}`, () => ({
      healthy: informer.synced(),
      detail: informer.synced() ? "synced" : "listing",
    }));
  }
  for (const controller of controllers) live.add(`worker-${controller.name}`, () => controller.health(stuckAfterMs));
  const server = new HealthServer({ live, ready, metrics, log, port });
  await server.listen();
  return server;
}
