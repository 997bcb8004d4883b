import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { type Egress, type EgressRequest, type EgressResponse, isEgressError } from "../../egress/index.ts";
import { StoreError, logIn } from "../../governance/index.ts";
import { ImportError } from "./import-error.ts";

export interface Target {
  /** As references name it. */
  readonly registry: string;
  readonly repository: string;
}

export interface PushOptions {
  readonly egress: Egress;
  readonly target: Target;
  readonly plainHttpHosts: readonly string[];
  /** The value of an Authorization header, from the Secret. */
  readonly basic: string | undefined;
  readonly signal: AbortSignal;
  /** For the upload of one blob. */
  readonly deadlineMs: number;
}

export interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly content: string | { readonly file: string };
}

/** Pushes one artifact to one repository (OCI distribution 1.1). Every method rejects with an ImportError. */
export class Pusher {
  readonly #options: PushOptions;
  readonly #base: string;
  readonly #name: string;
  #authorization: string | undefined;

  constructor(options: PushOptions) {
    const { registry, repository } = options.target;
    const scheme = options.plainHttpHosts.includes(registry) ? "http" : "https";
    this.#options = options;
    this.#name = `${registry}/${repository}`;
    this.#base = `${scheme}://${hostOf(registry)}/v2/${repository}`;
  }

  async blob({ digest, size, content }: Blob): Promise<void> {
    const known = await this.#request({ method: "HEAD", url: `${this.#base}/blobs/${digest}` });
    if (known.status === 200) return;
    const started = await this.#request({ method: "POST", url: `${this.#base}/blobs/uploads/` });
    const location = started.headers.get("location");
    if (started.status !== 202 || location === undefined || !URL.canParse(location, started.url.href))
      throw this.#failure(started, "an upload");
    const url = new URL(location, started.url);
    // The login goes along.
    if (url.origin !== started.url.origin)
      throw new ImportError(
        "RegistryRefused",
        `${started.url.host} wants the upload at ${url.host}: use a registry that takes it`,
      );
    url.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
    const body =
      typeof content === "string"
        ? content
        : Readable.from(createReadStream(content.file, { highWaterMark: 1024 * 1024 }), { objectMode: false });
    const done = await this.#send({ method: "PUT", url, headers, body, deadlineMs: this.#options.deadlineMs });
    if (done.status !== 201) throw this.#failure(done, "an upload");
  }

  /** Under a tag, so that no registry takes it for litter; what counts is the digest, which is asked for afterwards. */
  async manifest({
    tag,
    digest,
    mediaType,
    text,
  }: {
    readonly tag: string;
    readonly digest: string;
    readonly mediaType: string;
    readonly text: string;
  }): Promise<void> {
    const done = await this.#request({
      method: "PUT",
      url: `${this.#base}/manifests/${tag}`,
      headers: { "content-type": mediaType },
      body: text,
    });
    if (done.status !== 201) throw this.#failure(done, "a manifest");
    const stored = await this.#request({ url: `${this.#base}/manifests/${digest}`, headers: { accept: mediaType } });
    if (stored.status !== 200 || stored.body.toString("utf8") !== text)
      throw this.#failure(stored, "the manifest that it took");
  }

  /** Answers 401 are met with a login, once. */
  async #request(request: EgressRequest): Promise<EgressResponse<Buffer>> {
    const { egress, target, basic, signal } = this.#options;
    const refused = await this.#send(request);
    if (refused.status !== 401) return refused;
    try {
      const asked = { refused, repository: target.repository, actions: "pull,push", basic, signal } as const;
      this.#authorization = await logIn(egress, asked);
    } catch (error) {
      throw this.#error(error);
    }
    return this.#authorization === undefined ? refused : this.#send(request);
  }

  async #send(request: EgressRequest): Promise<EgressResponse<Buffer>> {
    const { egress, signal } = this.#options;
    const authorization = this.#authorization;
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    try {
      return await egress.request({ ...request, headers, signal });
    } catch (error) {
      throw this.#error(error);
    }
  }

  #error(error: unknown): unknown {
    this.#options.signal.throwIfAborted();
    if (error instanceof StoreError)
      return new ImportError(
        error.code === "Unavailable" ? "RegistryUnavailable" : "RegistryRefused",
        `${this.#name}: the login failed; check import.pushSecret`,
        error,
      );
    if (!isEgressError(error)) return error;
    const { code, message } = error;
    if (code === "HostNotAllowed") {
      const [host = ""] = message.split(" ", 1);
      const hint = "add it to import.tokenHosts if that is where the registry gives its tokens";
      return new ImportError("RegistryRefused", `${this.#name} sends to ${host}: ${hint}`, error);
    }
    const isPassing = ["ConnectionFailed", "NameNotResolved", "Timeout", "Aborted"].includes(code);
    return new ImportError(isPassing ? "RegistryUnavailable" : "RegistryRefused", `${this.#name}: ${message}`, error);
  }

  #failure({ status }: EgressResponse<unknown>, what: string): ImportError {
    if (status === 401 || status === 403)
      return new ImportError(
        "RegistryRefused",
        `${this.#name} refuses ${what} (HTTP ${status}): import.pushSecret must name a login that may pull and push there`,
      );
    const reason = status === 429 || status >= 500 ? "RegistryUnavailable" : "RegistryRefused";
    return new ImportError(reason, `${this.#name} answered HTTP ${status}, asked for ${what}`);
  }
}

/** Where a registry answers, by the name that references have for it. */
export function hostOf(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}
