import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Descriptor, type Manifest, type RegistryReader, readManifest, RegistryError } from "../../trust/index.ts";

const Entry = z.looseObject({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[a-f0-9]{64}$/),
  size: z.int().min(0),
  annotations: z.record(z.string(), z.string()).optional(),
});
type Entry = z.output<typeof Entry>;
const Index = z.object({ manifests: z.array(Entry).max(10_000) });
const Subject = z.looseObject({
  artifactType: z.string().optional(),
  config: z.looseObject({ mediaType: z.string() }).optional(),
  subject: z.looseObject({ digest: z.string() }).optional(),
});

type OpenSink = Parameters<RegistryReader["verifyBlob"]>[2];

const refName = "org.opencontainers.image.ref.name";
const maxManifestBytes = 4 * 1024 * 1024;

/** Reads an artifact from a folder in the OCI image layout, with what is attached to it: no network is needed. */
export class LayoutReader implements RegistryReader {
  readonly identity = "layout";
  readonly warnings: readonly string[] = [];
  readonly #directory: string;
  readonly #name: string;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
  }

  async resolveTag(tag: string): Promise<string> {
    const named = (await this.#entries()).filter((entry) => this.#isNamed(entry, tag));
    const digests = new Set(named.map(({ digest }) => digest));
    const [digest] = digests;
    if (digest === undefined || digests.size > 1) {
      const found = digest === undefined ? "no manifest" : "several manifests";
      throw new RegistryError(
        "NotFound",
        `index.json in ${this.#directory} has ${found} named ${tag}: write the digest`,
      );
    }
    return digest;
  }

  async manifest(digest: string): Promise<Manifest> {
    const bytes = await this.#read(digest, maxManifestBytes);
    const content = readManifest(bytes, await this.#typeOf(digest, bytes));
    if (content !== undefined) return { digest, bytes, content };
    throw new RegistryError("Malformed", `${digest} in ${this.#directory} is not an OCI or Docker manifest or index`);
  }

  async referrers(digest: string): Promise<readonly Descriptor[]> {
    const found: Descriptor[] = [];
    for (const entry of await this.#entries()) {
      const { mediaType, digest: candidate, size } = entry;
      if (candidate === digest || size > maxManifestBytes) continue;
      const bytes = await this.#read(candidate, maxManifestBytes);
      // The list that clients keep under a tag, where a registry does not keep it.
      if (this.#isNamed(entry, digest.replace(":", "-"))) {
        const list = readManifest(bytes, mediaType);
        if (list?.kind === "Index") found.push(...list.manifests);
      }
      const about = Subject.safeParse(parseJson(bytes));
      if (!about.success || about.data.subject?.digest !== digest) continue;
      const artifactType = about.data.artifactType ?? about.data.config?.mediaType;
      found.push({ mediaType, digest: candidate, size, ...(artifactType === undefined ? {} : { artifactType }) });
    }
    return found;
  }

  async blob({ digest, size }: Descriptor, maxBytes: number): Promise<Buffer> {
    if (size > maxBytes)
      throw new RegistryError("TooLarge", `${digest} has ${size} bytes, more than the ${maxBytes} allowed here`);
    const bytes = await this.#read(digest, maxBytes);
    if (bytes.length === size) return bytes;
    throw new RegistryError("DigestMismatch", `${digest} has ${bytes.length} bytes instead of ${size}: copy it again`);
  }

  async verifyBlob({ digest, size }: Descriptor, _deadlineMs: number, open?: OpenSink): Promise<void> {
    const sink = await open?.();
    const hash = createHash("sha256");
    let read = 0;
    try {
      for await (const chunk of createReadStream(this.#pathOf(digest)) as AsyncIterable<Buffer>) {
        hash.update(chunk);
        read += chunk.length;
        await sink?.write(chunk);
      }
      if (read === size && `sha256:${hash.digest("hex")}` === digest) return;
    } catch (error) {
      await sink?.abandon();
      throw this.#missing(digest, error);
    }
    await sink?.abandon();
    throw new RegistryError("DigestMismatch", `${digest} in ${this.#directory} was altered: copy it again`);
  }

  /** Some tools write the tag, some the whole reference. */
  #isNamed({ annotations }: Entry, tag: string): boolean {
    return [tag, `${this.#name}:${tag}`].includes(annotations?.[refName] ?? "");
  }

  async #entries(): Promise<readonly Entry[]> {
    const path = join(this.#directory, "index.json");
    const text = await readFile(path).catch((error: unknown) => {
      throw new RegistryError("Unavailable", `${path} cannot be read: is it an OCI image layout?`, { cause: error });
    });
    const index = Index.safeParse(parseJson(text));
    if (index.success) return index.data.manifests;
    throw new RegistryError("Unavailable", `${path} is not the index of an OCI image layout`);
  }

  /** As index.json has it, or as the document says itself. */
  async #typeOf(digest: string, bytes: Buffer): Promise<string> {
    const entry = (await this.#entries()).find((one) => one.digest === digest);
    const own = z.looseObject({ mediaType: z.string() }).safeParse(parseJson(bytes));
    return entry?.mediaType ?? (own.success ? own.data.mediaType : "");
  }

  async #read(digest: string, maxBytes: number): Promise<Buffer> {
    const path = this.#pathOf(digest);
    const bytes = await stat(path)
      .then(({ size }) => (size > maxBytes ? undefined : readFile(path)))
      .catch((error: unknown) => {
        throw this.#missing(digest, error);
      });
    if (bytes === undefined) throw new RegistryError("TooLarge", `${digest} has more than ${maxBytes} bytes`);
    if (`sha256:${createHash("sha256").update(bytes).digest("hex")}` === digest) return bytes;
    throw new RegistryError("DigestMismatch", `${digest} in ${this.#directory} was altered: copy it again`);
  }

  #pathOf(digest: string): string {
    return join(this.#directory, "blobs/sha256", digest.slice("sha256:".length));
  }

  #missing(digest: string, cause: unknown): RegistryError {
    return new RegistryError("NotFound", `${digest} is not in the layout ${this.#directory}`, { cause });
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
