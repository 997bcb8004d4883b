import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Trace, good } from "./traces.ts";

interface Played {
  readonly trace: Trace;
  readonly since: number;
  readonly intervalMs: number;
  /** Absent: whoever asks. */
  readonly revision?: string | undefined;
}

/**
 * Prometheus' API, as far as one number goes. A query that holds trace="NAME" gets what is played under that name at the
 * moment, and before anything is played what is good; so does one that holds revision="OTHER" where a revision is given.
 */
export class MetricsServer {
  readonly #server: Server;
  readonly #played = new Map<string, Played>();
  readonly #asked = new Map<string, number[]>();

  constructor() {
    this.#server = createServer((request, response) => {
      let form = "";
      request.setEncoding("utf8").on("data", (text: string) => (form += text));
      request.on("end", () => {
        // Flagger asks by GET, the others by POST.
        const parameters = new URLSearchParams(form === "" ? (request.url ?? "").replace(/^[^?]*\?/, "") : form);
        const query = parameters.get("query") ?? "";
        response.setHeader("content-type", "application/json");
        const now = Date.now() / 1000;
        const result = parts(query).flatMap(({ text, metric }) => {
          const value = this.#answer(text);
          return value === undefined ? [] : [{ metric, value: [now, String(value)] }];
        });
        response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
      });
    });
  }

  /** Gives its port. On all addresses: the operator asks nothing on loopback. */
  async start(): Promise<number> {
    this.#server.listen(0, "0.0.0.0");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Begins now, with the first value. The last one stays. */
  play(name: string, trace: Trace, intervalMs: number, revision?: string): void {
    this.#played.set(name, { trace, since: performance.now(), intervalMs, revision });
  }

  /** How often it was asked for a trace since that time (performance.now). */
  askedSince(name: string, since: number): number {
    return (this.#asked.get(name) ?? []).filter((at) => at >= since).length;
  }

  #answer(query: string): number | undefined {
    // Flagger asks it to see whether anybody is there.
    if (query === "vector(1)") return 1;
    const name = labelOf(query, "trace");
    if (name === undefined) return good;
    this.#asked.set(name, [...(this.#asked.get(name) ?? []), performance.now()]);
    const played = this.#played.get(name);
    if (played === undefined) return good;
    const { trace, since, intervalMs, revision } = played;
    if (revision !== undefined && labelOf(query, "revision") !== revision) return good;
    const look = Math.floor((performance.now() - since) / intervalMs);
    return trace[Math.min(look, trace.length - 1)];
  }
}

/** Queries that share a request are told apart by a label. */
function parts(query: string) {
  const shared = [...query.matchAll(/label_replace\(\(\n([^]*?)\n\), "mlsecops_query", "(\d+)", "", ""\)/g)];
  if (shared.length === 0) return [{ text: query, metric: {} }];
  return shared.map(([, text = "", index = ""]) => ({ text, metric: { mlsecops_query: index } }));
}

function labelOf(query: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(query)?.[1];
}
