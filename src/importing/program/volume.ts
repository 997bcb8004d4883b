import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ImportError } from "./import-error.ts";
import { type Listing, type Source, type SourceFile, hostile, maxFiles } from "./source.ts";

const maxDepth = 32;

/** Regular files of a mounted volume. A link could lead anywhere, so none is followed; nor is anything else opened. */
export class VolumeSource implements Source {
  readonly #root: string;
  readonly #path: string;

  /** `path`: below the root; empty for all of it. */
  constructor(root: string, path: string) {
    this.#root = root;
    this.#path = path;
  }

  async list(): Promise<Listing> {
    const parts = this.#path === "" ? [] : this.#path.split("/");
    if (parts.some((part) => part === "" || part === "." || part === "..")) throw hostile("the path leads elsewhere");
    let place = this.#root;
    for (const part of parts) {
      place = join(place, part);
      if ((await this.#stat(place)).isSymbolicLink()) throw hostile(`${this.#shown(place)} is a link`);
    }
    const files: SourceFile[] = [];
    if ((await this.#stat(place)).isFile()) {
      const name = parts.at(-1) ?? "";
      return { files: [await this.#file(place, name)] };
    }
    await this.#walk(place, "", files, 0);
    return { files };
  }

  async #walk(directory: string, below: string, files: SourceFile[], depth: number): Promise<void> {
    if (depth > maxDepth) throw hostile(`${this.#shown(directory)} lies more than ${maxDepth} folders deep`);
    for (const bytes of await this.#try(directory, () => readdir(directory, { encoding: "buffer" }))) {
      const name = utf8(bytes);
      // What file systems keep for themselves, at the root of a volume.
      if (depth === 0 && below === "" && name === "lost+found" && directory === this.#root) continue;
      const place = join(directory, name);
      const path = below === "" ? name : `${below}/${name}`;
      const found = await this.#stat(place);
      if (found.isDirectory()) await this.#walk(place, path, files, depth + 1);
      else files.push(await this.#file(place, path));
      if (files.length > maxFiles)
        throw new ImportError("TooLarge", `the volume has more than ${maxFiles} files there`);
    }
  }

  async #file(place: string, path: string): Promise<SourceFile> {
    const listed = await this.#stat(place);
    if (!listed.isFile()) throw hostile(`${this.#shown(place)} is neither a regular file nor a folder`);
    const shown = this.#shown(place);
    const opened = () =>
      this.#try(place, () => open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    const read = async function* () {
      const handle: FileHandle = await opened();
      const isSame = async () => {
        const now = await handle.stat({ bigint: true });
        return now.isFile() && now.ino === listed.ino && now.size === listed.size && now.mtimeNs === listed.mtimeNs;
      };
      const moved = () => new ImportError("SourceMoved", `${shown} changed while it was read`);
      try {
        if (!(await isSame())) throw moved();
        yield* handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>;
        if (!(await isSame())) throw moved();
      } finally {
        await handle.close();
      }
    };
    return { path, size: Number(listed.size), read };
  }

  #stat(place: string) {
    return this.#try(place, () => lstat(place, { bigint: true }));
  }

  async #try<T>(place: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      const what = this.#shown(place);
      if (code === "ENOENT")
        throw new ImportError("SourceRefused", `${what} is not in the volume: correct spec.source.pvc.path`, error);
      if (code === "EACCES" || code === "EPERM")
        throw new ImportError(
          "SourceRefused",
          `${what} may not be read by user 65532: let everybody or group 65532 read it`,
          error,
        );
      if (code === "ELOOP") throw hostile(`${what} is a link`);
      throw new ImportError("SourceUnavailable", `${what} cannot be read (${code})`, error);
    }
  }

  #shown(place: string): string {
    return JSON.stringify(place.slice(this.#root.length + 1, this.#root.length + 129) || "the volume");
  }
}

function utf8(name: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    throw hostile("the volume has a name that is not UTF-8");
  }
}
