import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { contentFactsSchema } from "../formats/index.ts";
import { readBundle } from "./bundle.ts";
import type { Gathered } from "./fact-cache.ts";
import type { ArtifactFacts, BundleFact } from "./facts.ts";

const Digest = z.string().regex(/^sha256:[a-f0-9]{64}$/);
const StoredBundle = z.object({
  referrer: Digest,
  digest: Digest,
  /** Base64; absent for an attestation that nobody asked for. */
  bytes: z.string().optional(),
  predicateType: z.string().max(512).optional(),
});
const Stored = z.object({
  version: z.literal(1),
  key: z.string(),
  at: z.iso.datetime(),
  name: z.string(),
  digest: Digest,
  platformDigests: z.array(Digest),
  bundles: z.array(StoredBundle),
  leftOut: z.int().min(0),
  content: z.array(contentFactsSchema).optional(),
});

/** A bigger one is looked at again after a restart. */
const maxFileBytes = 8 * 1024 * 1024;
const suffix = ".json";

/**
 * Keeps on disk what was gathered about artifacts whose content is intact, so that after a restart they can be verified
 * without any registry. A file that is missing, damaged or of another version is as good as none; a disk that is full
 * costs only the next restart.
 */
export class ArtifactStore {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #onProblem: (error: unknown) => void;

  /** `maxBytes` for all files together; the ones that were written longest ago go first, when the store is opened. */
  constructor(directory: string, options: { readonly maxBytes: number; readonly onProblem: (error: unknown) => void }) {
    this.#directory = directory;
    this.#maxBytes = options.maxBytes;
    this.#onProblem = options.onProblem;
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const files = await Promise.all(
      (await readdir(this.#directory)).map(async (name) => {
        const { size, mtimeMs } = await stat(join(this.#directory, name));
        return { name, size, mtimeMs };
      }),
    );
    let total = 0;
    for (const { name, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      total += size;
      // What is not whole was cut short by the end of the process before.
      if (total > this.#maxBytes || !name.endsWith(suffix)) await rm(join(this.#directory, name), { force: true });
    }
  }

  async load(key: string): Promise<Gathered | undefined> {
    let text: string;
    try {
      text = await readFile(this.#fileOf(key), "utf8");
    } catch {
      return undefined;
    }
    const stored = Stored.safeParse(parseJson(text));
    if (!stored.success || stored.data.key !== key) return undefined;
    const { at, name, digest, platformDigests, bundles, leftOut, content } = stored.data;
    const read = bundles.map((bundle) => restored(bundle, digest));
    // One that is not what it was is a reason to ask the registry.
    if (read.some((bundle) => bundle === undefined)) return undefined;
    const facts: ArtifactFacts = {
      state: "Found",
      name,
      digest,
      platformDigests,
      bundles: read.filter((bundle) => bundle !== undefined),
      leftOut,
      layers: { state: "Intact" },
      ...(content === undefined ? {} : { content }),
    };
    return { facts, at: new Date(at) };
  }

  async keep(key: string, { facts, at }: Gathered): Promise<void> {
    const { name, digest, platformDigests, bundles, leftOut, layers, content } = facts;
    if (layers.state !== "Intact") return;
    const document: z.input<typeof Stored> = {
      version: 1,
      key,
      at: at.toISOString(),
      name,
      digest,
      platformDigests: [...platformDigests],
      bundles: bundles.flatMap(toStored),
      leftOut,
      ...(content === undefined ? {} : { content: [...content] }),
    };
    const text = JSON.stringify(document);
    if (text.length > maxFileBytes) return;
    const temporary = join(this.#directory, `${randomUUID()}.part`);
    try {
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, this.#fileOf(key));
    } catch (error) {
      this.#onProblem(error);
      await rm(temporary, { force: true });
    }
  }

  async forget(key: string): Promise<void> {
    await rm(this.#fileOf(key), { force: true });
  }

  #fileOf(key: string): string {
    return join(this.#directory, createHash("sha256").update(key).digest("hex") + suffix);
  }
}

function toStored({ referrer, digest, bytes, claim }: BundleFact): z.input<typeof StoredBundle>[] {
  if (claim.kind === "NotRead") return [{ referrer, digest, predicateType: claim.predicateType }];
  // What was damaged may have been mended: it is read again.
  return claim.kind === "Malformed" ? [] : [{ referrer, digest, bytes: bytes.toString("base64") }];
}

/** Undefined where the bytes are not those of the digest. What they say is read anew. */
function restored(stored: z.output<typeof StoredBundle>, artifact: string): BundleFact | undefined {
  const { referrer, digest, predicateType } = stored;
  if (stored.bytes === undefined) {
    if (predicateType === undefined) return undefined;
    return { referrer, digest, bytes: Buffer.alloc(0), claim: { kind: "NotRead", predicateType } };
  }
  const bytes = Buffer.from(stored.bytes, "base64");
  if (`sha256:${createHash("sha256").update(bytes).digest("hex")}` !== digest) return undefined;
  return { referrer, digest, bytes, claim: readBundle(bytes, artifact) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
