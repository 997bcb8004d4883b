import type { Readable } from "node:stream";
import type { Deadline } from "./deadline.ts";
import { EgressError } from "./egress-error.ts";
import { translateError } from "./translate-error.ts";

/** The content of an answer as it comes, up to a bound. It is read once, or discarded. */
export class BoundedBody implements AsyncIterable<Buffer> {
  readonly #source: Readable;
  readonly #url: URL;
  readonly #maxBytes: number;
  readonly #deadline: Deadline;

  constructor(source: Readable, url: URL, maxBytes: number, deadline: Deadline) {
    this.#source = source;
    this.#url = url;
    this.#maxBytes = maxBytes;
    this.#deadline = deadline;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    let size = 0;
    try {
      for await (const chunk of this.#source as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > this.#maxBytes) {
          throw new EgressError(
            "TooLarge",
            `the answer of ${this.#url.host} is longer than the ${this.#maxBytes} bytes allowed here`,
          );
        }
        yield chunk;
      }
    } catch (error) {
      throw translateError(error, this.#url, this.#deadline);
    } finally {
      this.discard();
    }
  }

  /** Frees the connection without reading. */
  discard(): void {
    this.#deadline.end();
    this.#source.destroy();
  }
}
