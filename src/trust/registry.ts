import { createHash } from "node:crypto";
import { isEgressError, type EgressResponse } from "../egress/index.ts";
import { INDEX_TYPES, MANIFEST_TYPES, readManifest, type Descriptor, type ManifestContent } from "./manifest.ts";
import { parseUrl } from "./parse-url.ts";
import { pinned } from "./reference.ts";
import { fromEgress, isRegistryError, RegistryError } from "./registry-error.ts";
import type { Traffic } from "./registry-gate.ts";
import { RegistrySession, type RegistryOptions, type RegistryPlace } from "./registry-session.ts";

export interface Manifest {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly content: ManifestContent;
}

/** Reads what is known of one artifact under its name, wherever it is read from. Every method rejects with a RegistryError. */
export interface RegistryReader {
  /** Who asks, for keeping apart what was learned with different rights. */
  readonly identity: string;
  /** What did not go as it should, although what was asked for could be read. */
  readonly warnings: readonly string[];
  /** The digest that a tag stands for now. Only a claim: what it names is compared when it is fetched by that digest. */
  resolveTag(tag: string): Promise<string>;
  /** A manifest by its digest. Whatever the registry says, it is the content that must have this digest. */
  manifest(digest: string): Promise<Manifest>;
  /** What is listed as attached to a digest. Where that is more than can be read, at least what has the type is. */
  referrers(digest: string, artifactType?: string): Promise<readonly Descriptor[]>;
  /** A small blob, whole; its digest is compared. */
  blob(descriptor: Descriptor, maxBytes: number): Promise<Buffer>;
  /**
   * Reads a blob of any size through and compares size and digest; keeps nothing of it. Whoever else wants to see the
   * bytes gives a sink, which is opened once for each attempt and abandoned where that fails.
   */
  verifyBlob(descriptor: Descriptor, deadlineMs: number, open?: OpenSink): Promise<void>;
}

/** Takes the bytes of a blob as they come. That the blob is what its digest says is known only after the last. */
export interface BlobSink {
  write(chunk: Buffer): Promise<void>;
  abandon(): Promise<void>;
}
export type OpenSink = () => Promise<BlobSink>;

const maxManifestBytes = 4 * 1024 * 1024;
const maxReferrerPages = 16;
const accept = [...INDEX_TYPES, ...MANIFEST_TYPES].join(", ");

/** Reads one repository of a registry (OCI distribution), for one purpose: what it learned to log in ends with it. */
export class RegistryClient implements RegistryReader {
  readonly warnings: readonly string[] = [];
  readonly #session: RegistrySession;
  readonly #name: string;
  readonly #host: string;
  readonly #base: string;

  constructor(place: RegistryPlace, options: RegistryOptions) {
    this.#session = new RegistrySession(place, options);
    this.#name = place.name ?? `${place.registry}/${place.repository}`;
    this.#host = this.#session.host;
    this.#base = this.#session.base;
  }

  get identity(): string {
    return this.#session.identity;
  }

  async resolveTag(tag: string): Promise<string> {
    const url = `${this.#base}/manifests/${tag}`;
    const head = await this.#session.request({ method: "HEAD", url, headers: { accept } });
    this.#requireFound(head, `${this.#name}:${tag}`);
    const digest = head.headers.get("docker-content-digest");
    if (digest !== undefined && /^sha256:[a-f0-9]{64}$/.test(digest)) return digest;
    const got = await this.#session.request({ url, headers: { accept }, maxBytes: maxManifestBytes });
    this.#requireFound(got, `${this.#name}:${tag}`);
    if (!isManifestType(mediaTypeOf(got))) throw this.#notAManifest(`${this.#name}:${tag}`);
    return sha256(got.body);
  }

  async manifest(digest: string): Promise<Manifest> {
    const what = pinned(this.#name, digest);
    const response = await this.#session.request({
      url: `${this.#base}/manifests/${digest}`,
      headers: { accept },
      maxBytes: maxManifestBytes,
    });
    this.#requireFound(response, what);
    const contentType = mediaTypeOf(response);
    if (sha256(response.body) !== digest) {
      // A login page or a proxy's notice is not a manifest that was tampered with.
      if (!isManifestType(contentType)) throw this.#notAManifest(what);
      throw new RegistryError(
        "DigestMismatch",
        `the manifest that ${this.#host} holds as ${what} has another digest, ${sha256(response.body)}: it was altered; push the artifact again`,
      );
    }
    const content = readManifest(response.body, contentType);
    if (content === undefined) {
      throw new RegistryError(
        "Malformed",
        `${what} is not an OCI or Docker (schema 2) manifest or index that has one meaning; build it again`,
      );
    }
    return { digest, bytes: response.body, content };
  }

  /** By the registry's API, or by the tag that stands in for it. */
  async referrers(digest: string, artifactType?: string): Promise<readonly Descriptor[]> {
    const base = `${this.#base}/referrers/${digest}`;
    const all = await this.#referrerPages(base, digest);
    if (all === undefined) return this.#referrersByTag(digest);
    if (!all.isCut || artifactType === undefined) return all.found;
    // Whoever floods an artifact with other things must not hide what counts.
    const query = new URLSearchParams({ artifactType });
    const filtered = await this.#referrerPages(`${base}?${query.toString()}`, digest);
    const wanted = (filtered?.found ?? []).filter((entry) => entry.artifactType === artifactType);
    return [...wanted, ...all.found];
  }

  /** Undefined where the registry has no such API. `isCut`: there are more pages than are read. */
  async #referrerPages(
    first: string,
    digest: string,
  ): Promise<{ readonly found: readonly Descriptor[]; readonly isCut: boolean } | undefined> {
    const what = `the list of what is attached to ${pinned(this.#name, digest)}`;
    const found: Descriptor[] = [];
    const seen = new Set<string>();
    let url: string | undefined = first;
    while (url !== undefined && seen.size < maxReferrerPages) {
      seen.add(url);
      const response: EgressResponse<Buffer> = await this.#list(url, what);
      const list = response.status === 200 ? readManifest(response.body, mediaTypeOf(response)) : undefined;
      if (list?.kind !== "Index") {
        if (seen.size === 1 && isNoReferrersApi(response)) return undefined;
        throw this.#session.failure(response, what);
      }
      found.push(...list.manifests);
      url = nextPage(response, url);
      // What would have come after it is unknown, and that is not the same as nothing.
      if (url !== undefined && seen.has(url)) {
        throw new RegistryError("Unavailable", `${this.#host} leads in a circle through ${what}`);
      }
    }
    return { found, isCut: url !== undefined };
  }

  /** A list that is too long says nothing about what it is of. */
  async #list(url: string, what: string): Promise<EgressResponse<Buffer>> {
    try {
      return await this.#session.request({
        url,
        headers: { accept: INDEX_TYPES[0] ?? "" },
        maxBytes: maxManifestBytes,
      });
    } catch (error) {
      if (!isRegistryError(error, "TooLarge")) throw error;
      throw new RegistryError(
        "Unavailable",
        `${what} at ${this.#host} is longer than the ${maxManifestBytes} bytes that are read; delete what is not needed there`,
        { cause: error },
      );
    }
  }

  async blob(descriptor: Descriptor, maxBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const limits = { maxBytes, deadlineMs: this.#session.timeoutMs, traffic: "exchanges" } as const;
    await this.#readBlob(descriptor, limits, (chunk) => {
      chunks.push(chunk);
      return undefined;
    });
    return Buffer.concat(chunks);
  }

  async verifyBlob(descriptor: Descriptor, deadlineMs: number, open?: OpenSink): Promise<void> {
    const limits = { maxBytes: descriptor.size, deadlineMs, traffic: "bulk" } as const;
    const sink = await open?.();
    try {
      await this.#readBlob(descriptor, limits, (chunk) => sink?.write(chunk));
    } catch (error) {
      await sink?.abandon();
      throw error;
    }
  }

  async #readBlob(
    descriptor: Descriptor,
    limits: { readonly maxBytes: number; readonly deadlineMs: number; readonly traffic: Traffic },
    keep: (chunk: Buffer) => Promise<void> | undefined,
  ): Promise<void> {
    const what = `the blob ${descriptor.digest} of ${this.#name}`;
    if (descriptor.size > limits.maxBytes) {
      throw new RegistryError(
        "TooLarge",
        `${what} has ${descriptor.size} bytes, more than the ${limits.maxBytes} allowed here`,
      );
    }
    const mismatch = (how: string): RegistryError =>
      new RegistryError(
        "DigestMismatch",
        `${what} is not what the manifest says: ${how}; the registry's content was altered, push the artifact again`,
      );
    const hash = createHash("sha256");
    let size = 0;
    try {
      const { deadlineMs, traffic } = limits;
      const url = `${this.#base}/blobs/${descriptor.digest}`;
      const response = await this.#session.stream({ url, maxBytes: descriptor.size, deadlineMs }, traffic);
      if (response.status !== 200) {
        response.body.discard();
        throw this.#session.failure(response, what);
      }
      for await (const chunk of response.body) {
        size += chunk.length;
        hash.update(chunk);
        await keep(chunk);
      }
    } catch (error) {
      if (isEgressError(error, "TooLarge")) throw mismatch("it is longer");
      throw fromEgress(error);
    }
    if (size !== descriptor.size) throw mismatch(`it has ${size} bytes instead of ${descriptor.size}`);
    const actual = `sha256:${hash.digest("hex")}`;
    if (actual !== descriptor.digest) throw mismatch(`its digest is ${actual}`);
  }

  /** The index under the tag "sha256-<hex>" that clients keep where a registry has no referrers API. */
  async #referrersByTag(digest: string): Promise<readonly Descriptor[]> {
    const what = `the list of what is attached to ${pinned(this.#name, digest)}`;
    const response = await this.#list(`${this.#base}/manifests/${digest.replace(":", "-")}`, what);
    if (response.status === 404) return [];
    this.#requireFound(response, what);
    const list = readManifest(response.body, mediaTypeOf(response));
    if (list?.kind === "Index") return list.manifests;
    throw new RegistryError(
      "Unavailable",
      `${this.#host} answered something other than an index for what is attached to ${pinned(this.#name, digest)}`,
    );
  }

  #notAManifest(what: string): RegistryError {
    return new RegistryError(
      "Unavailable",
      `${this.#host} answered something other than a manifest for ${what}; is it a registry?`,
    );
  }

  #requireFound(response: EgressResponse<unknown>, what: string): void {
    if (response.status !== 200) throw this.#session.failure(response, what);
  }
}

/** Registries without the referrers API answer in one of these ways; some with a page for people. */
function isNoReferrersApi(response: EgressResponse<unknown>): boolean {
  if (response.status === 200) return !INDEX_TYPES.includes(mediaTypeOf(response));
  return [400, 404, 405, 406, 501].includes(response.status);
}

/** The next page, which must be on the same host: it gets the same login. */
function nextPage(response: EgressResponse<unknown>, current: string): string | undefined {
  const link = /^<([^>]{1,4096})>\s*;[^,]*\brel="?next"?/.exec(response.headers.get("link") ?? "")?.[1];
  if (link === undefined) return undefined;
  const next = parseUrl(link, current);
  return next?.origin === new URL(current).origin ? next.href : undefined;
}

function isManifestType(mediaType: string): boolean {
  return [...INDEX_TYPES, ...MANIFEST_TYPES].includes(mediaType);
}

function mediaTypeOf(response: EgressResponse<unknown>): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** For the caller that reads several things of which one may be gone. */
export function isContentProblem(error: unknown): error is RegistryError {
  return isRegistryError(error, "NotFound", "DigestMismatch", "Malformed", "TooLarge");
}
