import { createHash } from "node:crypto";
import { Agent, request } from "undici";

export const indexType = "application/vnd.oci.image.index.v1+json";
export const manifestType = "application/vnd.oci.image.manifest.v1+json";

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
}

interface Listed {
  readonly manifests: readonly Descriptor[];
}

/** Pushes what a test needs to one repository of a real registry. */
export class Pusher {
  readonly #base: string;
  readonly #agent: Agent;

  /** `origin` is the registry's address, such as https://registry.test:5000. */
  constructor(origin: string, repository: string, ca?: string) {
    this.#base = `${origin}/v2/${repository}`;
    this.#agent = new Agent(ca === undefined ? {} : { connect: { ca } });
  }

  async artifact(content: string, tag: string): Promise<string> {
    const config = await this.blob("{}", "application/vnd.oci.empty.v1+json");
    const layer = await this.blob(content, "text/plain");
    const manifest = {
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: "application/vnd.example.model",
      config,
      layers: [layer],
    };
    return (await this.manifest(manifest, tag)).digest;
  }

  async index(digests: readonly Descriptor[], tag: string): Promise<string> {
    return (await this.manifest({ schemaVersion: 2, mediaType: indexType, manifests: digests }, tag)).digest;
  }

  async blob(content: string | Buffer, mediaType: string): Promise<Descriptor> {
    const [bytes, digest] = [Buffer.from(content), sha256(content)];
    const started = await request(`${this.#base}/blobs/uploads/`, { method: "POST", dispatcher: this.#agent });
    await started.body.dump();
    const location = new URL(String(started.headers["location"]), this.#base);
    location.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    const done = await request(location, { method: "PUT", body: bytes, headers, dispatcher: this.#agent });
    await done.body.dump();
    if (done.statusCode !== 201) throw new Error(`the registry took no blob: HTTP ${done.statusCode}`);
    return { mediaType, digest, size: bytes.length };
  }

  async manifest(document: object, tag?: string): Promise<Descriptor> {
    const text = JSON.stringify(document);
    const mediaType = "manifests" in document ? indexType : manifestType;
    const url = `${this.#base}/manifests/${tag ?? sha256(text)}`;
    const done = await request(url, {
      method: "PUT",
      body: text,
      headers: { "content-type": mediaType },
      dispatcher: this.#agent,
    });
    const answer = await done.body.text();
    if (done.statusCode !== 201) throw new Error(`the registry took no manifest: HTTP ${done.statusCode} ${answer}`);
    return { mediaType, digest: sha256(text), size: Buffer.byteLength(text) };
  }

  /** Attaches to one artifact what is attached to another, as somebody would who wants it to pass for signed. */
  async copyAttached(from: string, to: string): Promise<void> {
    const { manifests } = JSON.parse(await this.#read(from.replace(":", "-"), indexType)) as Listed;
    const copies = await Promise.all(
      manifests.map(async (entry) => {
        const document = JSON.parse(await this.#read(entry.digest, manifestType)) as { subject: object };
        const copy = await this.manifest({ ...document, subject: { ...document.subject, digest: to } });
        return { ...copy, artifactType: entry.artifactType };
      }),
    );
    await this.manifest({ schemaVersion: 2, mediaType: indexType, manifests: copies }, to.replace(":", "-"));
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #read(reference: string, accept: string): Promise<string> {
    const response = await request(`${this.#base}/manifests/${reference}`, {
      headers: { accept },
      dispatcher: this.#agent,
    });
    if (response.statusCode !== 200) throw new Error(`the registry has not ${reference}: HTTP ${response.statusCode}`);
    return response.body.text();
  }
}
