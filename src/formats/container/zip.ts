import { crc32 } from "node:zlib";
import type { Findings } from "../budget.ts";
import { ByteReader, type Chunks } from "../reader.ts";
import { inflate } from "./inflate.ts";
import { checkPath } from "./paths.ts";
import { pass, type OnEntry } from "./tar.ts";
import { readDirectory } from "./zip-directory.ts";

/** What a local header said, and what followed it: the directory at the end must say the same. */
export interface ZipEntry {
  readonly name: Buffer;
  readonly offset: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

interface LocalHeader {
  readonly name: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

interface Measured {
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

export const inconsistent = "ZipInconsistent";
const localSignature = 0x04034b50;
const descriptorSignature = Buffer.from([0x50, 0x4b, 0x07, 0x08]);
const encrypted = 0x01;
const hasDescriptor = 0x08;
const stored = 0;
const deflated = 8;

/**
 * Reads a zip archive from its first byte to its last. Some programs read the headers before the files, others the
 * directory at the end: both have to say the same, in the same order, with nothing between, before or after.
 */
export async function readZip(source: Chunks, findings: Findings, onEntry: OnEntry): Promise<void> {
  const reader = new ByteReader(source);
  const entries: ZipEntry[] = [];
  const seen = new Set<string>();
  for (;;) {
    const offset = reader.position;
    if ((await reader.peek(4)).length < 4) {
      findings.add("Truncated", "the zip archive has no directory");
      return;
    }
    if ((await reader.peek(4)).readUInt32LE(0) !== localSignature) break;
    const header = await readLocal(reader);
    if (header === undefined) {
      findings.add("Malformed", "a header in the zip archive cannot be read");
      return;
    }
    const name = header.name.toString("utf8");
    const path = checkPath(name, findings) ?? name;
    if (seen.has(path)) findings.add("DuplicatePath", name);
    seen.add(path);
    if ((header.flags & encrypted) !== 0) {
      findings.add("Encrypted", name);
      return;
    }
    if (header.method !== stored && header.method !== deflated) {
      findings.add("CompressedUnreadable", `${name} is packed by method ${header.method}`);
      return;
    }
    const measured = await readContent(reader, header, (content) =>
      name.endsWith("/") ? pass(content).then(() => undefined) : onEntry({ path, content }),
    );
    if (measured === undefined) {
      findings.add(inconsistent, `${name} is not what its header says`);
      return;
    }
    entries.push({ ...header, ...measured, offset });
  }
  await readDirectory(reader, entries, findings);
}

async function readLocal(reader: ByteReader): Promise<LocalHeader | undefined> {
  const fixed = Buffer.from(await reader.take(30));
  if (fixed.length < 30) return undefined;
  const [nameLength, extraLength] = [fixed.readUInt16LE(26), fixed.readUInt16LE(28)];
  const name = Buffer.from(await reader.take(nameLength));
  const extra = Buffer.from(await reader.take(extraLength));
  if (name.length < nameLength || extra.length < extraLength) return undefined;
  const [packed, size] = [fixed.readUInt32LE(18), fixed.readUInt32LE(22)];
  const wide = readWide(extra, [size, packed]);
  if (wide === undefined) return undefined;
  return {
    name,
    flags: fixed.readUInt16LE(6),
    method: fixed.readUInt16LE(8),
    crc: fixed.readUInt32LE(14),
    size: wide[0] ?? size,
    packed: wide[1] ?? packed,
  };
}

/** What the zip64 field says instead of the fields that are all ones; undefined: the extra fields cannot be read. */
export function readWide(extra: Buffer, fields: readonly number[]): readonly number[] | undefined {
  let wide: Buffer | undefined;
  for (let at = 0; at + 4 <= extra.length;) {
    const [id, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    if (at + 4 + length > extra.length) return undefined;
    // 0x7075 gives another name, which some programs take and others do not.
    if (id === 0x7075 || (id === 0x0001 && wide !== undefined)) return undefined;
    if (id === 0x0001) wide = extra.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  let at = 0;
  const found: number[] = [];
  for (const field of fields) {
    if (field !== 0xffffffff) {
      found.push(field);
      continue;
    }
    if (wide === undefined || at + 8 > wide.length) return undefined;
    const value = Number(wide.readBigUInt64LE(at));
    if (!Number.isSafeInteger(value)) return undefined;
    found.push(value);
    at += 8;
  }
  return found;
}

/** Hands on the content, and measures it; undefined: it is not as long, or not the same, as is said of it. */
async function readContent(
  reader: ByteReader,
  header: LocalHeader,
  use: (content: Chunks) => Promise<void>,
): Promise<Measured | undefined> {
  let crc = 0;
  let size = 0;
  const measure = async function* (content: Chunks): Chunks {
    for await (const chunk of content) {
      crc = crc32(chunk, crc);
      size += chunk.length;
      yield chunk;
    }
  };
  const read = async (content: Chunks): Promise<void> => {
    const measured = measure(content);
    await use(measured);
    await pass(measured);
  };
  const start = reader.position;
  if ((header.flags & hasDescriptor) === 0) {
    const part = new ByteReader(reader.part(header.packed));
    await read(header.method === stored ? part.rest() : inflate(part, "deflate"));
    const left = await part.drain();
    const sound = left === 0 && crc === header.crc && size === header.size;
    return sound && reader.position - start === header.packed ? { crc, size, packed: header.packed } : undefined;
  }
  await read(header.method === stored ? untilDescriptor(reader) : inflate(reader, "deflate"));
  const packed = reader.position - start;
  const found = { crc, size, packed };
  return (await passDescriptor(reader, found)) ? found : undefined;
}

/** Stored content of which no header says the length: it ends where a descriptor follows that fits what was read. */
async function* untilDescriptor(reader: ByteReader): AsyncGenerator<Buffer, void> {
  let crc = 0;
  let size = 0;
  const step = (bytes: Buffer): Buffer => {
    crc = crc32(bytes, crc);
    size += bytes.length;
    return bytes;
  };
  for (;;) {
    const seen = await reader.peek(64 * 1024);
    if (seen.length < 16) return;
    const at = seen.indexOf(descriptorSignature);
    if (at === 0) {
      if (descriptorLength(await reader.peek(24), { crc, size, packed: size }) > 0) return;
      yield step(Buffer.from(await reader.take(1)));
    } else {
      // The last three bytes could be the beginning of one.
      yield step(Buffer.from(await reader.take(at > 0 ? at : seen.length - 3)));
    }
  }
}

async function passDescriptor(reader: ByteReader, measured: Measured): Promise<boolean> {
  const length = descriptorLength(await reader.peek(24), measured);
  await reader.take(length);
  return length > 0;
}

/** The length of the descriptor that fits, with or without its signature, with sizes of 4 or 8 bytes; 0: none does. */
function descriptorLength(bytes: Buffer, { crc, packed, size }: Measured): number {
  const start = bytes.indexOf(descriptorSignature) === 0 ? 4 : 0;
  const fits = (width: 4 | 8): boolean => {
    if (bytes.length < start + 4 + 2 * width || bytes.readUInt32LE(start) !== crc) return false;
    const read = (at: number): number => (width === 4 ? bytes.readUInt32LE(at) : Number(bytes.readBigUInt64LE(at)));
    return read(start + 4) === packed && read(start + 4 + width) === size;
  };
  if (fits(8)) return start + 20;
  return fits(4) ? start + 12 : 0;
}
