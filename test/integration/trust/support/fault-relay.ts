import { once } from "node:events";
import { createServer, request as connect, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers in place of the registry behind it; true when it did. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Stands between a client and a real registry and has bad days on demand. */
export class FaultRelay {
  readonly #server: Server;
  fault: Fault = () => false;
  delayMs = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(upstream: string): Promise<FaultRelay> {
    const [hostname, port] = upstream.split(":");
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = new FaultRelay(server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      if (relay.fault(request, response)) return;
      setTimeout(() => {
        const { url, method, headers } = request;
        const onward = connect({ hostname, port, path: url, method, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        onward.on("error", () => response.destroy());
        request.pipe(onward);
      }, relay.delayMs);
    });
    return relay;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
