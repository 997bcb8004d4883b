import type { IncomingMessage } from "node:http";
import type { KubeConfig } from "@kubernetes/client-node";
import { AbortScope } from "./abort-scope.ts";
import { backoffDelay, type BackoffOptions, type Random } from "./backoff.ts";
import { sleep, systemClock, type Clock } from "./clock.ts";
import { CredentialSource, type Credentials } from "./credentials.ts";
import { exchange, readBody } from "./http-exchange.ts";
import { errorFromResponse, isKubeError, KubeError, parseRetryAfter } from "./kube-error.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { TokenBucket, type RateLimit } from "./token-bucket.ts";
import type { StreamResponse, Transport, TransportRequest, TransportResponse } from "./transport-types.ts";

export interface TransportOptions {
  readonly kubeConfig: KubeConfig;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly metrics?: Metrics;
  readonly userAgent?: string;
  /** Default 50 requests a second with a burst of 100. */
  readonly rateLimit?: RateLimit;
  /** Limit for all attempts of a request together, not counting the wait for a token. Default 30 s. */
  readonly deadlineMs?: number;
  /** Limit for one attempt, so that a dead connection leaves time for another. Default 15 s. */
  readonly attemptTimeoutMs?: number;
  /** Default 4. */
  readonly maxAttempts?: number;
  /** Between attempts, unless the server says how long. Default 100 ms to 5 s. */
  readonly backoff?: BackoffOptions;
  /** How often files of tokens, certificates and CAs are read again. Default 10 s. */
  readonly credentialsRefreshMs?: number;
  /** Default 256 MiB. */
  readonly maxResponseBytes?: number;
  readonly random?: Random;
}

/** @throws KubeError `BadRequest` when the kubeconfig names no cluster. */
export function createTransport(options: TransportOptions): Transport {
  if (options.kubeConfig.getCurrentCluster() === null) {
    throw new KubeError("BadRequest", "the kubeconfig has no current cluster", { reason: "NoCluster" });
  }
  return new HttpTransport(options);
}

/** Errors of a connection, as opposed to errors of ours, by Node's code. */
const connectionErrors: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

class HttpTransport implements Transport {
  readonly #clock: Clock;
  readonly #metrics: Metrics | undefined;
  readonly #credentials: CredentialSource;
  readonly #bucket: TokenBucket;
  readonly #random: Random;
  readonly #userAgent: string;
  readonly #deadlineMs: number;
  readonly #attemptTimeoutMs: number;
  readonly #maxAttempts: number;
  readonly #backoff: BackoffOptions;
  readonly #maxResponseBytes: number;

  constructor(options: TransportOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics;
    this.#random = options.random ?? Math.random;
    this.#userAgent = options.userAgent ?? "kube-operator";
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#attemptTimeoutMs = options.attemptTimeoutMs ?? 15_000;
    this.#maxAttempts = options.maxAttempts ?? 4;
    this.#backoff = options.backoff ?? { initialMs: 100, maxMs: 5_000 };
    this.#maxResponseBytes = options.maxResponseBytes ?? 256 * 1024 * 1024;
    this.#bucket = new TokenBucket(options.rateLimit ?? { perSecond: 50, burst: 100 }, this.#clock);
    this.#credentials = new CredentialSource({
      kubeConfig: options.kubeConfig,
      clock: this.#clock,
      log: options.log,
      refreshMs: options.credentialsRefreshMs ?? 10_000,
    });
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    await this.#waitForToken(request);
    const endsAt = this.#clock.monotonic() + (request.deadlineMs ?? this.#deadlineMs);
    let refreshed = false;
    for (let attempt = 1; ; attempt += 1) {
      const progress = { sent: false };
      try {
        return await this.#attempt(request, progress, endsAt);
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        if (error.code === "Unauthorized" && error.status === 401 && !refreshed) {
          // A rotated token: the server did not look at the request, so it may be sent again.
          refreshed = true;
          await this.#credentials.refresh();
          continue;
        }
        const mayRepeat = isTransient(error) && (request.idempotent || !progress.sent);
        const delay = error.retryAfterMs ?? backoffDelay(this.#backoff, attempt, this.#random);
        const tooLate = this.#clock.monotonic() + delay >= endsAt;
        if (!mayRepeat || attempt >= this.#maxAttempts || tooLate) throw error;
        await this.#pause(delay, request);
      }
    }
  }

  async stream(request: TransportRequest): Promise<StreamResponse> {
    await this.#waitForToken(request);
    const scope = new AbortScope({
      clock: this.#clock,
      timeoutMs: request.deadlineMs ?? this.#attemptTimeoutMs,
      signals: request.signals,
    });
    try {
      return await this.#measured(request, async () => {
        const response = await this.#open(request, { sent: false }, scope);
        scope.clearTimeout();
        response.once("close", () => scope.dispose());
        return { status: response.statusCode ?? 0, body: response };
      });
    } catch (error) {
      scope.dispose();
      throw error;
    }
  }

  close(): void {
    this.#credentials.close();
  }

  async #attempt(request: TransportRequest, progress: { sent: boolean }, endsAt: number): Promise<TransportResponse> {
    const left = endsAt - this.#clock.monotonic();
    const timeoutMs = Math.max(1, Math.min(this.#attemptTimeoutMs, left));
    const scope = new AbortScope({ clock: this.#clock, timeoutMs, signals: request.signals });
    try {
      return await this.#measured(request, async () => {
        const response = await this.#open(request, progress, scope);
        const body = await this.#read(response, scope);
        return { status: response.statusCode ?? 0, headers: response.headers, body };
      });
    } finally {
      scope.dispose();
    }
  }

  /** Sends the request and resolves with a 2xx answer of which only the head was read. */
  async #open(request: TransportRequest, progress: { sent: boolean }, scope: AbortScope): Promise<IncomingMessage> {
    // An exec plugin may hang, and client-node gives it no limit.
    const credentials = await scope.race(this.#credentials.get());
    const response = await this.#exchange(request, credentials, progress, scope);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const body = await this.#read(response, scope);
    throw errorFromResponse(status, body, parseRetryAfter(response.headers["retry-after"], this.#clock.now()));
  }

  async #exchange(
    request: TransportRequest,
    credentials: Credentials,
    progress: { sent: boolean },
    scope: AbortScope,
  ): Promise<IncomingMessage> {
    if (scope.reason !== undefined) throw scope.reason;
    try {
      return await exchange({
        url: new URL(credentials.server + request.path),
        method: request.method,
        headers: {
          accept: "application/json",
          "user-agent": this.#userAgent,
          ...request.headers,
          ...credentials.headers,
        },
        body: request.body,
        agent: credentials.agent,
        signal: scope.signal,
        beforeSend: () => {
          request.beforeSend?.();
          progress.sent = true;
        },
      });
    } catch (error) {
      throw this.#asKubeError(error, scope);
    }
  }

  async #read(response: IncomingMessage, scope: AbortScope): Promise<string> {
    try {
      return await readBody(response, this.#maxResponseBytes);
    } catch (error) {
      throw this.#asKubeError(error, scope);
    }
  }

  #asKubeError(error: unknown, scope: AbortScope): KubeError {
    const reason = scope.reason ?? error;
    if (isKubeError(reason, "Timeout")) this.#credentials.dropIdleConnections();
    return reason instanceof KubeError ? reason : connectionError(reason);
  }

  async #measured<T extends { status: number }>(request: TransportRequest, send: () => Promise<T>): Promise<T> {
    const startedAt = this.#clock.monotonic();
    const observe = (code: string): void => {
      const labels = { verb: request.verb, resource: request.resource, code };
      this.#metrics?.observeRequest(labels, (this.#clock.monotonic() - startedAt) / 1000);
    };
    try {
      const result = await send();
      observe(String(result.status));
      return result;
    } catch (error) {
      observe(error instanceof KubeError ? String(error.status ?? error.code) : "Internal");
      throw error;
    }
  }

  async #waitForToken(request: TransportRequest): Promise<void> {
    if (request.urgent === true) return;
    const delay = this.#bucket.reserve();
    if (delay > 0) await this.#pause(delay, request);
  }

  async #pause(ms: number, request: TransportRequest): Promise<void> {
    const scope = new AbortScope({ clock: this.#clock, signals: request.signals });
    await sleep(this.#clock, ms, scope.signal);
    scope.dispose();
    if (scope.reason !== undefined) throw scope.reason;
  }
}

/** Whether trying again may help; whether it is safe is another question. */
function isTransient(error: KubeError): boolean {
  if (error.status !== undefined) return [429, 502, 503, 504].includes(error.status);
  return error.code === "Timeout" || (error.code === "Unavailable" && error.reason === "ConnectionFailed");
}

function connectionError(error: unknown): KubeError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = connectionErrors.has(code);
  return new KubeError("Unavailable", `the API server cannot be reached: ${String(error)}`, {
    reason: known ? "ConnectionFailed" : "RequestFailed",
    cause: error,
  });
}
