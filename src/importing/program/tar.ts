import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { ImportError } from "./import-error.ts";
import type { SourceFile } from "./source.ts";

const block = 512;
/** What eleven octal digits say. */
const maxOctalSize = 8 * 1024 ** 3 - 1;
const maxNameBytes = 100;

export interface PackedFile {
  readonly path: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes a tar archive (POSIX.1-2001) that depends on paths and content alone: no times, no owners, one mode, and no
 * compression, whose bytes depend on the program that made them.
 */
export class TarFile {
  readonly #handle: FileHandle;
  readonly #maxBytes: number;
  #position = 0;
  #content = 0;

  private constructor(handle: FileHandle, maxBytes: number) {
    this.#handle = handle;
    this.#maxBytes = maxBytes;
  }

  /** `maxBytes`: of the content of all files. */
  static async create(path: string, maxBytes: number): Promise<TarFile> {
    return new TarFile(await open(path, "w"), maxBytes);
  }

  /** @throws ImportError when the file is another size than was said, or the whole gets too large. */
  async add(file: SourceFile): Promise<PackedFile> {
    const before = this.#position;
    const header = headerOf(file.path, file.size ?? 0);
    this.#position += header.length;
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of file.read()) {
      size += chunk.length;
      this.#content += chunk.length;
      if (file.size !== undefined && size > file.size) throw moved(file.path);
      if (this.#content > this.#maxBytes) throw tooLarge(this.#maxBytes);
      hash.update(chunk);
      await this.#write(chunk);
    }
    if (file.size !== undefined && size !== file.size) throw moved(file.path);
    await this.#write(Buffer.alloc((block - (size % block)) % block));
    // Only now is the size known.
    const final = file.size === undefined ? headerOf(file.path, size) : header;
    if (final.length !== header.length)
      throw new ImportError("TooLarge", "a file of 8 GiB or more needs a source that says its size (Content-Length)");
    await writeAll(this.#handle, final, before);
    return { path: file.path, size, sha256: hash.digest("hex") };
  }

  /** Ends the archive. */
  async close(): Promise<void> {
    await this.#write(Buffer.alloc(2 * block));
    await this.#handle.close();
  }

  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#handle, bytes, this.#position);
    this.#position += bytes.length;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** The header of a file; before it an extended one where the path or the size does not fit. Pure. */
export function headerOf(path: string, size: number): Buffer {
  const isPlain = Buffer.byteLength(path) <= maxNameBytes && /^[\x20-\x7e]*$/.test(path);
  const records = [
    ...(isPlain ? [] : [record("path", path)]),
    ...(size <= maxOctalSize ? [] : [record("size", String(size))]),
  ];
  const own = header(isPlain ? path : "file", size <= maxOctalSize ? size : 0, "0");
  if (records.length === 0) return own;
  const text = Buffer.from(records.join(""));
  const fill = Buffer.alloc((block - (text.length % block)) % block);
  return Buffer.concat([header("header", text.length, "x"), text, fill, own]);
}

/** "LENGTH KEY=VALUE\n", where the length counts itself. */
function record(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function header(name: string, size: number, type: "0" | "x"): Buffer {
  const bytes = Buffer.alloc(block);
  const put = (at: number, text: string) => bytes.write(text, at, "latin1");
  put(0, name);
  put(100, "0000444\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, " ".repeat(8));
  put(156, type);
  put(257, "ustar\x0000");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

function moved(path: string): ImportError {
  return new ImportError(
    "SourceMoved",
    `${JSON.stringify(path.slice(0, 128))} is another size than was listed: it changes while it is read`,
  );
}

export function tooLarge(maxBytes: number): ImportError {
  return new ImportError(
    "TooLarge",
    `the source has more than the ${maxBytes} bytes that the administrator allows (trust.maxArtifactBytes)`,
  );
}
