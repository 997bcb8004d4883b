import type { ServerResponse } from "node:http";
import { sendJson, sendStatus, type Handler, type ReceivedRequest } from "./fake-api-server.ts";
import { configMap, type ConfigMap } from "./support.ts";

interface FakeEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ConfigMap;
}

/** The ConfigMaps of a made-up API server: list with paging, watch with history. Faults are put in front of it. */
export class FakeCollection {
  readonly objects = new Map<string, ConfigMap>();
  /** Answer the next lists and watches instead of the collection, in order. */
  readonly listFaults: Handler[] = [];
  readonly watchFaults: Handler[] = [];
  readonly lists: ReceivedRequest[] = [];
  readonly watches: ReceivedRequest[] = [];
  readonly #open = new Set<ServerResponse>();
  #history: FakeEvent[] = [];
  #version = 100;
  #oldest = 100;

  get openWatches(): number {
    return this.#open.size;
  }

  get version(): number {
    return this.#version;
  }

  readonly handle: Handler = (request, response) => {
    const watching = request.query.get("watch") === "true";
    (watching ? this.watches : this.lists).push(request);
    const fault = (watching ? this.watchFaults : this.listFaults).shift();
    if (fault !== undefined) fault(request, response);
    else if (watching) this.#watch(request, response);
    else this.#list(request, response);
  };

  write(name: string, data: Record<string, string> = {}): void {
    this.#version += 1;
    const known = this.objects.get(name);
    const object = configMap(name, this.#version, data);
    object.metadata.uid = known?.metadata.uid ?? `uid-${this.#version}`;
    this.objects.set(name, object);
    this.#publish({ type: known === undefined ? "ADDED" : "MODIFIED", object });
  }

  remove(name: string): void {
    const known = this.objects.get(name);
    if (known === undefined) return;
    this.#version += 1;
    this.objects.delete(name);
    const metadata = { ...known.metadata, resourceVersion: String(this.#version) };
    this.#publish({ type: "DELETED", object: { ...known, metadata } });
  }

  /** Sends the last events again. */
  repeat(count: number): void {
    for (const event of this.#history.slice(-count)) this.#send(JSON.stringify(event));
  }

  bookmark(): void {
    this.#version += 1;
    const object = { kind: "ConfigMap", metadata: { resourceVersion: String(this.#version) } };
    this.#send(JSON.stringify({ type: "BOOKMARK", object }));
  }

  sendRaw(text: string): void {
    this.#send(text);
  }

  /** Forgets the history: a watch from before gets 410. */
  compact(): void {
    this.#history = [];
    this.#oldest = this.#version;
  }

  /** Breaks every open watch off. */
  cut(): void {
    for (const response of this.#open) response.socket?.destroy();
    this.#open.clear();
  }

  /** Ends every open watch in good order. */
  end(): void {
    for (const response of this.#open) response.end();
    this.#open.clear();
  }

  #publish(event: FakeEvent): void {
    this.#history.push(event);
    this.#send(JSON.stringify(event));
  }

  #send(line: string): void {
    for (const response of this.#open) response.write(`${line}\n`);
  }

  #list(request: ReceivedRequest, response: ServerResponse): void {
    const from = Number(request.query.get("continue") ?? "0");
    const limit = Number(request.query.get("limit") ?? "1000000");
    const all = [...this.objects.values()];
    const metadata = {
      resourceVersion: String(this.#version),
      continue: from + limit < all.length ? String(from + limit) : "",
    };
    sendJson(response, 200, { metadata, items: all.slice(from, from + limit) });
  }

  #watch(request: ReceivedRequest, response: ServerResponse): void {
    const from = Number(request.query.get("resourceVersion"));
    if (from < this.#oldest) {
      sendStatus(response, 410, "Expired");
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const event of this.#history) {
      if (Number(event.object.metadata.resourceVersion) > from) response.write(`${JSON.stringify(event)}\n`);
    }
    this.#open.add(response);
    response.once("close", () => this.#open.delete(response));
  }
}
