import zlib from "node:zlib";
import type { Transform } from "node:stream";
import { ByteReader } from "../reader.ts";
import { nextZstdFrame, zstdFrame } from "./zstd.ts";

export type Compression = "gzip" | "zlib" | "deflate" | "zstd";

const chunkSize = 256 * 1024;

/** Packed data whose end cannot be told for certain. */
class InflateError extends Error {}

/** What Node's zlib streams have beside a stream: how much of the input was used. */
type Engine = Transform & { readonly bytesWritten: number };

/** Whether this Node can unpack it: zstd came with Node 22.15. */
export function canInflate(compression: Compression): boolean {
  return compression !== "zstd" || typeof zlib.createZstdDecompress === "function";
}

/** Unpacks what a reader gives, in as many parts as the format allows, and leaves in the reader what follows. */
export async function* inflateAll(reader: ByteReader, compression: Compression): AsyncGenerator<Buffer, void> {
  if (compression !== "zstd") {
    yield* inflate(reader, compression);
    return;
  }
  while ((await nextZstdFrame(reader)) === "Frame") {
    const frame = new ByteReader(zstdFrame(reader));
    yield* inflate(frame, compression);
    if ((await frame.peek(1)).length > 0) throw new InflateError("a zstd frame is longer than it says");
  }
}

/**
 * Unpacks what a reader gives, and leaves in the reader what follows the packed data. Throws where the data is damaged or
 * ends too early.
 */
export async function* inflate(reader: ByteReader, compression: Compression): AsyncGenerator<Buffer, void> {
  const engine = create(compression);
  let given = 0;
  let last: Buffer = Buffer.alloc(0);
  let ended = false;
  let giveUp: () => void = () => undefined;
  const over = (): void => {
    ended = true;
    giveUp();
  };
  engine.once("end", over).once("close", over);
  // An engine that has reached its end takes no more, and calls nothing back.
  const write = (chunk: Buffer): Promise<void> =>
    new Promise((resolve) => {
      giveUp = resolve;
      engine.write(chunk, () => resolve());
    });
  const feed = async (): Promise<void> => {
    for (;;) {
      const chunk = await reader.chunk(chunkSize);
      if (ended) {
        if (chunk !== undefined) reader.unread(chunk);
        return;
      }
      if (chunk === undefined) {
        engine.end();
        return;
      }
      given += chunk.length;
      last = chunk;
      await write(chunk);
    }
  };
  const feeding = feed().catch((error: unknown) => void engine.destroy(error instanceof Error ? error : undefined));
  try {
    for await (const chunk of engine) yield chunk as Buffer;
    await feeding;
    const left = given - engine.bytesWritten;
    if (left > last.length) throw new InflateError("what follows the packed data is lost");
    reader.unread(last.subarray(last.length - left));
  } finally {
    engine.destroy();
  }
}

function create(compression: Compression): Engine {
  switch (compression) {
    case "gzip":
      return zlib.createGunzip({ chunkSize });
    case "zlib":
      return zlib.createInflate({ chunkSize });
    case "deflate":
      return zlib.createInflateRaw({ chunkSize });
    case "zstd":
      return zlib.createZstdDecompress({ chunkSize });
  }
}

/** For a loop over what unpacks, which must not stop for what cannot be unpacked. */
export function isDamage(error: unknown): boolean {
  if (error instanceof InflateError) return true;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^(?:Z_|ERR_ZLIB|ERR_STREAM_PREMATURE_CLOSE|ZSTD_)/.test(code);
}
