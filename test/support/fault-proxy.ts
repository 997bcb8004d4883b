import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { KubeConfig } from "@kubernetes/client-node";

export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly isWatch: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request that changes something, as it was sent. */
export interface ProxiedWrite {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly body: string;
  /** What the server said; absent while nothing came back and where the request was not passed on. */
  status?: number;
}

/**
 * What becomes of a write. `refuse` answers 403 in the server's place; `lose` passes it on and answers 403 all the same, so
 * that it was made and its sender does not know.
 */
export type Ruling = "pass" | "refuse" | "lose";

interface Script {
  readonly matches: (request: ProxiedRequest) => boolean;
  readonly answer: Answer;
  left: number;
}

/**
 * An HTTP proxy in front of a real API server, which adds the credentials of a kubeconfig and, on demand, the faults of a bad
 * day: connections that break, connections that swallow everything, and answers that the server did not give.
 */
export class FaultProxy {
  /** All that came in, also what was answered here. */
  readonly requests: ProxiedRequest[] = [];
  /** The writes among them, without dry runs. */
  readonly writes: ProxiedWrite[] = [];
  /** Asked before a write is passed on. */
  onWrite: ((write: ProxiedWrite) => Ruling) | undefined;
  readonly #server: http.Server;
  readonly #upstream: KubeConfig;
  readonly #sockets = new Set<Socket>();
  /** The answers under way, and whether they go nowhere. */
  readonly #responses = new Set<{ dead: boolean }>();
  readonly #agent: https.Agent;
  #scripts: Script[] = [];
  #stalled = false;
  #frozen: Promise<void> | undefined;
  #thaw: () => void = () => undefined;

  private constructor(upstream: KubeConfig, agent: https.Agent) {
    this.#upstream = upstream;
    this.#agent = agent;
    this.#server = http.createServer((request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    });
  }

  static async start(upstream: KubeConfig): Promise<FaultProxy> {
    const options: https.RequestOptions = {};
    await upstream.applyToHTTPSOptions(options);
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const tls = Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(
      ([, value]) => value !== undefined,
    );
    const agent = new https.Agent({ keepAlive: true, ...Object.fromEntries(tls) });
    const proxy = new FaultProxy(upstream, agent);
    // As long as an API server does: a client that uses an idle connection again shall not find it closing.
    proxy.#server.keepAliveTimeout = 90_000;
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** For a client that shall go through here. */
  kubeConfig(): KubeConfig {
    const config = new KubeConfig();
    const { port } = this.#server.address() as AddressInfo;
    const server = `http://127.0.0.1:${port}`;
    config.loadFromClusterAndUser({ name: "proxied", server, skipTLSVerify: true }, { name: "proxied" });
    return config;
  }

  /** Breaks every connection. New ones work. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From now on nothing comes back, on open connections for ever and on new ones until {@link resume}. */
  stall(): void {
    this.#stalled = true;
    for (const response of this.#responses) response.dead = true;
  }

  /** New requests get answers again. */
  resume(): void {
    this.#stalled = false;
  }

  /** Nothing moves in either direction until {@link thaw}; then everything arrives late, and nothing is lost. */
  freeze(): void {
    this.#frozen = new Promise((resolve) => (this.#thaw = resolve));
  }

  thaw(): void {
    this.#frozen = undefined;
    this.#thaw();
  }

  /** Answers the next `count` requests that match in the server's place. Returns what ends it early. */
  answer(matches: (request: ProxiedRequest) => boolean, answer: Answer, count = 1): () => void {
    const script = { matches, answer, left: count };
    this.#scripts.push(script);
    return () => void (script.left = 0);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    this.#agent.destroy();
    await once(this.#server, "close");
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = request.url ?? "/";
    const seen = {
      method: request.method ?? "GET",
      url,
      isWatch: new URL(url, "http://proxy").searchParams.has("watch"),
    };
    this.requests.push(seen);
    if (this.#stalled) return;
    if (this.#frozen !== undefined) await this.#frozen;
    const script = this.#scripts.find(({ matches, left }) => left > 0 && matches(seen));
    if (script === undefined) {
      await this.#pass(request, response, seen);
      return;
    }
    script.left -= 1;
    this.#scripts = this.#scripts.filter(({ left }) => left > 0);
    request.resume();
    response.writeHead(script.answer.status, { "content-type": "application/json", ...script.answer.headers });
    response.end(script.answer.body);
  }

  async #pass(request: http.IncomingMessage, response: http.ServerResponse, seen: ProxiedRequest): Promise<void> {
    if (!isWrite(seen)) {
      await this.#forward(request, response);
      return;
    }
    const body = await text(request);
    const write: ProxiedWrite = { method: seen.method, url: seen.url, body };
    this.writes.push(write);
    const ruling = this.onWrite?.(write) ?? "pass";
    if (ruling === "refuse") refuse(response);
    else await this.#forward(request, response, { write, ruling });
  }

  async #forward(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    written?: { readonly write: ProxiedWrite; readonly ruling: Ruling },
  ): Promise<void> {
    const { write, ruling = "pass" } = written ?? {};
    const state = { dead: ruling !== "pass" };
    this.#responses.add(state);
    const options: https.RequestOptions = {};
    await this.#upstream.applyToHTTPSOptions(options);
    const target = new URL((this.#upstream.getCurrentCluster()?.server ?? "") + (request.url ?? "/"));
    const headers = new Map(Object.entries({ ...request.headers, host: target.host }));
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name.toLowerCase(), String(value));
    const upstream = https.request(
      target,
      { method: request.method, headers: Object.fromEntries(headers), agent: this.#agent },
      (answer) => {
        if (write !== undefined) write.status = answer.statusCode ?? 502;
        if (ruling === "lose") refuse(response);
        if (!state.dead) response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
        answer.on("data", (chunk) => {
          if (state.dead) return;
          if (this.#frozen === undefined) response.write(chunk);
          else {
            answer.pause();
            void this.#frozen.then(() => {
              if (!state.dead) response.write(chunk);
              answer.resume();
            });
          }
        });
        answer.on("end", () => {
          if (!state.dead) response.end();
        });
        answer.on("error", () => response.socket?.destroy());
      },
    );
    upstream.on("error", () => response.socket?.destroy());
    response.once("close", () => {
      this.#responses.delete(state);
      // What is to be done unseen is done also for somebody who has hung up.
      if (ruling === "pass") upstream.destroy();
    });
    if (write === undefined) request.pipe(upstream);
    else upstream.end(write.body);
  }
}

function isWrite({ method, url }: ProxiedRequest): boolean {
  return method !== "GET" && method !== "HEAD" && !new URL(url, "http://proxy").searchParams.has("dryRun");
}

function refuse(response: http.ServerResponse): void {
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", code: 403, reason: "Forbidden" };
  response.writeHead(403, { "content-type": "application/json" });
  response.end(JSON.stringify({ ...status, message: "refused by the test" }));
}
