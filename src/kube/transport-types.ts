import type { Readable } from "node:stream";

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface TransportRequest {
  readonly method: HttpMethod;
  /** Absolute path with its query, relative to the server of the kubeconfig. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** For metrics only: the verb ("list", "apply", …) and the group resource. */
  readonly verb: string;
  readonly resource: string;
  /** May be sent again when it is unknown whether the first attempt took effect. */
  readonly idempotent: boolean;
  /** Each of them ends the request; a reason that is a KubeError becomes the error. */
  readonly signals?: readonly (AbortSignal | undefined)[];
  /** Called right before each attempt writes its first byte. Throws to prevent it. */
  readonly beforeSend?: (() => void) | undefined;
  /** Limit for all attempts together, in milliseconds. Default: that of the transport. */
  readonly deadlineMs?: number;
  /** Do not wait for a token: for the few requests on which everything else depends. */
  readonly urgent?: boolean;
}

export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface StreamResponse {
  readonly status: number;
  /** Ends with an error when the connection breaks or a signal of the request aborts. Destroy it to hang up. */
  readonly body: Readable;
}

/** The one way to the API server: one pool of connections, one rate limit, one policy of deadlines and retries. */
export interface Transport {
  /**
   * Resolves with a 2xx answer. Sends again after 429, 502, 503, 504, a lost connection or a timeout if the request is
   * idempotent, and after any failure that came before the first byte was sent.
   * @throws KubeError for everything else.
   */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Resolves when the head of a 2xx answer is there, within one attempt. Never retries. @throws KubeError */
  stream(request: TransportRequest): Promise<StreamResponse>;
  /** Closes every connection. */
  close(): void;
}
