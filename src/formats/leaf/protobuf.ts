import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import type { Report } from "./report.ts";

/** The messages of onnx.proto that lead to external data, by the number of the field. */
const messages = {
  Model: { 7: "Graph", 20: "Training", 25: "Function" },
  Training: { 1: "Graph", 2: "Graph" },
  Graph: { 1: "Node", 5: "Tensor", 15: "Sparse" },
  Function: { 7: "Node", 11: "Attribute" },
  Node: { 5: "Attribute" },
  Attribute: { 5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse" },
  Sparse: { 1: "Tensor", 2: "Tensor" },
  Tensor: { 13: "External" },
  External: {},
} as const satisfies Record<string, Record<number, string>>;
type Message = keyof typeof messages;

/** Every field of ModelProto, and how it is written: 0 a number, 2 bytes. */
const modelFields: ReadonlyMap<number, number> = new Map([
  ...[1, 5].map((field) => [field, 0] as const),
  ...[2, 3, 4, 6, 7, 8, 14, 20, 25, 26].map((field) => [field, 2] as const),
]);
const maxDepth = 48;
const maxPath = 1024;

class NotProtobuf extends Error {}

/** An ONNX ModelProto or a TensorFlow SavedModel: both begin with the number of a version. */
export function* protobufModel(cursor: Cursor, report: Report): Steps<FormatName> {
  const walk = new OnnxWalk(cursor, report);
  try {
    return yield* walk.model();
  } catch (error) {
    if (!(error instanceof NotProtobuf)) throw error;
    if (!walk.isOnnx) return "unknown";
    report.findings.add("Malformed", `ONNX: ${error.message}`);
    return "onnx";
  }
}

class OnnxWalk {
  readonly #cursor: Cursor;
  readonly #report: Report;
  readonly #seen = new Set<number>();
  #isOther = false;

  constructor(cursor: Cursor, report: Report) {
    this.#cursor = cursor;
    this.#report = report;
  }

  get isOnnx(): boolean {
    return this.#seen.has(1) && this.#seen.has(7) && !this.#isOther;
  }

  *model(): Steps<FormatName> {
    while (!(yield* this.#cursor.atEnd())) {
      const { field, wire } = yield* this.#tag();
      this.#isOther ||= modelFields.get(field) !== wire;
      if (this.#isOther) return "unknown";
      this.#seen.add(field);
      if (wire === 0) yield* this.#varint();
      else yield* this.#child("Model", field, yield* this.#length(Infinity), 0);
    }
    if (this.isOnnx) return "onnx";
    return this.#seen.size === 2 && this.#seen.has(1) && this.#seen.has(2) ? "savedmodel" : "unknown";
  }

  *#message(kind: Message, end: number, depth: number): Steps<void> {
    if (depth > maxDepth) {
      this.#report.findings.add("TooDeep", `ONNX: graphs lie more than ${maxDepth} deep in each other`);
      yield* this.#skip(end - this.#cursor.position);
      return;
    }
    const entry: ExternalEntry = { keys: [], values: [] };
    while (this.#cursor.position < end) {
      const { field, wire } = yield* this.#tag();
      if (wire === 0) yield* this.#varint();
      else if (wire === 1) yield* this.#skip(8);
      else if (wire === 5) yield* this.#skip(4);
      else if (wire !== 2) throw new NotProtobuf("a field is written in an unknown way");
      else {
        const length = yield* this.#length(end);
        if (kind === "External") yield* this.#externalField(field, length, entry);
        else yield* this.#child(kind, field, length, depth);
      }
    }
    if (this.#cursor.position !== end) throw new NotProtobuf("a message is longer than it says");
    if (kind === "External") this.#external(entry);
  }

  *#child(kind: Message, field: number, length: number, depth: number): Steps<void> {
    const children: Readonly<Partial<Record<number, Message>>> = messages[kind];
    const child = children[field];
    if (child === undefined) yield* this.#skip(length);
    else yield* this.#message(child, this.#cursor.position + length, depth + 1);
  }

  *#externalField(field: number, length: number, entry: ExternalEntry): Steps<void> {
    const list = { 1: entry.keys, 2: entry.values }[field];
    if (list === undefined) return yield* this.#skip(length);
    if (length > maxPath || list.length > 8) throw new NotProtobuf("an entry on external data is too long");
    const bytes = yield* this.#cursor.take(length);
    if (bytes === undefined) throw new NotProtobuf("it ends in the middle");
    list.push(bytes.toString("utf8"));
  }

  #external({ keys, values }: ExternalEntry): void {
    if (!keys.includes("location")) return;
    for (const path of values) {
      const segments = path.split(/[/\\]/);
      // eslint-disable-next-line no-control-regex
      if (path === "" || /^[/\\]|^[A-Za-z]:|[\u0000-\u001f\\\ufffd]/.test(path) || segments.includes("..")) {
        this.#report.findings.add("ExternalPath", path);
      } else {
        this.#report.addExternal(path);
      }
    }
  }

  *#tag(): Steps<{ readonly field: number; readonly wire: number }> {
    const tag = yield* this.#varint();
    if (tag > 0xffffffff || tag < 8) throw new NotProtobuf("a field has no number");
    return { field: Math.floor(tag / 8), wire: tag % 8 };
  }

  *#length(end: number): Steps<number> {
    const length = yield* this.#varint();
    if (this.#cursor.position + length > end) throw new NotProtobuf("a field is longer than what it is in");
    return length;
  }

  *#skip(length: number): Steps<void> {
    if (!(yield* this.#cursor.skip(length))) throw new NotProtobuf("it ends in the middle");
  }

  *#varint(): Steps<number> {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      if (this.#cursor.available === 0 && !(yield* this.#cursor.need(1)))
        throw new NotProtobuf("it ends in the middle");
      const byte = this.#cursor.buffer[this.#cursor.at++] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    throw new NotProtobuf("a number is too long");
  }
}

interface ExternalEntry {
  readonly keys: string[];
  readonly values: string[];
}
