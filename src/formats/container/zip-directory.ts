import type { Findings } from "../budget.ts";
import type { ByteReader } from "../reader.ts";
import { inconsistent, readWide, type ZipEntry } from "./zip.ts";

const centralSignature = 0x02014b50;
const wideEndSignature = 0x06064b50;
const locatorSignature = 0x07064b50;
const endSignature = 0x06054b50;
const unix = 3;

interface Ends {
  readonly count: number;
  readonly size: number;
  readonly offset: number;
}

/** Compares the directory of a zip archive with the entries that were read, and sees that nothing follows it. */
export async function readDirectory(
  reader: ByteReader,
  entries: readonly ZipEntry[],
  findings: Findings,
): Promise<void> {
  const fail = (detail: string): void => findings.add(inconsistent, detail);
  const offset = reader.position;
  for (const entry of entries) {
    const problem = await compareNext(reader, entry, findings);
    if (problem !== undefined) {
      fail(problem);
      return;
    }
  }
  const expected: Ends = { count: entries.length, size: reader.position - offset, offset };
  const wideAt = reader.position;
  let isWide = false;
  if ((await signature(reader)) === wideEndSignature) {
    const end = Buffer.from(await reader.take(56));
    if (end.length < 56 || end.readBigUInt64LE(4) !== 44n) {
      fail("its zip64 end cannot be read");
      return;
    }
    const said = [end.readBigUInt64LE(24), end.readBigUInt64LE(32), end.readBigUInt64LE(40), end.readBigUInt64LE(48)];
    const fits = [expected.count, expected.count, expected.size, offset].every(
      (value, at) => said[at] === BigInt(value),
    );
    if (!fits) {
      fail("its zip64 end does not fit its entries");
      return;
    }
    const locator = Buffer.from(await reader.take(20));
    if (locator.length < 20 || locator.readUInt32LE(0) !== locatorSignature) {
      fail("its zip64 locator is missing");
      return;
    }
    if (locator.readBigUInt64LE(8) !== BigInt(wideAt)) {
      fail("its zip64 locator points elsewhere");
      return;
    }
    isWide = true;
  }
  const end = Buffer.from(await reader.take(22));
  if (end.length < 22 || end.readUInt32LE(0) !== endSignature) {
    fail("its directory has no end, or other entries");
    return;
  }
  const fits = (value: number, all: number, actual: number): boolean => value === actual || (isWide && value === all);
  const sound =
    fits(end.readUInt16LE(8), 0xffff, expected.count) &&
    fits(end.readUInt16LE(10), 0xffff, expected.count) &&
    fits(end.readUInt32LE(12), 0xffffffff, expected.size) &&
    fits(end.readUInt32LE(16), 0xffffffff, expected.offset);
  if (!sound) {
    fail("the end of its directory does not fit its entries");
    return;
  }
  const comment = end.readUInt16LE(20);
  const rest = await reader.drain();
  if (rest !== comment) findings.add("TrailingData", "bytes follow the end of the zip archive");
}

async function compareNext(reader: ByteReader, entry: ZipEntry, findings: Findings): Promise<string | undefined> {
  const fixed = Buffer.from(await reader.take(46));
  const name = entry.name.toString("utf8");
  if (fixed.length < 46 || fixed.readUInt32LE(0) !== centralSignature) return `its directory does not list ${name}`;
  const [nameLength, extraLength] = [fixed.readUInt16LE(28), fixed.readUInt16LE(30)];
  const rest = Buffer.from(await reader.take(nameLength + extraLength + fixed.readUInt16LE(32)));
  const extra = rest.subarray(nameLength, nameLength + extraLength);
  const wide = readWide(extra, [fixed.readUInt32LE(24), fixed.readUInt32LE(20), fixed.readUInt32LE(42)]);
  const same =
    wide !== undefined &&
    rest.subarray(0, nameLength).equals(entry.name) &&
    fixed.readUInt16LE(8) === entry.flags &&
    fixed.readUInt16LE(10) === entry.method &&
    fixed.readUInt32LE(16) === entry.crc &&
    wide[0] === entry.size &&
    wide[1] === entry.packed &&
    wide[2] === entry.offset;
  if (!same) return `its directory says something else of ${name} than its header`;
  const mode = fixed.readUInt8(5) === unix ? fixed.readUInt32LE(38) >>> 28 : 0;
  if (mode === 0xa) findings.add("Symlink", name);
  else if (mode === 0x2 || mode === 0x6 || mode === 0x1) findings.add("Device", name);
  return undefined;
}

async function signature(reader: ByteReader): Promise<number> {
  const bytes = await reader.peek(4);
  return bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
}
