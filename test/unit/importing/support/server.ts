import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A web server on loopback that keeps what it was asked. */
export class TestServer {
  readonly asked: { method: string; path: string; headers: IncomingMessage["headers"] }[] = [];
  readonly #server: Server;
  handler: Handler;

  private constructor(server: Server, handler: Handler) {
    this.#server = server;
    this.handler = handler;
  }

  static async start(handler: Handler): Promise<TestServer> {
    const server = createServer();
    const made = new TestServer(server, handler);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        made.asked.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers });
        made.handler(request, response, Buffer.concat(chunks));
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return made;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
