import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
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
  readonly #server: http.Server;
  readonly #upstream: KubeConfig;
  readonly #sockets = new Set<Socket>();
  /** The answers under way, and whether they go nowhere. */
  readonly #responses = new Set<{ dead: boolean }>();
  readonly #agent: https.Agent;
  #scripts: Script[] = [];
  #stalled = false;

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

  /** Answers the next `count` requests that match in the server's place. */
  answer(matches: (request: ProxiedRequest) => boolean, answer: Answer, count = 1): void {
    this.#scripts.push({ matches, answer, left: count });
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
    const script = this.#scripts.find(({ matches, left }) => left > 0 && matches(seen));
    if (script === undefined) {
      await this.#forward(request, response);
      return;
    }
    script.left -= 1;
    this.#scripts = this.#scripts.filter(({ left }) => left > 0);
    request.resume();
    response.writeHead(script.answer.status, { "content-type": "application/json", ...script.answer.headers });
    response.end(script.answer.body);
  }

  async #forward(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const state = { dead: false };
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
        if (!state.dead) response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
        answer.on("data", (chunk) => {
          if (!state.dead) response.write(chunk);
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
      upstream.destroy();
    });
    request.pipe(upstream);
  }
}
