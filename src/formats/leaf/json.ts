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
  let first = quickToken(cursor) ?? (yield* token(cursor));
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
      first = quickToken(cursor) ?? (yield* token(cursor));
      const isEmpty = first === (kind === "object" ? 0x7d : 0x5d);
      if (!isEmpty) {
        key = undefined;
        if (kind === "object") {
          const found = yield* readKey(cursor);
          if (found === false) return false;
          key = found.text;
          first = quickToken(cursor) ?? (yield* token(cursor));
        }
        continue;
      }
    } else {
      const found = yield* scalar(cursor, first, allowNaN);
      if (found === false) return false;
      events.value?.(found.value, open.length, key);
      first = quickToken(cursor) ?? (yield* token(cursor));
    }
    // A value has ended, or an empty container is about to.
    for (;;) {
      const kind = open.at(-1);
      if (first === (kind === "object" ? 0x7d : 0x5d)) {
        cursor.at++;
        open.pop();
        events.close?.(kind ?? "array", open.length);
        if (open.length === 0) return true;
        first = quickToken(cursor) ?? (yield* token(cursor));
        continue;
      }
      if (first !== 0x2c) return false;
      cursor.at++;
      first = quickToken(cursor) ?? (yield* token(cursor));
      key = undefined;
      if (kind === "object") {
        const found = yield* readKey(cursor);
        if (found === false) return false;
        key = found.text;
        first = quickToken(cursor) ?? (yield* token(cursor));
      }
      break;
    }
  }
}

/** The same without a generator, which costs more than the reading; undefined: it is not here yet. */
function quickToken(cursor: Cursor): number | undefined {
  const { buffer } = cursor;
  let { at } = cursor;
  while (at < buffer.length && space.has(buffer[at] ?? 0)) at++;
  cursor.at = at;
  return buffer[at];
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
  if ((quickToken(cursor) ?? (yield* token(cursor))) !== 0x22) return false;
  const found = yield* readText(cursor);
  if (found === false || (quickToken(cursor) ?? (yield* token(cursor))) !== 0x3a) return false;
  cursor.at++;
  return found;
}

const wordEnds = new Set([0x20, 0x09, 0x0a, 0x0d, 0x2c, 0x5d, 0x7d]);

/** A number or a word that lies here whole; undefined: it may go on. */
function quickWord(cursor: Cursor): string | undefined {
  const { buffer, at: start } = cursor;
  let at = start;
  while (at < buffer.length && at - start <= maxNumber && !wordEnds.has(buffer[at] ?? 0)) at++;
  if (at === buffer.length || at - start > maxNumber) return undefined;
  cursor.at = at;
  return buffer.toString("latin1", start, at);
}

/** A text without escapes that lies here whole; undefined: it has to be looked at more closely. */
function quickText(cursor: Cursor): string | undefined {
  const { buffer, at: start } = cursor;
  const end = buffer.indexOf(0x22, start + 1);
  if (end < 0 || end - start > maxText) return undefined;
  for (let at = start + 1; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte < 0x20 || byte === 0x5c) return undefined;
  }
  cursor.at = end + 1;
  return buffer.toString("utf8", start + 1, end);
}

function* slowWord(cursor: Cursor): Steps<string | undefined> {
  let word = "";
  for (;;) {
    if (cursor.available === 0 && !(yield* cursor.need(1))) return word;
    const byte = cursor.buffer[cursor.at] ?? 0;
    if (wordEnds.has(byte)) return word;
    if (word.length >= maxNumber) return undefined;
    word += String.fromCharCode(byte);
    cursor.at++;
  }
}

function* scalar(cursor: Cursor, first: number, allowNaN: boolean): Steps<{ readonly value: JsonScalar } | false> {
  if (first === 0x22) {
    const found = yield* readText(cursor);
    return found === false ? false : { value: found.text };
  }
  const word = quickWord(cursor) ?? (yield* slowWord(cursor));
  if (word === undefined) return false;
  if (number.test(word)) return { value: Number(word) };
  if (allowNaN && /^(?:NaN|-?Infinity)$/.test(word)) return { value: Number(word) };
  const value = words.get(word);
  return value === undefined ? false : { value };
}

/** A text in quotes; undefined where it is longer than what is held. */
function* readText(cursor: Cursor): Steps<{ readonly text: string | undefined } | false> {
  const quick = quickText(cursor);
  if (quick !== undefined) return { text: quick };
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
