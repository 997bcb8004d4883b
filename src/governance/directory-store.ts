import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ChainId } from "../api/index.ts";
import { maxBundleBytes } from "./bundle.ts";
import {
  type Appended,
  type Entry,
  type EvidenceStore,
  type NewRecord,
  StoreError,
  compareEntries,
  paddedSequence,
} from "./store.ts";

const fileName = /^(\d{10})\.json$/;

/**
 * DIRECTORY/CHAIN/SEQUENCE.json. A file appears whole and under its name at once, by a hard link that never replaces
 * another: of two writers one loses and knows it.
 */
export class DirectoryStore implements EvidenceStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async list(signal: AbortSignal): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    for (const folder of await this.#do(() => readdir(this.#directory, { withFileTypes: true }))) {
      if (!folder.isDirectory() || !ChainId.safeParse(folder.name).success) continue;
      signal.throwIfAborted();
      entries.push(...(await this.#listChain(folder.name)));
    }
    return entries.sort(compareEntries);
  }

  async #listChain(chain: string): Promise<Entry[]> {
    const names = await this.#do(() => readdir(join(this.#directory, chain)));
    return names.flatMap((name) => {
      const match = fileName.exec(name);
      return match === null ? [] : { chain, sequence: Number(match[1]) };
    });
  }

  async read(entry: Entry, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    return this.#readFile(this.#path(entry));
  }

  async append(record: NewRecord, signal: AbortSignal): Promise<Appended> {
    const path = this.#path(record);
    const folder = join(this.#directory, record.chain);
    const temporary = join(folder, `.${randomBytes(8).toString("hex")}.tmp`);
    const made = await this.#do(() => mkdir(folder, { recursive: true }));
    if (made !== undefined) await this.#do(() => syncFolder(this.#directory));
    try {
      await this.#do(() => writeDurably(temporary, record.bytes));
      // The last look before it counts: the lease may have been lost while the disk was slow.
      signal.throwIfAborted();
      await this.#do(() => link(temporary, path));
      await this.#do(() => syncFolder(folder));
      return "Kept";
    } catch (error) {
      if (!(error instanceof StoreError) || codeOf(error.cause) !== "EEXIST") throw error;
      return (await this.#readFile(path)).equals(record.bytes) ? "Kept" : "Taken";
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  #path({ chain, sequence }: Entry): string {
    return join(this.#directory, chain, `${paddedSequence(sequence)}.json`);
  }

  async #readFile(path: string): Promise<Buffer> {
    const { size } = await this.#do(() => stat(path));
    if (size > maxBundleBytes) throw new StoreError("Malformed", `${path} is longer than ${maxBundleBytes} bytes`);
    return this.#do(() => readFile(path));
  }

  async #do<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const code = codeOf(error);
      const refused = code === "EACCES" || code === "EROFS" || code === "EPERM";
      const detail = error instanceof Error ? error.message : String(error);
      throw new StoreError(refused ? "Refused" : "Unavailable", `the evidence directory: ${detail}`, error);
    }
  }
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, "wx", 0o640);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Or a power failure could forget the name while it keeps the content. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
