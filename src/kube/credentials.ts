import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Clock } from "./clock.ts";
import { KubeError } from "./kube-error.ts";
import type { Logger } from "./logger.ts";

export interface Credentials {
  /** Server of the current cluster, without a slash at the end. */
  readonly server: string;
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: http.Agent;
}

export interface CredentialSourceOptions {
  readonly kubeConfig: KubeConfig;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** How often files and exec plugins are asked again, in milliseconds. */
  readonly refreshMs: number;
}

/** kube-apiserver closes idle connections after 90 s; closing first avoids a reset of the request that would reuse one. */
const idleSocketMs = 60_000;
const maxIdleSockets = 32;

/**
 * The credentials of a kubeconfig, kept fresh: client-node re-reads CA, client certificate and token from their files,
 * and a new agent replaces the old one only when the TLS material changed. Requests in flight finish on the old one.
 */
export class CredentialSource {
  readonly #options: CredentialSourceOptions;
  #current: Credentials | undefined;
  #fingerprint = "";
  #loadedAt = 0;
  #loading: Promise<Credentials> | undefined;

  constructor(options: CredentialSourceOptions) {
    this.#options = options;
  }

  /** @throws KubeError `Unauthorized` when there are no credentials yet and they cannot be loaded. */
  async get(): Promise<Credentials> {
    const age = this.#options.clock.monotonic() - this.#loadedAt;
    if (this.#current !== undefined && age < this.#options.refreshMs) return this.#current;
    return this.refresh();
  }

  /** Reads everything again; concurrent calls share one reading. On failure what was valid before is kept. */
  refresh(): Promise<Credentials> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Closes connections that nobody uses: after a timeout they are likely to be as dead as the one that timed out. */
  dropIdleConnections(): void {
    if (this.#current !== undefined) destroyIdle(this.#current.agent);
  }

  close(): void {
    this.#current?.agent.destroy();
  }

  async #load(): Promise<Credentials> {
    try {
      const { kubeConfig, clock } = this.#options;
      const cluster = kubeConfig.getCurrentCluster();
      if (cluster === null) throw new Error("the kubeconfig has no current cluster");
      const options: https.RequestOptions = {};
      await kubeConfig.applyToHTTPSOptions(options);
      this.#current = {
        server: cluster.server.replace(/\/+$/, ""),
        headers: headersOf(options),
        agent: this.#agentFor(cluster.server, cluster.proxyUrl, options),
      };
      this.#loadedAt = clock.monotonic();
      return this.#current;
    } catch (error) {
      if (this.#current === undefined) {
        throw new KubeError("Unauthorized", "the credentials of the kubeconfig cannot be loaded", {
          reason: "CredentialsUnavailable",
          cause: error,
        });
      }
      // A file may be missing for a moment while it is rotated. The old credentials decide with the server what happens.
      this.#options.log?.warn({ err: error }, "cannot refresh the credentials, keeping the old ones");
      this.#loadedAt = this.#options.clock.monotonic();
      return this.#current;
    }
  }

  #agentFor(server: string, proxyUrl: string | undefined, options: https.RequestOptions): http.Agent {
    const tls = {
      ca: options.ca,
      cert: options.cert,
      key: options.key,
      pfx: options.pfx,
      passphrase: options.passphrase,
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized,
    };
    const fingerprint = fingerprintOf([server, proxyUrl, ...Object.values(tls)]);
    if (this.#current !== undefined && fingerprint === this.#fingerprint) return this.#current.agent;
    if (this.#current !== undefined) retire(this.#current.agent);
    this.#fingerprint = fingerprint;
    const pool = { keepAlive: true, maxFreeSockets: maxIdleSockets, timeout: idleSocketMs };
    // client-node knows how to go through a proxy; its agent is then used, with our pool settings.
    if (proxyUrl !== undefined && options.agent instanceof http.Agent) return Object.assign(options.agent, pool);
    if (server.startsWith("http:")) return new http.Agent(pool);
    return new https.Agent({ ...pool, ...withoutUndefined(tls) });
  }
}

function headersOf(options: https.RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file often ends with a newline, which no header may contain.
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  return headers;
}

function fingerprintOf(parts: readonly unknown[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(JSON.stringify(part ?? null));
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex");
}

/** Node merges an explicit `undefined` over its own default. */
function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}

function retire(agent: http.Agent): void {
  agent.maxFreeSockets = 0;
  destroyIdle(agent);
}

function destroyIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}
