import type { ServerResponse } from "node:http";
import type { CollectionEvent } from "./collection.ts";
import { shuffled, type Draw } from "./random.ts";

/** How long events are kept together to change their order, in milliseconds. */
const mixingMs = 40;

/** The answer to a watch that is under way. */
export class OpenWatch {
  readonly wantsBookmarks: boolean;
  readonly #response: ServerResponse;
  readonly #draw: Draw;
  /** Up to which version it was told everything. */
  #told: number;
  #dead = false;
  #held: string[] | undefined;
  #endsWhenReleased = false;
  #mixing: { left: number; readonly lines: string[] } | undefined;

  constructor(
    response: ServerResponse,
    { version, wantsBookmarks, draw }: { version: number; wantsBookmarks: boolean; draw: Draw },
  ) {
    this.#response = response;
    this.#told = version;
    this.wantsBookmarks = wantsBookmarks;
    this.#draw = draw;
  }

  get told(): number {
    return this.#told;
  }

  tell(events: readonly CollectionEvent[]): void {
    for (const event of events) {
      this.#told = Math.max(this.#told, event.version);
      const line = lineOf(event.type, event.object);
      if (this.#mixing === undefined) this.#write(line);
      else {
        this.#mixing.lines.push(line);
        this.#mixing.left -= 1;
        if (this.#mixing.left === 0) this.#mixed();
      }
    }
  }

  /** In one piece, so that they cannot be separated by the end of the connection. */
  repeat(events: readonly CollectionEvent[]): void {
    if (this.#mixing === undefined && events.length > 0)
      this.#write(events.map(({ type, object }) => lineOf(type, object)).join(""));
  }

  /** The next `count` events, or as many as come soon, are sent in one piece and in another order. */
  mix(count: number): void {
    if (this.#mixing !== undefined) return;
    this.#mixing = { left: count, lines: [] };
    setTimeout(() => this.#mixed(), mixingMs).unref();
  }

  bookmark(): void {
    // What a bookmark says must have been told before.
    if (this.#mixing !== undefined || !this.wantsBookmarks) return;
    const metadata = { resourceVersion: String(this.#told), creationTimestamp: null };
    this.#write(lineOf("BOOKMARK", { apiVersion: "v1", kind: "ConfigMap", metadata }));
  }

  fail(status: object): void {
    this.#mixed();
    this.#write(lineOf("ERROR", status));
    this.end();
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const lines = this.#held ?? [];
    this.#held = undefined;
    for (const line of lines) this.#write(line);
    if (this.#endsWhenReleased) this.end();
  }

  /** Nothing more is sent, and the connection stays open. */
  die(): void {
    this.#dead = true;
  }

  end(): void {
    if (this.#dead) return;
    this.#mixed();
    if (this.#held === undefined) this.#response.end();
    else this.#endsWhenReleased = true;
  }

  break(midLine: boolean): void {
    const { socket } = this.#response;
    if (midLine && !this.#dead && this.#held === undefined && !this.#response.writableEnded)
      this.#response.write('{"type":"MODIFIED","object":{"kind":"ConfigMap","meta', () => socket?.destroy());
    else socket?.destroy();
  }

  #mixed(): void {
    const lines = this.#mixing?.lines ?? [];
    this.#mixing = undefined;
    if (lines.length > 0) this.#write(shuffled(this.#draw, lines).join(""));
  }

  #write(text: string): void {
    if (this.#dead || this.#response.writableEnded) return;
    if (this.#held === undefined) this.#response.write(text);
    else this.#held.push(text);
  }
}

function lineOf(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}
