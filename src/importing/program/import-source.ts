import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImportPlan, ImportResult } from "../plan.ts";
import { MANIFEST_TYPE, artifactOf, filesDigest } from "./artifact.ts";
import { ImportError } from "./import-error.ts";
import type { Pusher } from "./push.ts";
import { type Listing, type Source, checkedFiles } from "./source.ts";
import { type PackedFile, TarFile, tooLarge } from "./tar.ts";

export interface Means {
  readonly source: Source;
  /** Of the registry; not asked for anything where nothing is pushed. */
  readonly pusher: Pick<Pusher, "blob" | "manifest">;
  /** A folder to write to. */
  readonly scratch: string;
}

type Wanted = Pick<ImportPlan, "from" | "pin" | "known" | "mode" | "maxBytes" | "architecture">;

/** Reads the source through, once, and pushes it as one artifact where that is wanted. @throws ImportError */
export async function importSource(plan: Wanted, { source, pusher, scratch }: Means): Promise<ImportResult> {
  const listing = await source.list();
  const { fingerprint } = listing;
  if (fingerprint !== undefined && fingerprint === plan.known?.fingerprint) return { outcome: "Unchanged" };
  const tar = join(scratch, "layer.tar");
  try {
    const packed = await pack(listing, tar, plan.maxBytes);
    const files = filesDigest(packed);
    if (files === plan.known?.files) return { outcome: "Unchanged" };
    if (plan.mode === "Look") return { outcome: "Changed", files };
    if (plan.pin !== undefined && plan.pin !== files)
      throw new ImportError(
        "DigestMismatch",
        `the files have the digest ${files}, and spec.source.pin.digest is ${plan.pin}: the source was changed, or the pin is of something else`,
      );
    const layer = { digest: await digestOfFile(tar), size: (await stat(tar)).size };
    const { config, manifest } = artifactOf(layer, { from: plan.from, files, architecture: plan.architecture });
    await pusher.blob({ ...layer, content: { file: tar } });
    await pusher.blob({ ...config, content: config.text });
    const tag = `imported-${files.slice("sha256:".length, "sha256:".length + 16)}`;
    await pusher.manifest({ tag, ...manifest, mediaType: MANIFEST_TYPE });
    const bytes = packed.reduce((sum, { size }) => sum + size, 0);
    const told = fingerprint === undefined ? {} : { fingerprint };
    return { outcome: "Imported", digest: manifest.digest, files, ...told, count: packed.length, bytes };
  } finally {
    await rm(tar, { force: true });
  }
}

async function pack({ files }: Listing, path: string, maxBytes: number): Promise<readonly PackedFile[]> {
  const sorted = checkedFiles(files);
  // Before anything is read, where it is known.
  if (sorted.reduce((sum, { size = 0 }) => sum + size, 0) > maxBytes) throw tooLarge(maxBytes);
  const tar = await TarFile.create(path, maxBytes);
  try {
    const packed: PackedFile[] = [];
    for (const file of sorted) packed.push(await tar.add(file));
    await tar.close();
    return packed;
  } finally {
    await tar.abandon();
  }
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}
