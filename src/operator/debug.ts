import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { Controller, Informer } from "../kube/index.ts";

export interface Inspected {
  readonly informers: Readonly<Record<string, Pick<Informer<never>, "type" | "ageMs" | "synced"> & Sized>>;
  readonly controllers: readonly Pick<Controller, "name" | "depth" | "busyMs">[];
}

interface Sized {
  readonly store: { readonly size: number };
}

/** How this process is: numbers, and names of kinds and controllers. Nothing of what any object says, nor its name. */
export function debugReport({ informers, controllers }: Inspected): object {
  const seconds = (ms: number): number => Math.round(ms / 100) / 10;
  return {
    uptimeSeconds: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    heap: getHeapStatistics(),
    heapSpaces: Object.fromEntries(
      getHeapSpaceStatistics().map(({ space_name, space_size, space_used_size }) => [
        space_name,
        { size: space_size, used: space_used_size },
      ]),
    ),
    handles: tally(process.getActiveResourcesInfo()),
    queues: Object.fromEntries(
      controllers.map((one) => [one.name, { waiting: one.depth, busySeconds: seconds(one.busyMs()) }]),
    ),
    watches: Object.fromEntries(
      Object.entries(informers).map(([name, one]) => [
        name,
        { kind: one.type.kind, objects: one.store.size, synced: one.synced(), ageSeconds: seconds(one.ageMs()) },
      ]),
    ),
  };
}

export interface DebugServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Answers GET /debug on loopback only: whoever may forward a port to the pod may ask. Port 0 picks a free one. */
export async function serveDebug(inspected: Inspected, port: number): Promise<DebugServer> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const isAsked = request.method === "GET" && request.url === "/debug";
    response.writeHead(isAsked ? 200 : 404, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(isAsked ? `${JSON.stringify(debugReport(inspected), undefined, 2)}\n` : "{}\n");
  });
  server.maxConnections = 4;
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function tally(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
