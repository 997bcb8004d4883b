import type { Cursor, Steps } from "../cursor.ts";
import type { FormatName } from "../formats.ts";
import type { Report } from "./report.ts";

const maxDepth = 64;
const maxKey = 1024;
/** Bytes of the types of one fixed length. */
const widths: ReadonlyMap<string, number> = new Map([
  ...["Z", "N", "T", "F"].map((type) => [type, 0] as const),
  ...["i", "U", "C"].map((type) => [type, 1] as const),
  ["I", 2],
  ...["l", "d"].map((type) => [type, 4] as const),
  ...["L", "D"].map((type) => [type, 8] as const),
]);

class NotUbjson extends Error {}

export function isUbjson(head: Buffer): boolean {
  return /^\{[iUIlL#$]/.test(head.toString("latin1", 0, 2));
}

/** Universal Binary JSON, as XGBoost writes its models. */
export function* xgboostUbj(cursor: Cursor, report: Report): Steps<FormatName> {
  const walk = new UbjsonWalk(cursor);
  try {
    yield* walk.document();
  } catch (error) {
    if (!(error instanceof NotUbjson)) throw error;
    if (!walk.keys.has("learner")) return "unknown";
    report.findings.add("Malformed", `UBJSON: ${error.message}`);
  }
  return walk.keys.has("learner") && walk.keys.has("version") ? "xgboost-ubj" : "unknown";
}

class UbjsonWalk {
  readonly keys = new Set<string>();
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  *document(): Steps<void> {
    yield* this.#value(yield* this.#marker(), 0);
    if (!(yield* this.#cursor.atEnd())) throw new NotUbjson("bytes follow it");
  }

  *#value(type: string, depth: number): Steps<void> {
    const width = widths.get(type);
    if (width !== undefined) return yield* this.#skip(width);
    if (type === "S" || type === "H") return yield* this.#skip(yield* this.#length(yield* this.#marker()));
    if ((type !== "[" && type !== "{") || depth >= maxDepth) throw new NotUbjson("a value is of an unknown type");
    const end = type === "[" ? "]" : "}";
    let marker = yield* this.#marker();
    let of: string | undefined;
    let count: number | undefined;
    if (marker === "$") {
      of = yield* this.#marker();
      marker = yield* this.#marker();
    }
    if (marker === "#") count = yield* this.#length(yield* this.#marker());
    else if (of !== undefined) throw new NotUbjson("a list has a type and no length");
    const itemWidth = of === undefined ? undefined : widths.get(of);
    // Types without content would be a loop without reading.
    if (type === "[" && count !== undefined && itemWidth !== undefined) return yield* this.#skip(count * itemWidth);
    for (let done = 0; count === undefined || done < count; done++) {
      if (count === undefined ? done > 0 : of === undefined || type === "{") marker = yield* this.#marker();
      if (count === undefined && marker === end) return;
      if (type === "{") {
        yield* this.#key(marker, depth);
        marker = of ?? (yield* this.#marker());
      }
      yield* this.#value(of ?? marker, depth + 1);
    }
  }

  *#key(marker: string, depth: number): Steps<void> {
    const length = yield* this.#length(marker);
    if (length > maxKey) throw new NotUbjson("a key is too long");
    const key = yield* this.#cursor.take(length);
    if (key === undefined) throw new NotUbjson("it ends in the middle");
    if (depth === 0 && this.keys.size < 64) this.keys.add(key.toString("latin1"));
  }

  *#length(type: string): Steps<number> {
    const width = widths.get(type) ?? 0;
    if (!["i", "U", "I", "l", "L"].includes(type)) throw new NotUbjson("a length is no number");
    const bytes = yield* this.#cursor.take(width);
    if (bytes === undefined) throw new NotUbjson("it ends in the middle");
    const length =
      width === 8 ? Number(bytes.readBigInt64BE(0)) : type === "U" ? bytes.readUInt8(0) : bytes.readIntBE(0, width);
    if (length < 0 || !Number.isSafeInteger(length)) throw new NotUbjson("a length is negative, or too large");
    return length;
  }

  *#marker(): Steps<string> {
    const byte = yield* this.#cursor.take(1);
    if (byte === undefined) throw new NotUbjson("it ends in the middle");
    return String.fromCharCode(byte[0] ?? 0);
  }

  *#skip(count: number): Steps<void> {
    if (!(yield* this.#cursor.skip(count))) throw new NotUbjson("it ends in the middle");
  }
}
