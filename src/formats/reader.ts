export type Chunks = AsyncIterable<Buffer>;

/** Sees every byte that a reader hands out, once and in order. */
export interface Tap {
  write(chunk: Buffer): void;
}

const nothing = Buffer.alloc(0);

/** Reads bytes on demand from what comes in pieces. Whoever sends is held back until they are asked for. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer, unknown>;
  readonly #tap: Tap | undefined;
  #held: Buffer = nothing;
  #ended = false;
  #position = 0;

  constructor(source: Chunks, tap?: Tap) {
    this.#source = source[Symbol.asyncIterator]();
    this.#tap = tap;
  }

  /** How many bytes were handed out. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes, however many come at once, at most so many; undefined at the end. */
  async chunk(max = Infinity): Promise<Buffer | undefined> {
    if (this.#held.length === 0 && !(await this.#more())) return undefined;
    return this.#handOut(Math.min(max, this.#held.length));
  }

  /** Exactly so many bytes, or fewer where the content ends before. */
  async take(count: number): Promise<Buffer> {
    while (this.#held.length < count && (await this.#more()));
    return this.#handOut(Math.min(count, this.#held.length));
  }

  /** Up to so many of the next bytes, which stay to be read. */
  async peek(count: number): Promise<Buffer> {
    while (this.#held.length < count && (await this.#more()));
    return this.#held.subarray(0, count);
  }

  /** Puts back the end of what was handed out last. The tap does not see it again. */
  unread(bytes: Buffer): void {
    if (this.#tap !== undefined && bytes.length > 0) throw new TypeError("a reader with a tap cannot take back");
    this.#held = Buffer.concat([bytes, this.#held]);
    this.#position -= bytes.length;
  }

  /** All that is left, in pieces. */
  async *rest(): AsyncGenerator<Buffer, void> {
    for (let chunk = await this.chunk(); chunk !== undefined; chunk = await this.chunk()) yield chunk;
  }

  /** The next so many bytes, in pieces; ends early where the content does. */
  async *part(count: number): AsyncGenerator<Buffer, void> {
    for (let left = count; left > 0;) {
      const chunk = await this.chunk(left);
      if (chunk === undefined) return;
      left -= chunk.length;
      yield chunk;
    }
  }

  /** Reads on, so that the tap sees everything; says how many bytes there were. */
  async drain(): Promise<number> {
    let count = 0;
    for await (const chunk of this.rest()) count += chunk.length;
    return count;
  }

  #handOut(count: number): Buffer {
    const bytes = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    this.#position += count;
    if (count > 0) this.#tap?.write(bytes);
    return bytes;
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
    return true;
  }
}
