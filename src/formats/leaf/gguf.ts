import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import type { Report } from "./report.ts";

const maxEntries = 65_535;
const maxNameBytes = 65_535;
const maxTemplateBytes = 256 * 1024;
const maxDepth = 4;
/** Of the types of metadata values 0 to 12, in bytes; 0 where the length is written out. */
const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const textType = 8;
const listType = 9;
/** ggml types: elements in a block, bytes of a block. */
const blocks: ReadonlyMap<number, readonly [elements: number, bytes: number]> = new Map([
  [0, [1, 4]],
  [1, [1, 2]],
  [2, [32, 18]],
  [3, [32, 20]],
  [6, [32, 22]],
  [7, [32, 24]],
  [8, [32, 34]],
  [9, [32, 36]],
  [10, [256, 84]],
  [11, [256, 110]],
  [12, [256, 144]],
  [13, [256, 176]],
  [14, [256, 210]],
  [15, [256, 292]],
  [24, [1, 1]],
  [25, [1, 2]],
  [26, [1, 4]],
  [27, [1, 8]],
  [28, [1, 8]],
  [30, [1, 2]],
]);

class NotGguf extends Error {}

export function isGguf(head: Buffer): boolean {
  return head.toString("latin1", 0, 4) === "GGUF";
}

/** GGUF, versions 2 and 3, little-endian: metadata and tensors' places are read, and must lie in the file. */
export function* gguf(cursor: Cursor, report: Report): Steps<FormatName> {
  try {
    yield* new GgufWalk(cursor, report).run();
  } catch (error) {
    if (!(error instanceof NotGguf)) throw error;
    report.findings.add("Malformed", `GGUF: ${error.message}`);
  }
  return "gguf";
}

class GgufWalk {
  readonly #cursor: Cursor;
  readonly #report: Report;
  #alignment = 32;

  constructor(cursor: Cursor, report: Report) {
    this.#cursor = cursor;
    this.#report = report;
  }

  *run(): Steps<void> {
    yield* this.#bytes(4);
    const version = yield* this.#u32();
    if (version !== 2 && version !== 3) throw new NotGguf("its version is neither 2 nor 3");
    const [tensors, entries] = [yield* this.#u64(), yield* this.#u64()];
    if (tensors > maxEntries || entries > maxEntries) throw new NotGguf("it lists too much");
    for (let count = 0; count < entries; count++) {
      const key = (yield* this.#text(maxNameBytes)).toString("latin1");
      yield* this.#value(yield* this.#u32(), key, 0);
    }
    let needed = 0;
    for (let count = 0; count < tensors; count++) needed = Math.max(needed, yield* this.#tensor());
    const padding = (this.#alignment - (this.#cursor.position % this.#alignment)) % this.#alignment;
    // Without tensors nothing has to follow.
    if (needed > 0) yield* this.#skip(padding);
    if ((yield* this.#cursor.skipRest()) < needed) throw new NotGguf("a tensor lies outside the file");
  }

  *#value(type: number, key: string, depth: number): Steps<void> {
    if (type === textType) {
      if (!/^tokenizer\.chat_template/.test(key)) return yield* this.#skip(yield* this.#u64());
      const template = (yield* this.#text(maxTemplateBytes)).toString("latin1");
      // Templates are programs for Jinja. This is how one leaves its sandbox, if there is one.
      if (/__\w+__|\|\s*attr\b|\\x5f|\\u005f/i.test(template)) this.#report.findings.add("TemplateReachesPython", key);
      return;
    }
    if (type === listType) {
      if (depth >= maxDepth) throw new NotGguf("lists lie too deep in each other");
      const [of, length] = [yield* this.#u32(), yield* this.#u64()];
      const width = valueBytes[of] ?? 0;
      if (width > 0) return yield* this.#skip(length * width);
      for (let count = 0; count < length; count++) yield* this.#value(of, "", depth + 1);
      return;
    }
    const width = valueBytes[type];
    if (width === undefined) throw new NotGguf("a value is of an unknown type");
    const bytes = yield* this.#bytes(width);
    if (key !== "general.alignment" || type !== 4) return;
    this.#alignment = bytes.readUInt32LE(0);
    if (this.#alignment === 0 || this.#alignment % 8 !== 0) throw new NotGguf("its alignment is no multiple of 8");
  }

  /** Where a tensor ends, from where all begin. */
  *#tensor(): Steps<number> {
    yield* this.#text(maxNameBytes);
    const dimensions = yield* this.#u32();
    if (dimensions > 8) throw new NotGguf("a tensor has more than 8 dimensions");
    let elements = 1;
    for (let count = 0; count < dimensions; count++) elements *= yield* this.#u64();
    const [type, offset] = [yield* this.#u32(), yield* this.#u64()];
    const [blockElements, blockBytes] = blocks.get(type) ?? [1, 0];
    const end = offset + Math.ceil(elements / blockElements) * blockBytes;
    if (!Number.isSafeInteger(end)) throw new NotGguf("a tensor is too large");
    return end;
  }

  *#text(max: number): Steps<Buffer> {
    const length = yield* this.#u64();
    if (length > max) throw new NotGguf("a text is too long");
    return yield* this.#bytes(length);
  }

  *#u32(): Steps<number> {
    return (yield* this.#bytes(4)).readUInt32LE(0);
  }

  *#u64(): Steps<number> {
    const value = Number((yield* this.#bytes(8)).readBigUInt64LE(0));
    if (!Number.isSafeInteger(value)) throw new NotGguf("a number is too large");
    return value;
  }

  *#bytes(count: number): Steps<Buffer> {
    const bytes = yield* this.#cursor.take(count);
    if (bytes === undefined) throw new NotGguf("it ends in the middle");
    return bytes;
  }

  *#skip(count: number): Steps<void> {
    if (!(yield* this.#cursor.skip(count))) throw new NotGguf("it ends in the middle");
  }
}
