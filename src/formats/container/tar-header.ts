/** Of every header, and what content is filled up to. */
export const BLOCK = 512;

export interface TarHeader {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/** What extended headers say of the next entry. */
export interface Extended {
  readonly path?: string | undefined;
  readonly size?: number | undefined;
  readonly sparse?: boolean | undefined;
}

/** Whether these bytes are a tar header. */
export function isTarHeader(bytes: Buffer): boolean {
  return bytes.length >= BLOCK && !isZero(bytes.subarray(0, BLOCK)) && typeof parseHeader(bytes) !== "string";
}

/** A header, or what is wrong with it. */
export function parseHeader(bytes: Buffer): TarHeader | string {
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 0x20 : (bytes[at] ?? 0);
  if (parseNumber(bytes.subarray(148, 156)) !== sum) return "a tar header has a wrong checksum";
  const size = parseNumber(bytes.subarray(124, 136));
  if (size === undefined) return "a tar header has no size that can be read";
  const magic = bytes.toString("latin1", 257, 263);
  if (magic !== "ustar\0" && magic !== "ustar " && magic !== "\0\0\0\0\0\0") return "a tar header of an unknown kind";
  const prefix = magic === "ustar\0" ? untilZero(bytes.subarray(345, 500)) : "";
  const name = untilZero(bytes.subarray(0, 100));
  return { name: prefix === "" ? name : `${prefix}/${name}`, size, type: String.fromCharCode(bytes[156] ?? 0) };
}

/** Octal digits, or GNU's big-endian binary. */
function parseNumber(field: Buffer): number | undefined {
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = /^ *([0-7]*)[ \0]*$/.exec(field.toString("latin1"))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits || "0", 8);
}

/** Records "LENGTH KEY=VALUE\n"; undefined: they cannot be read. */
export function parsePax(text: Buffer): Extended | undefined {
  const found: { path?: string; size?: number; sparse?: boolean } = {};
  for (let at = 0; at < text.length;) {
    const digits = /^([1-9]\d{0,8}) /.exec(text.toString("latin1", at, at + 10))?.[1];
    if (digits === undefined) return undefined;
    const end = at + Number(digits);
    const record = text.toString("utf8", at + digits.length + 1, end - 1);
    const equals = record.indexOf("=");
    if (end > text.length || text[end - 1] !== 0x0a || equals < 1) return undefined;
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === "path") found.path = value;
    if (key.startsWith("GNU.sparse.")) found.sparse = true;
    if (key === "size") {
      const size = Number(value);
      if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(size)) return undefined;
      found.size = size;
    }
    at = end;
  }
  return found;
}

export function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
