import type { Findings } from "../budget.ts";
import type { ByteReader, Chunks } from "../reader.ts";

export interface ArchiveEntry {
  readonly path: string;
  readonly content: Chunks;
}

/** Reads a file of an archive. What it leaves unread is passed over. */
export type OnEntry = (entry: ArchiveEntry) => Promise<void>;

const block = 512;
const maxHeaderBytes = 1024 * 1024;

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

/** What extended headers say of the next entry. */
interface Extended {
  readonly path?: string | undefined;
  readonly size?: number | undefined;
  readonly sparse?: boolean | undefined;
}

/**
 * Reads a tar archive as ustar, pax (POSIX.1-2001) or GNU tar write it, and strictly: what two programs could read
 * differently is a finding.
 */
export async function readTar(reader: ByteReader, findings: Findings, onEntry: OnEntry): Promise<void> {
  const seen = new Set<string>();
  let extended: Extended = {};
  let global: Extended = {};
  for (;;) {
    const bytes = await reader.take(block);
    if (bytes.length === 0) {
      findings.add("Truncated", "the tar archive has no end");
      return;
    }
    if (bytes.length < block) {
      findings.add("Truncated", "the tar archive ends in the middle");
      return;
    }
    if (isZero(bytes)) return readEnd(reader, findings);
    const header = parseHeader(bytes);
    if (typeof header === "string") {
      findings.add("BadChecksum", header);
      return;
    }
    const { type } = header;
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      const text = await readText(reader, header.size);
      if (text === undefined) {
        findings.add("Malformed", "an extended tar header is too long, or not whole");
        return;
      }
      if (type === "L") extended = { ...extended, path: untilZero(text) };
      else if (type !== "K") {
        const found = parsePax(text);
        if (found === undefined) {
          findings.add("Malformed", "an extended tar header cannot be read");
          return;
        }
        if (type === "x") extended = { ...extended, ...found };
        else global = { ...global, ...found };
      }
      continue;
    }
    const said = { ...global, ...extended };
    extended = {};
    const path = said.path ?? header.name;
    const size = said.size ?? header.size;
    const normal = checkPath(path, findings);
    const key = normal ?? path;
    if (seen.has(key)) findings.add("DuplicatePath", path);
    seen.add(key);
    if (said.sparse === true || type === "S") findings.add("Sparse", path);
    const isRegular = checkType(type, path, findings);
    if (isRegular) {
      let left = size;
      const content = reader.part(size);
      const counted = (async function* (): Chunks {
        for await (const chunk of content) {
          left -= chunk.length;
          yield chunk;
        }
      })();
      await onEntry({ path: normal ?? path, content: counted });
      left -= await pass(reader.part(left));
      if (left > 0) {
        findings.add("Truncated", "the tar archive ends in the middle of a file");
        return;
      }
      await reader.take((block - (size % block)) % block);
    } else if (size > 0 && !["1", "2", "3", "4", "5", "6"].includes(type)) {
      await pass(reader.part(size + ((block - (size % block)) % block)));
    } else if (size > 0) {
      findings.add("Malformed", `${path} is no file and yet has content`);
      return;
    }
  }
}

/** Whether these bytes are a tar header. */
export function isTarHeader(bytes: Buffer): boolean {
  return bytes.length >= block && !isZero(bytes.subarray(0, block)) && typeof parseHeader(bytes) !== "string";
}

/** The path without "./", or undefined with a finding where it leads elsewhere. */
export function checkPath(path: string, findings: Findings): string | undefined {
  if (Buffer.byteLength(path) > findings.maxPathBytes) {
    findings.add("PathTooLong", path);
    return undefined;
  }
  // eslint-disable-next-line no-control-regex
  if (path === "" || /[\u0000-\u001f\u007f\\\ufffd]/.test(path)) {
    findings.add("BadPath", path);
    return undefined;
  }
  if (/^(?:\/|[A-Za-z]:)/.test(path)) findings.add("AbsolutePath", path);
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.includes("..")) findings.add("ParentPath", path);
  if (segments.some((segment) => segment.startsWith(".wh."))) findings.add("Whiteout", path);
  return segments.join("/");
}

/** Whether it is a regular file; whatever is neither that nor a directory is a finding. */
function checkType(type: string, path: string, findings: Findings): boolean {
  switch (type) {
    case "0":
    case "\0":
    case "7":
    case "S":
      return true;
    case "5":
      return false;
    case "1":
      findings.add("Hardlink", path);
      return false;
    case "2":
      findings.add("Symlink", path);
      return false;
    case "3":
    case "4":
    case "6":
      findings.add("Device", path);
      return false;
    default:
      findings.add("UnknownEntryType", path);
      return false;
  }
}

/** Reads content that nobody looks at. */
export async function pass(content: Chunks): Promise<number> {
  let count = 0;
  for await (const chunk of content) count += chunk.length;
  return count;
}

async function readEnd(reader: ByteReader, findings: Findings): Promise<void> {
  for await (const chunk of reader.rest()) {
    if (isZero(chunk)) continue;
    findings.add("TrailingData", "bytes follow the end of the tar archive");
    await reader.drain();
    return;
  }
}

async function readText(reader: ByteReader, size: number): Promise<Buffer | undefined> {
  if (size > maxHeaderBytes) return undefined;
  const bytes = Buffer.from(await reader.take(size));
  if (bytes.length < size) return undefined;
  await reader.take((block - (size % block)) % block);
  return bytes;
}

function parseHeader(bytes: Buffer): Header | string {
  let sum = 0;
  for (let at = 0; at < block; at++) sum += at >= 148 && at < 156 ? 0x20 : (bytes[at] ?? 0);
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

/** Records "LENGTH KEY=VALUE\n". */
function parsePax(text: Buffer): Extended | undefined {
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

function untilZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
