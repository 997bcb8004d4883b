import type { ByteReader } from "../reader.ts";

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a5;
const dictionaryBytes = [0, 1, 2, 4];
const contentSizeBytes = [0, 2, 4, 8];
const rle = 1;
const reserved = 3;

/** What comes next in zstd data. */
export type ZstdNext = "Frame" | "Other";

/** Passes over frames that carry nothing, and says whether one that does follows (RFC 8878, 3.1). */
export async function nextZstdFrame(reader: ByteReader): Promise<ZstdNext> {
  for (;;) {
    const head = await reader.peek(8);
    const magic = head.length < 8 ? 0 : head.readUInt32LE(0);
    if (magic === frameMagic) return "Frame";
    if (magic >>> 4 !== skippableMagic) return "Other";
    const length = head.readUInt32LE(4);
    await reader.take(8);
    let left = length;
    for await (const chunk of reader.part(length)) left -= chunk.length;
    if (left > 0) return "Other";
  }
}

/** The bytes of one frame, and no more: Node's engine loses what follows one. Ends early where the frame is damaged. */
export async function* zstdFrame(reader: ByteReader): AsyncGenerator<Buffer, void> {
  const start = await reader.peek(5);
  const descriptor = start[4] ?? 0;
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeBytes = contentSizeBytes[descriptor >> 6] ?? 0;
  const header =
    5 + (isSingle ? 0 : 1) + (dictionaryBytes[descriptor & 3] ?? 0) + (isSingle && sizeBytes === 0 ? 1 : sizeBytes);
  yield Buffer.from(await reader.take(header));
  for (let isLast = false; !isLast;) {
    const block = Buffer.from(await reader.take(3));
    if (block.length < 3) return;
    const bits = block.readUIntLE(0, 3);
    const type = (bits >> 1) & 3;
    yield block;
    if (type === reserved) return;
    yield* reader.part(type === rle ? 1 : bits >> 3);
    isLast = (bits & 1) === 1;
  }
  if ((descriptor & 0x04) !== 0) yield* reader.part(4);
}
