import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { Endpoint } from "./endpoint.ts";
import type { Draw } from "./random.ts";

const path = /^\/api\/v1\/namespaces\/([^/]+)\/configmaps$/;

/**
 * An API server that knows ConfigMaps only, and of them only to list and to watch: as the real one does, over real HTTP, with
 * pages, bookmarks and a history that it forgets. It is in this process so that ten thousand schedules are affordable.
 */
export class ApiServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #endpoints = new Map<string, Endpoint>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://server");
      const endpoint = this.#endpoints.get(path.exec(url.pathname)?.[1] ?? "");
      if (endpoint === undefined) response.writeHead(404).end();
      else void endpoint.serve(url.searchParams, response);
    });
    this.#server.keepAliveTimeout = 90_000;
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    });
  }

  static async start(): Promise<ApiServer> {
    const server = new ApiServer();
    server.#server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
    await once(server.#server, "listening");
    return server;
  }

  /** Of a namespace of its own. */
  open(namespace: string, draw: Draw): Endpoint {
    const endpoint = new Endpoint(namespace, draw);
    this.#endpoints.set(namespace, endpoint);
    return endpoint;
  }

  closeEndpoint(namespace: string): void {
    this.#endpoints.get(namespace)?.close();
    this.#endpoints.delete(namespace);
  }

  kubeConfig(): KubeConfig {
    const config = new KubeConfig();
    const { port } = this.#server.address() as AddressInfo;
    // client-node refuses plain HTTP without this.
    const cluster = { name: "faults", server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
    config.loadFromClusterAndUser(cluster, { name: "faults" });
    return config;
  }

  async close(): Promise<void> {
    for (const namespace of this.#endpoints.keys()) this.closeEndpoint(namespace);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
