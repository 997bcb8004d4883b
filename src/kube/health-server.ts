import type { HealthRegistry } from "./health.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

export interface HealthServerOptions {
  readonly live: HealthRegistry;
  readonly ready: HealthRegistry;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Address to bind. Default "0.0.0.0": the kubelet and Prometheus come from outside the pod. */
  readonly host?: string;
  /** 0 picks a free port. Default 8080. */
  readonly port?: number;
}

export class HealthServer {
  readonly #options: HealthServerOptions;
  constructor(options: HealthServerOptions) {
    this.#options = options;
  }
  listen(): Promise<{ host: string; port: number }> {
    return Promise.reject(new Error(`not yet: ${String(this.#options.port)}`));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
