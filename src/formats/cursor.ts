/** A parser that pauses where it needs more bytes than there are. */
export type Steps<T> = Generator<void, T, void>;

const nothing = Buffer.alloc(0);

/**
 * What a parser reads from: bytes that come in pieces. It holds no more than a piece, and what a parser asks to see as
 * one; what is skipped is not held at all.
 */
export class Cursor {
  /** For parsers that read byte by byte: what is here, and where in it they are. */
  buffer: Buffer = nothing;
  at = 0;
  #before = 0;
  #ended = false;

  /** How many bytes are behind. */
  get position(): number {
    return this.#before + this.at;
  }

  get available(): number {
    return this.buffer.length - this.at;
  }

  push(chunk: Buffer): void {
    const rest = this.available;
    this.#before += this.at;
    this.buffer = rest === 0 ? chunk : Buffer.concat([this.buffer.subarray(this.at), chunk]);
    this.at = 0;
  }

  end(): void {
    this.#ended = true;
  }

  /** What is here and not read yet. */
  rest(): Buffer {
    return this.buffer.subarray(this.at);
  }

  /** Waits until so many bytes are here; false: they will never be. */
  *need(count: number): Steps<boolean> {
    while (this.available < count) {
      if (this.#ended) return false;
      yield;
    }
    return true;
  }

  /** The next bytes, valid until the parser pauses again; undefined: the content ends before. */
  *take(count: number): Steps<Buffer | undefined> {
    if (this.available < count && !(yield* this.need(count))) return undefined;
    const start = this.at;
    this.at += count;
    return this.buffer.subarray(start, this.at);
  }

  /** Passes over bytes; false: the content ends before. */
  *skip(count: number): Steps<boolean> {
    let left = count;
    for (;;) {
      const step = Math.min(left, this.available);
      this.at += step;
      left -= step;
      if (left === 0) return true;
      if (!(yield* this.need(1))) return false;
    }
  }

  /** Passes over all that is to come, and says how much it was. */
  *skipRest(): Steps<number> {
    const start = this.position;
    for (;;) {
      this.at = this.buffer.length;
      if (!(yield* this.need(1))) return this.position - start;
    }
  }

  /** Whether nothing is to come. */
  *atEnd(): Steps<boolean> {
    return !(yield* this.need(1));
  }
}

/** Runs a parser over content as it comes in. */
export class Analysis<T> {
  readonly #cursor = new Cursor();
  readonly #steps: Steps<T>;
  #result: { readonly value: T } | undefined;

  constructor(parser: (cursor: Cursor) => Steps<T>) {
    this.#steps = parser(this.#cursor);
  }

  /** Whether the parser has seen enough. */
  get done(): boolean {
    return this.#result !== undefined;
  }

  write(chunk: Buffer): void {
    if (this.done || chunk.length === 0) return;
    this.#cursor.push(chunk);
    this.#advance();
  }

  end(): T {
    this.#cursor.end();
    while (this.#result === undefined) this.#advance();
    return this.#result.value;
  }

  #advance(): void {
    const step = this.#steps.next();
    if (step.done === true) this.#result = { value: step.value };
  }
}
