import type { Readable } from "node:stream";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Clock } from "./clock.ts";
import type { Metrics } from "./metrics.ts";

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface TransportRequest {
  readonly method: HttpMethod;
  /** Absolute path with its query, relative to the server of the kubeconfig. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For metrics only: the verb ("list", "apply", …) and the group resource. */
  readonly verb: string;
  readonly resource: string;
  /** May be sent again when it is unknown whether the first attempt took effect. */
  readonly idempotent: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface StreamResponse {
  readonly body: Readable;
}

export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>;
  stream(request: TransportRequest): Promise<StreamResponse>;
  close(): void;
}

export interface TransportOptions {
  readonly kubeConfig: KubeConfig;
  readonly clock?: Clock;
  readonly metrics?: Metrics;
}

export function createTransport(options: TransportOptions): Transport {
  throw new Error(`not yet: ${String(options)}`);
}
