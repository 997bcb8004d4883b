import { ImportError } from "./import-error.ts";

/** A file of a source, under the path that it gets in the artifact. */
export interface SourceFile {
  readonly path: string;
  /** In bytes; undefined where only reading tells. */
  readonly size: number | undefined;
  /** The content; it throws an ImportError where that is no longer what was listed. */
  read(): AsyncIterable<Uint8Array>;
}

export interface Listing {
  readonly files: readonly SourceFile[];
  /** The same while the source says that nothing has changed; undefined where it says nothing of the kind. */
  readonly fingerprint?: string | undefined;
}

export interface Source {
  list(): Promise<Listing>;
}

export const maxFiles = 10_000;
const maxPathBytes = 1024;
const maxPartBytes = 255;

/**
 * The files in the order of the artifact, by the bytes of their paths. Names that could lead elsewhere, or that two programs
 * could read differently, are refused: they come from whoever may write to the source.
 * @throws ImportError
 */
export function checkedFiles(files: readonly SourceFile[]): readonly SourceFile[] {
  if (files.length === 0)
    throw new ImportError("NothingToImport", "the source has no files; check bucket, prefix or path");
  if (files.length > maxFiles) throw new ImportError("TooLarge", `the source has more than ${maxFiles} files`);
  for (const { path } of files) checkPath(path);
  const sorted = files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  const seen = new Set(sorted.map(({ path }) => path));
  if (seen.size < sorted.length) throw hostile("two files have the same path");
  for (const path of seen) {
    const parts = path.split("/");
    const folders = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
    const both = folders.find((folder) => seen.has(folder));
    if (both !== undefined) throw hostile(`${JSON.stringify(both)} is a file and a folder`);
  }
  return sorted;
}

function checkPath(path: string): void {
  const shown = JSON.stringify(path.slice(0, 128));
  const parts = path.split("/");
  if (Buffer.byteLength(path) > maxPathBytes || parts.some((part) => Buffer.byteLength(part) > maxPartBytes))
    throw hostile(`the path ${shown} is too long`);
  if (parts.some((part) => part === "" || part === "." || part === ".."))
    throw hostile(`the path ${shown} has an empty, . or .. part`);
  // Whiteouts of image layers: they would remove what another layer brings.
  if (parts.some((part) => part.startsWith(".wh.")))
    throw hostile(`the path ${shown} has a part that starts with .wh.`);
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f\\\u2028\u2029]/.test(path) || path.includes("\ufffd"))
    throw hostile(`the path ${shown} has a control character, a backslash or is not UTF-8`);
}

export function hostile(what: string): ImportError {
  return new ImportError("HostileContent", `${what}: rename or remove it at the source`);
}
