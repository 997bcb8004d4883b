import type { Egress, EgressRequest, EgressResponse } from "../egress/index.ts";
import { isEgressError } from "../egress/index.ts";
import type { Reference } from "../trust/index.ts";
import { digestOf } from "./canonical.ts";
import { logIn } from "./registry-login.ts";
import { StoreError } from "./store.ts";

export interface RepositoryOptions {
  readonly egress: Egress;
  readonly place: Pick<Reference, "registry" | "repository">;
  /** Hosts without TLS, as the egress has them too. */
  readonly plainHttpHosts?: readonly string[] | undefined;
  /** The value of an Authorization header, for registries that ask for Basic and for token servers. Asked when it is needed. */
  readonly login?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  /** Only readers leave it out. */
  readonly push?: boolean | undefined;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
}

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
const maxPageBytes = 16 * 1024 * 1024;
const maxPages = 10_000;

/** Reads and pushes small content in one repository (OCI distribution 1.1). Every method rejects with a StoreError. */
export class RepositoryClient {
  readonly #options: RepositoryOptions;
  readonly #name: string;
  readonly #base: string;
  #authorization: string | undefined;

  constructor(options: RepositoryOptions) {
    const { registry, repository } = options.place;
    const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    const scheme = options.plainHttpHosts?.includes(registry) === true ? "http" : "https";
    this.#options = options;
    this.#name = `${registry}/${repository}`;
    this.#base = `${scheme}://${host}/v2/${repository}`;
  }

  /** All tags; none of a repository that is not there yet. */
  async tags(signal: AbortSignal): Promise<readonly string[]> {
    const found: string[] = [];
    let url: string | undefined = `${this.#base}/tags/list?n=1000`;
    for (let page = 0; url !== undefined; page++) {
      const answer: EgressResponse<Buffer> = await this.#request({ url, maxBytes: maxPageBytes }, signal);
      if (answer.status === 404) return [];
      if (answer.status !== 200) throw this.#failure(answer, "its tags");
      const { tags } = (parseJson(answer.body) ?? {}) as { readonly tags?: unknown };
      if (tags !== undefined && tags !== null && !Array.isArray(tags))
        throw new StoreError("Malformed", `${this.#name} does not answer with a list of tags; is it a registry?`);
      found.push(...((tags ?? []) as unknown[]).filter((tag) => typeof tag === "string"));
      if (page === maxPages) throw new StoreError("Malformed", `${this.#name} has more tags than evidence can have`);
      url = nextPage(answer);
    }
    return found;
  }

  async blob(digest: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#request({ url: `${this.#base}/blobs/${digest}`, maxBytes }, signal);
    if (answer.status !== 200) throw this.#failure(answer, `the blob ${digest}`);
    return answer.body;
  }

  /** Undefined when there is none of that name. */
  async manifest(reference: string, accept: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const url = `${this.#base}/manifests/${reference}`;
    const answer = await this.#request({ url, headers: { accept }, maxBytes: maxPageBytes }, signal);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#failure(answer, `the manifest ${reference}`);
    return answer.body;
  }

  async pushBlob(content: string, mediaType: string, signal: AbortSignal): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) };
    const started = await this.#request({ method: "POST", url: `${this.#base}/blobs/uploads/` }, signal);
    const location = started.headers.get("location");
    if (started.status !== 202 || location === undefined) throw this.#failure(started, "an upload");
    const url = new URL(location, started.url);
    // The login goes along.
    if (url.origin !== started.url.origin)
      throw new StoreError(
        "Refused",
        `${started.url.host} wants the upload at ${url.host}: use a registry that takes it`,
      );
    url.searchParams.set("digest", descriptor.digest);
    const headers = { "content-type": "application/octet-stream" };
    const done = await this.#request({ method: "PUT", url, headers, body: content }, signal);
    if (done.status !== 201) throw this.#failure(done, "an upload");
    return descriptor;
  }

  /** `listed`: the registry put it among the referrers of its subject. */
  async pushManifest(
    { tag, manifest, mediaType }: { readonly tag: string; readonly manifest: string; readonly mediaType: string },
    signal: AbortSignal,
  ): Promise<Descriptor & { readonly listed: boolean }> {
    const url = `${this.#base}/manifests/${tag}`;
    const headers = { "content-type": mediaType };
    const done = await this.#request({ method: "PUT", url, headers, body: manifest }, signal);
    if (done.status !== 201) throw this.#failure(done, "a manifest");
    const listed = done.headers.has("oci-subject");
    return { mediaType, digest: digestOf(manifest), size: Buffer.byteLength(manifest), listed };
  }

  async #request(request: EgressRequest, signal: AbortSignal): Promise<EgressResponse<Buffer>> {
    const { egress, place, login, push = false } = this.#options;
    const send = () => {
      const authorization = this.#authorization;
      const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
      return egress.request({ ...request, headers, signal });
    };
    try {
      const refused = await send();
      // What was learned to log in may have run out.
      if (refused.status !== 401) return refused;
      const actions = push ? "pull,push" : "pull";
      const basic = await login?.(signal);
      const asked = { refused, repository: place.repository, actions, basic, signal } as const;
      const authorization = await logIn(egress, asked);
      if (authorization === undefined) return refused;
      this.#authorization = authorization;
      return await send();
    } catch (error) {
      signal.throwIfAborted();
      if (!isEgressError(error)) throw error;
      throw new StoreError("Unavailable", `the evidence repository ${this.#name}: ${error.message}`, error);
    }
  }

  #failure({ status }: EgressResponse<unknown>, what: string): StoreError {
    const where = `the evidence repository ${this.#name}`;
    if (status === 401 || status === 403) {
      const right = this.#options.push === true ? "pull and push" : "pull";
      return new StoreError(
        "Refused",
        `${where} refuses ${what} (HTTP ${status}): its login must be allowed to ${right}`,
      );
    }
    return new StoreError("Unavailable", `${where} answered HTTP ${status}, asked for ${what}`);
  }
}

/** On the same host only: it gets the same login. */
function nextPage({ headers, url }: EgressResponse<unknown>): string | undefined {
  const link = /^<([^>]{1,4096})>\s*;[^,]*\brel="?next"?/.exec(headers.get("link") ?? "")?.[1];
  if (link === undefined || !URL.canParse(link, url.href)) return undefined;
  const next = new URL(link, url);
  return next.origin === url.origin ? next.href : undefined;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
