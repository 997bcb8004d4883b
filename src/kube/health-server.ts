import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HealthRegistry } from "./health.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

export interface HealthServerOptions {
  /** Failing means: restart this process. For watches gone deaf and workers stuck. */
  readonly live: HealthRegistry;
  /** Failing means: do not count on this replica. A standby that waits for the lease with warm caches is ready. */
  readonly ready: HealthRegistry;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Address to bind. Default "0.0.0.0": the kubelet and Prometheus come from outside the pod. */
  readonly host?: string;
  /** 0 picks a free port. Default 8080. */
  readonly port?: number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const text = "text/plain; charset=utf-8";
const maxConnections = 64;

/** Plain HTTP for the kubelet and Prometheus: GET /livez, /readyz, /metrics. */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer({ requestTimeout: 10_000 }, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = maxConnections;
  }

  /** Resolves with the address in use. Rejects with the error of Node when it cannot be bound. */
  async listen(): Promise<{ host: string; port: number }> {
    this.#server.listen(this.#options.port ?? 8080, this.#options.host ?? "0.0.0.0");
    await once(this.#server, "listening");
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request);
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, type: text, body: "use GET\n" };
    try {
      switch (new URL(request.url ?? "/", "http://localhost").pathname) {
        case "/livez":
          return report(this.#options.live);
        case "/readyz":
          return report(this.#options.ready);
        case "/metrics": {
          const { registry } = this.#options.metrics;
          return { status: 200, type: registry.contentType, body: await registry.metrics() };
        }
        default:
          return { status: 404, type: text, body: "not found\n" };
      }
    } catch (error) {
      this.#options.log.error({ err: error, url: request.url }, "cannot answer");
      return { status: 500, type: text, body: "internal error\n" };
    }
  }
}

/** In the format of kube-apiserver's own health endpoints. */
function report(registry: HealthRegistry): Answer {
  const { healthy, checks } = registry.evaluate();
  const lines = Object.entries(checks).map(([name, status]) =>
    status.healthy ? `[+]${name} ok: ${status.detail}` : `[-]${name} failed: ${status.detail}`,
  );
  lines.push(healthy ? "healthy" : "unhealthy");
  return { status: healthy ? 200 : 503, type: text, body: `${lines.join("\n")}\n` };
}
