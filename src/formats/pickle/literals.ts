import type { Cursor, Steps } from "../cursor.ts";
import { isName } from "./effects.ts";
import { PickleProblem } from "./machine.ts";
import { OP } from "./opcodes.ts";
import { DATA, FALSE, TEXT, TRUE, type Value } from "./values.ts";

/** Text of more bytes than this names nothing. */
const maxNameBytes = 256;

/** The value that an opcode writes out; undefined: it is of another kind. */
export function* literal(opcode: number, cursor: Cursor): Steps<Value | undefined> {
  switch (opcode) {
    case OP.BININT1:
      return (yield* bytes(cursor, 1)).readUInt8(0);
    case OP.BININT2:
      return (yield* bytes(cursor, 2)).readUInt16LE(0);
    case OP.BININT:
      return (yield* bytes(cursor, 4)).readInt32LE(0);
    case OP.BINFLOAT:
      return yield* data(cursor, 8);
    case OP.SHORT_BINUNICODE:
    case OP.SHORT_BINSTRING:
      return yield* text(cursor, (yield* bytes(cursor, 1)).readUInt8(0));
    case OP.BINUNICODE:
      return yield* text(cursor, (yield* bytes(cursor, 4)).readUInt32LE(0));
    case OP.BINUNICODE8:
      return yield* text(cursor, yield* length8(cursor));
    case OP.BINSTRING:
      return yield* text(cursor, yield* length4(cursor));
    case OP.SHORT_BINBYTES:
      return yield* data(cursor, (yield* bytes(cursor, 1)).readUInt8(0));
    case OP.BINBYTES:
      return yield* data(cursor, (yield* bytes(cursor, 4)).readUInt32LE(0));
    case OP.BINBYTES8:
    case OP.BYTEARRAY8:
      return yield* data(cursor, yield* length8(cursor));
    case OP.LONG1:
      return yield* integer(cursor, (yield* bytes(cursor, 1)).readUInt8(0));
    case OP.LONG4:
      return yield* integer(cursor, yield* length4(cursor));
    case OP.INT:
    case OP.LONG:
      return number(yield* line(cursor));
    case OP.FLOAT:
      yield* line(cursor);
      return DATA;
    case OP.STRING: {
      const inner = /^(['"])(.*)\1$/.exec(yield* line(cursor))?.[2] ?? "";
      return isName(inner) ? inner : TEXT;
    }
    case OP.UNICODE: {
      const found = yield* line(cursor);
      return isName(found) ? found : TEXT;
    }
    default:
      return undefined;
  }
}

export function truncated(): PickleProblem {
  return new PickleProblem("Truncated", "it ends in the middle");
}

export function* bytes(cursor: Cursor, count: number): Steps<Buffer> {
  const found = yield* cursor.take(count);
  if (found === undefined) throw truncated();
  return found;
}

/** A length in 8 bytes. What is longer than a number can say is longer than any file. */
export function* length8(cursor: Cursor): Steps<number> {
  const count = (yield* bytes(cursor, 8)).readBigUInt64LE(0);
  if (count > BigInt(Number.MAX_SAFE_INTEGER)) throw truncated();
  return Number(count);
}

/** A line without its end. Of a long one only the beginning, with a mark that keeps it from being a name. */
export function* line(cursor: Cursor): Steps<string> {
  let kept = "";
  for (;;) {
    if (cursor.available === 0 && !(yield* cursor.need(1))) throw truncated();
    const end = cursor.buffer.indexOf(0x0a, cursor.at);
    const stop = end < 0 ? cursor.buffer.length : end;
    const room = maxNameBytes + 1 - kept.length;
    kept += cursor.buffer.toString("latin1", cursor.at, Math.min(stop, cursor.at + room));
    cursor.at = end < 0 ? stop : end + 1;
    if (end >= 0) return kept.length > maxNameBytes ? `${kept}...` : kept;
  }
}

/** A line that names a module, or what is in one. */
export function* nameLine(cursor: Cursor, maxBytes: number): Steps<string> {
  const start = cursor.position;
  const found = yield* line(cursor);
  if (cursor.position - start > maxBytes) {
    throw new PickleProblem("StringLimit", `a name of more than ${maxBytes} bytes`);
  }
  return found;
}

/** A line that numbers an entry of the memo. */
export function* indexLine(cursor: Cursor): Steps<number> {
  const digits = yield* line(cursor);
  if (!/^\d{1,10}$/.test(digits)) throw new PickleProblem("Malformed", "a memo index that is no number");
  return Number(digits);
}

function* length4(cursor: Cursor): Steps<number> {
  const count = (yield* bytes(cursor, 4)).readInt32LE(0);
  if (count < 0) throw new PickleProblem("Malformed", "a negative length");
  return count;
}

function* data(cursor: Cursor, length: number): Steps<Value> {
  if (!(yield* cursor.skip(length))) throw truncated();
  return DATA;
}

function* text(cursor: Cursor, length: number): Steps<Value> {
  if (length > maxNameBytes) {
    yield* data(cursor, length);
    return TEXT;
  }
  const found = (yield* bytes(cursor, length)).toString("latin1");
  return isName(found) ? found : TEXT;
}

function* integer(cursor: Cursor, length: number): Steps<Value> {
  if (length > 6) return yield* data(cursor, length);
  const found = yield* bytes(cursor, length);
  return length === 0 ? 0 : found.readIntLE(0, length);
}

/** Python's two unpicklers read other spellings, such as 010 and 0x10, differently. */
function number(digits: string): Value {
  if (digits === "00") return FALSE;
  if (digits === "01") return TRUE;
  return /^(?:0|-?[1-9]\d{0,14})L?$/.test(digits) ? Number.parseInt(digits, 10) : DATA;
}
