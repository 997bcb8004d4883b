import { createHash, type Hash } from "node:crypto";
import type { Tap } from "./reader.ts";
import type { PickleAnalysis } from "./pickle/analysis.ts";

const maxTail = 22 + 65_535;
const endOfDirectory = Buffer.from([0x50, 0x4b, 0x05, 0x06]);

export interface WatchOptions {
  /** False where the digest is known already. */
  readonly hash: boolean;
  readonly pickle: PickleAnalysis | undefined;
  readonly text: Utf8Check | undefined;
}

/** What is measured of every file, whatever it is. */
export class Watch implements Tap {
  readonly #hash: Hash | undefined;
  readonly #options: WatchOptions;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #size = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#hash = options.hash ? createHash("sha256") : undefined;
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#hash?.update(chunk);
    this.#options.pickle?.write(chunk);
    this.#options.text?.write(chunk);
    // Pieces are kept, not copied: at most what the format allows, and one piece.
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    for (
      let first = this.#tail[0];
      first !== undefined && this.#tailBytes - first.length >= maxTail;
      first = this.#tail[0]
    ) {
      this.#tail.shift();
      this.#tailBytes -= first.length;
    }
  }

  digest(): string | undefined {
    return this.#hash?.digest("hex");
  }

  /** Whether it ends like a zip archive does: those are read from their end, whatever comes before. */
  endsAsZip(): boolean {
    const tail = Buffer.concat(this.#tail);
    const from = Math.max(0, tail.length - maxTail);
    for (
      let at = tail.lastIndexOf(endOfDirectory);
      at >= from;
      at = at === 0 ? -1 : tail.lastIndexOf(endOfDirectory, at - 1)
    ) {
      if (at + 22 <= tail.length && at + 22 + tail.readUInt16LE(at + 20) <= tail.length) return true;
    }
    return false;
  }
}

const tag = /<!|!!python|:python/;
const doctype = /<!(?:DOCTYPE|ENTITY)/i;
const pythonTag = /!!python\/|tag:yaml\.org,2002:python\//;
/** No tag is longer. */
const maxTag = 32;

/** Whether content is UTF-8 without control characters, over pieces of it. */
export class Utf8Check implements Tap {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #isText = true;
  #hasDoctype = false;
  #hasPythonTag = false;
  #carry = "";

  write(chunk: Buffer): void {
    if (!this.#isText) return;
    try {
      this.#look(this.#decoder.decode(chunk, { stream: true }));
    } catch {
      this.#isText = false;
    }
  }

  /** Ends it. */
  isText(): boolean {
    if (!this.#isText) return false;
    try {
      this.#look(this.#decoder.decode());
    } catch {
      this.#isText = false;
    }
    return this.#isText;
  }

  /** Whether it has a declaration by which XML makes its reader fetch files. */
  get hasDoctype(): boolean {
    return this.#hasDoctype;
  }

  /** Whether it has a tag by which YAML makes Python call something. */
  get hasPythonTag(): boolean {
    return this.#hasPythonTag;
  }

  #look(text: string): void {
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text)) this.#isText = false;
    // Where two pieces meet, and in each: to join them costs more than all else.
    for (const part of [this.#carry + text.slice(0, maxTag), text]) {
      if (!tag.test(part)) continue;
      this.#hasDoctype ||= doctype.test(part);
      this.#hasPythonTag ||= pythonTag.test(part);
    }
    this.#carry = (this.#carry + text.slice(-maxTag)).slice(-maxTag);
  }
}
