import type { Cursor, Steps } from "../cursor.ts";

export type JsonScalar = string | number | boolean | null | undefined;

/** Told of what a document holds, in order. The key is undefined in a list; so is a text that is too long to be held. */
export interface JsonEvents {
  open?(kind: "object" | "array", depth: number, key: string | undefined): void;
  close?(kind: "object" | "array", depth: number): void;
  /** depth: of the object or list that the value is in; 1 is the outermost. */
  value?(value: JsonScalar, depth: number, key: string | undefined): void;
}

const maxDepth = 256;
const maxText = 1024;
const maxNumber = 128;
const space = new Set([0x20, 0x09, 0x0a, 0x0d]);
const words: ReadonlyMap<string, JsonScalar> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Reads one JSON document (RFC 8259) whose outermost value is an object or a list, without holding it; true: it is one.
 * allowNaN: also NaN and Infinity, as Python's json writes them.
 */
export function* walkJson(cursor: Cursor, events: JsonEvents, allowNaN = false): Steps<boolean> {
  const open: ("object" | "array")[] = [];
  let first = yield* token(cursor);
  if (first !== 0x7b && first !== 0x5b) return false;
  let key: string | undefined;
  for (;;) {
    // A value begins with this byte.
    if (first === 0x7b || first === 0x5b) {
      const kind = first === 0x7b ? "object" : "array";
      if (open.length >= maxDepth) return false;
      events.open?.(kind, open.length, key);
      open.push(kind);
      cursor.at++;
      first = yield* token(cursor);
      const isEmpty = first === (kind === "object" ? 0x7d : 0x5d);
      if (!isEmpty) {
        key = undefined;
        if (kind === "object") {
          const found = yield* readKey(cursor);
          if (found === false) return false;
          key = found.text;
          first = yield* token(cursor);
        }
        continue;
      }
    } else {
      const found = yield* scalar(cursor, first, allowNaN);
      if (found === false) return false;
      events.value?.(found.value, open.length, key);
      first = yield* token(cursor);
    }
    // A value has ended, or an empty container is about to.
    for (;;) {
      const kind = open.at(-1);
      if (first === (kind === "object" ? 0x7d : 0x5d)) {
        cursor.at++;
        open.pop();
        events.close?.(kind ?? "array", open.length);
        if (open.length === 0) return true;
        first = yield* token(cursor);
        continue;
      }
      if (first !== 0x2c) return false;
      cursor.at++;
      first = yield* token(cursor);
      key = undefined;
      if (kind === "object") {
        const found = yield* readKey(cursor);
        if (found === false) return false;
        key = found.text;
        first = yield* token(cursor);
      }
      break;
    }
  }
}

/** The next byte that is no white space, which stays to be read; -1 at the end. */
export function* token(cursor: Cursor): Steps<number> {
  for (;;) {
    if (cursor.available === 0 && !(yield* cursor.need(1))) return -1;
    const byte = cursor.buffer[cursor.at] ?? 0;
    if (!space.has(byte)) return byte;
    cursor.at++;
  }
}

function* readKey(cursor: Cursor): Steps<{ readonly text: string | undefined } | false> {
  if ((yield* token(cursor)) !== 0x22) return false;
  const found = yield* readText(cursor);
  if (found === false || (yield* token(cursor)) !== 0x3a) return false;
  cursor.at++;
  return found;
}

function* scalar(cursor: Cursor, first: number, allowNaN: boolean): Steps<{ readonly value: JsonScalar } | false> {
  if (first === 0x22) {
    const found = yield* readText(cursor);
    return found === false ? false : { value: found.text };
  }
  let word = "";
  for (;;) {
    if (cursor.available === 0 && !(yield* cursor.need(1))) break;
    const byte = cursor.buffer[cursor.at] ?? 0;
    if (space.has(byte) || byte === 0x2c || byte === 0x5d || byte === 0x7d) break;
    if (word.length >= maxNumber) return false;
    word += String.fromCharCode(byte);
    cursor.at++;
  }
  if (number.test(word)) return { value: Number(word) };
  if (allowNaN && /^(?:NaN|-?Infinity)$/.test(word)) return { value: Number(word) };
  const value = words.get(word);
  return value === undefined ? false : { value };
}

/** A text in quotes; undefined where it is longer than what is held. */
function* readText(cursor: Cursor): Steps<{ readonly text: string | undefined } | false> {
  cursor.at++;
  let raw: Buffer[] | undefined = [];
  let length = 0;
  for (;;) {
    if (cursor.available === 0 && !(yield* cursor.need(1))) return false;
    const { buffer, at: start } = cursor;
    let at = start;
    while (at < buffer.length && buffer[at] !== 0x22 && buffer[at] !== 0x5c && (buffer[at] ?? 0) >= 0x20) at++;
    const end = buffer[at];
    cursor.at = at;
    let piece = buffer.subarray(start, at);
    if (end === 0x5c) {
      const escape = yield* readEscape(cursor);
      if (escape === undefined) return false;
      piece = Buffer.concat([piece, escape]);
    } else if (end !== undefined && end !== 0x22) return false;
    length += piece.length;
    if (length > maxText) raw = undefined;
    raw?.push(Buffer.from(piece));
    if (end !== 0x22) continue;
    cursor.at++;
    if (raw === undefined) return { text: undefined };
    try {
      return { text: JSON.parse(`"${Buffer.concat(raw).toString("utf8")}"`) as string };
    } catch {
      return false;
    }
  }
}

function* readEscape(cursor: Cursor): Steps<Buffer | undefined> {
  if (!(yield* cursor.need(2))) return undefined;
  const isUnicode = cursor.buffer[cursor.at + 1] === 0x75;
  const bytes = yield* cursor.take(isUnicode ? 6 : 2);
  if (bytes === undefined) return undefined;
  return /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})$/.test(bytes.toString("latin1")) ? Buffer.from(bytes) : undefined;
}
