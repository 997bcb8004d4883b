import type { Findings } from "../budget.ts";
import type { FindingName } from "../facts.ts";
import type { ByteReader, Chunks } from "../reader.ts";
import { checkPath } from "./paths.ts";
import { BLOCK, isZero, parseHeader, parsePax, untilZero, type Extended, type TarHeader } from "./tar-header.ts";

export interface ArchiveEntry {
  readonly path: string;
  readonly content: Chunks;
}

/** Reads a file of an archive. What it leaves unread is passed over. */
export type OnEntry = (entry: ArchiveEntry) => Promise<void>;

const maxHeaderBytes = 1024 * 1024;
const maxEntries = 16_384;

/** The archive cannot be read on from here. */
class TarProblem extends Error {
  readonly finding: FindingName;

  constructor(finding: FindingName, message: string) {
    super(message);
    this.name = "TarProblem";
    this.finding = finding;
  }
}

/**
 * Reads a tar archive as ustar, pax (POSIX.1-2001) or GNU tar write it, and strictly: what two programs could read
 * differently is a finding.
 */
export async function readTar(reader: ByteReader, findings: Findings, onEntry: OnEntry): Promise<void> {
  try {
    await new TarWalk(reader, findings, onEntry).run();
  } catch (error) {
    if (!(error instanceof TarProblem)) throw error;
    findings.add(error.finding, error.message);
  }
}

/** Reads content that nobody looks at; says how much it was. */
export async function pass(content: Chunks): Promise<number> {
  let count = 0;
  for await (const chunk of content) count += chunk.length;
  return count;
}

class TarWalk {
  readonly #reader: ByteReader;
  readonly #findings: Findings;
  readonly #onEntry: OnEntry;
  readonly #seen = new Set<string>();
  #entries = 0;

  constructor(reader: ByteReader, findings: Findings, onEntry: OnEntry) {
    this.#reader = reader;
    this.#findings = findings;
    this.#onEntry = onEntry;
  }

  async run(): Promise<void> {
    for (let extended: Extended = {}; ;) {
      const bytes = await this.#reader.take(BLOCK);
      if (bytes.length < BLOCK) throw new TarProblem("Truncated", "the tar archive has no end");
      if (isZero(bytes)) return this.#end();
      const header = parseHeader(bytes);
      if (typeof header === "string") throw new TarProblem("BadChecksum", header);
      if (["x", "g", "L", "K"].includes(header.type)) {
        extended = await this.#extend(extended, header);
      } else {
        await this.#entry(
          { ...header, name: extended.path ?? header.name, size: extended.size ?? header.size },
          extended,
        );
        extended = {};
      }
    }
  }

  async #extend(before: Extended, { type, size }: TarHeader): Promise<Extended> {
    const text = await this.#text(size);
    // The name of a link's target: links are findings whatever they lead to.
    if (type === "K") return before;
    const found = type === "L" ? { path: untilZero(text) } : parsePax(text);
    if (found === undefined) throw new TarProblem("Malformed", "an extended tar header cannot be read");
    if (Object.keys(found).length === 0) return before;
    // Some readers let a global one count for all that follows, others for nothing; and of two, they take either.
    if (type === "g") throw new TarProblem("Malformed", "a global tar header gives a name or a size");
    if (Object.keys(before).length > 0) throw new TarProblem("Malformed", "two extended tar headers for one entry");
    return found;
  }

  async #entry({ name, size, type }: TarHeader, { sparse }: Extended): Promise<void> {
    if (++this.#entries > maxEntries) throw new TarProblem("TooManyFiles", `more than ${maxEntries} entries`);
    const path = checkPath(name, this.#findings) ?? name;
    if (this.#seen.has(path)) this.#findings.add("DuplicatePath", name);
    this.#seen.add(path);
    if (sparse === true || type === "S") this.#findings.add("Sparse", name);
    // Before POSIX a directory was a file whose name ends so; some readers still think so.
    if (["0", "7", "\0", "S"].includes(type) && name.endsWith("/")) {
      if (size > 0 || type !== "\0")
        throw new TarProblem("Malformed", `${name} is a file with the name of a directory`);
    } else if (isRegular(type, name, this.#findings)) {
      await this.#file(path, size);
    } else if (size > 0) {
      throw new TarProblem("Malformed", `${name} is no file and yet has content`);
    }
  }

  async #file(path: string, size: number): Promise<void> {
    const start = this.#reader.position;
    await this.#onEntry({ path, content: this.#reader.part(size) });
    const left = size - (this.#reader.position - start);
    if ((await pass(this.#reader.part(left))) < left) {
      throw new TarProblem("Truncated", "the tar archive ends in the middle of a file");
    }
    await this.#fill(size);
  }

  async #text(size: number): Promise<Buffer> {
    if (size > maxHeaderBytes) throw new TarProblem("Malformed", "an extended tar header is too long");
    const bytes = Buffer.from(await this.#reader.take(size));
    if (bytes.length < size) throw new TarProblem("Truncated", "the tar archive ends in a header");
    await this.#fill(size);
    return bytes;
  }

  async #fill(size: number): Promise<void> {
    await this.#reader.take((BLOCK - (size % BLOCK)) % BLOCK);
  }

  async #end(): Promise<void> {
    for await (const chunk of this.#reader.rest()) {
      if (!isZero(chunk)) throw new TarProblem("TrailingData", "bytes follow the end of the tar archive");
    }
  }
}

/** Whether it is a regular file; whatever is neither that nor a directory is a finding. */
function isRegular(type: string, path: string, findings: Findings): boolean {
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
