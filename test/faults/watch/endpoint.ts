import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Collection, type CollectionEvent } from "./collection.ts";
import { OpenWatch } from "./open-watch.ts";
import type { Draw } from "./random.ts";
import type { Happening, RequestKind } from "./schedule.ts";

/** As often as that; a real one sends them once a minute. In milliseconds. */
const bookmarkMs = 100;

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One collection behind the API server's list and watch, with the faults that a schedule wants. */
export class Endpoint {
  readonly collection: Collection;
  readonly requests = { List: 0, Watch: 0 };
  readonly #draw: Draw;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<OpenWatch>();
  readonly #bookmarks: NodeJS.Timeout;
  /** In place of the next answers. */
  #answers: Record<RequestKind, Answer[]> = { List: [], Watch: [] };
  #goneBy: "Body" | "Status" = "Body";
  #sendsBookmarks = true;
  #swallows = false;
  #slowMs = 0;
  /** What ends the faults that last, by its timer. */
  readonly #ends = new Map<NodeJS.Timeout, () => void>();
  #stalled: Promise<void> | undefined;
  #release: () => void = () => undefined;

  constructor(namespace: string, draw: Draw) {
    this.collection = new Collection(namespace);
    this.#draw = draw;
    this.collection.onEvent((event: CollectionEvent) => {
      for (const watch of this.#watches) watch.tell([event]);
    });
    this.#bookmarks = setInterval(() => {
      if (this.#sendsBookmarks) for (const watch of this.#watches) watch.bookmark();
    }, bookmarkMs);
  }

  happen(happening: Happening): void {
    switch (happening.does) {
      case "Put":
        this.collection.put(happening.name);
        break;
      case "Delete":
        this.collection.delete(happening.name);
        break;
      case "Cut":
        this.#cut(happening.midLine);
        break;
      case "Stall":
        this.#stall();
        this.#later(happening.ms, () => this.#resume());
        break;
      case "Hole":
        this.#die();
        break;
      case "Swallow":
        this.#die();
        this.#swallows = true;
        this.#later(happening.ms, () => (this.#swallows = false));
        break;
      case "Forget":
        this.#forget(happening.told);
        break;
      case "Throttle":
        this.#answer(happening.what, happening.times, tooMany);
        break;
      case "Fail":
        if (happening.what === "InWatch") this.#failWatches(broken);
        else this.#answer(happening.what, happening.times, broken);
        break;
      case "LoseBookmarks":
        this.#sendsBookmarks = false;
        this.#later(happening.ms, () => {
          this.#sendsBookmarks = true;
          this.collection.forget();
        });
        break;
      case "ExpireTokens":
        this.collection.expireTokens();
        break;
      case "Slow":
        this.#slowMs = happening.ms;
        break;
      case "Reorder":
        for (const watch of this.#watches) watch.mix(happening.count);
        break;
      case "Repeat":
        for (const watch of this.#watches) watch.repeat(this.collection.last(happening.count, watch.told));
        break;
    }
  }

  /** From now on the server answers as it should; what was to end later ends now. What was swallowed stays so. */
  heal(): void {
    for (const [timer, end] of this.#ends) {
      clearTimeout(timer);
      end();
    }
    this.#ends.clear();
    this.#answers = { List: [], Watch: [] };
    this.#slowMs = 0;
  }

  close(): void {
    clearInterval(this.#bookmarks);
    this.heal();
    for (const socket of this.#sockets) socket.destroy();
  }

  async serve(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const kind: RequestKind = query.get("watch") === "true" || query.get("watch") === "1" ? "Watch" : "List";
    this.requests[kind] += 1;
    const { socket } = response;
    if (socket !== null && !this.#sockets.has(socket)) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    if (this.#swallows) return;
    if (this.#stalled !== undefined) await this.#stalled;
    if (this.#slowMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#slowMs));
    const answer = this.#answers[kind].shift();
    if (answer !== undefined) sendStatus(response, answer);
    else if (kind === "List") this.#list(query, response);
    else this.#watch(query, response);
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const limit = Number(query.get("limit") ?? Infinity);
    const page = this.collection.page(limit, query.get("continue"));
    if (page === undefined) {
      sendStatus(response, gone);
      return;
    }
    const metadata = { resourceVersion: String(page.version), continue: page.token };
    const items = page.items.map(({ metadata: own, data }) => ({ metadata: own, data }));
    sendJson(response, 200, { kind: "ConfigMapList", apiVersion: "v1", metadata, items });
  }

  #watch(query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get("resourceVersion") ?? 0);
    const { collection } = this;
    const missed = from === 0 ? collection.objects().map(added) : collection.since(from);
    if (missed === undefined && this.#goneBy === "Status") {
      sendStatus(response, gone);
      return;
    }
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    const wantsBookmarks = query.get("allowWatchBookmarks") === "true";
    const watch = new OpenWatch(response, { version: from, wantsBookmarks, draw: this.#draw });
    if (missed === undefined) {
      watch.fail(statusOf(gone));
      return;
    }
    this.#watches.add(watch);
    response.once("close", () => this.#watches.delete(watch));
    if (this.#stalled !== undefined) watch.hold();
    watch.tell(missed);
    const seconds = query.get("timeoutSeconds");
    if (seconds !== null) setTimeout(() => watch.end(), Number(seconds) * 1_000).unref();
  }

  #later(ms: number, end: () => void): void {
    const timer = setTimeout(() => {
      this.#ends.delete(timer);
      end();
    }, ms);
    this.#ends.set(timer, end);
  }

  #cut(midLine: boolean): void {
    for (const watch of this.#watches) watch.break(midLine);
    if (midLine) return;
    for (const socket of this.#sockets) socket.destroy();
  }

  #stall(): void {
    if (this.#stalled !== undefined) return;
    this.#stalled = new Promise((resolve) => (this.#release = resolve));
    for (const watch of this.#watches) watch.hold();
  }

  #resume(): void {
    this.#stalled = undefined;
    this.#release();
    for (const watch of this.#watches) watch.release();
  }

  #die(): void {
    for (const watch of this.#watches) watch.die();
  }

  #forget(told: "Body" | "Status" | "InWatch"): void {
    this.collection.forget();
    if (told === "InWatch") this.#failWatches(gone);
    else this.#goneBy = told;
  }

  #failWatches(answer: Answer): void {
    for (const watch of this.#watches) watch.fail(statusOf(answer));
  }

  #answer(kind: RequestKind, times: number, answer: Answer): void {
    for (let time = 0; time < times; time += 1) this.#answers[kind].push(answer);
    // Otherwise a watch that is well would never get to it.
    if (kind === "Watch") for (const watch of this.#watches) watch.end();
  }
}

const gone: Answer = { status: 410, reason: "Expired" };
const tooMany: Answer = { status: 429, reason: "TooManyRequests", headers: { "retry-after": "1" } };
const broken: Answer = { status: 500, reason: "InternalError" };

function added(object: CollectionEvent["object"]): CollectionEvent {
  return { type: "ADDED", version: Number(object.metadata.resourceVersion), object };
}

function statusOf({ status, reason }: Answer): object {
  return { kind: "Status", apiVersion: "v1", status: "Failure", code: status, reason, message: `made up: ${reason}` };
}

function sendStatus(response: ServerResponse, answer: Answer): void {
  sendJson(response, answer.status, statusOf(answer), answer.headers);
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}
