import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** Answers for the pods of a revision, on loopback, and counts. */
export class StandIn {
  readonly #server: Server;
  /** What it was asked: method, path and body. */
  readonly asked: string[] = [];
  /** What it answers, and how long it takes for that. */
  behaviour = { status: 200, afterMs: 0 };

  private constructor(revision: string) {
    this.#server = createServer((incoming, response) => {
      void text(incoming).then((body) => {
        this.asked.push(`${incoming.method ?? ""} ${incoming.url ?? ""} ${body}`.trimEnd());
        const { status, afterMs } = this.behaviour;
        setTimeout(() => response.writeHead(status).end(revision), afterMs);
      });
    });
  }

  static async start(revision: string): Promise<StandIn> {
    const standIn = new StandIn(revision);
    standIn.#server.listen(0, "127.0.0.1");
    await once(standIn.#server, "listening");
    return standIn;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
