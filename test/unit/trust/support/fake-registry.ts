import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Egress } from "../../../../src/egress/index.ts";

export const indexType = "application/vnd.oci.image.index.v1+json";
export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

interface Stored {
  type: string;
  bytes: Buffer;
}

/** Answers a request in place of the registry; true when it did. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export function answer(status: number, headers: Readonly<Record<string, string>> = {}, body = ""): Fault {
  return (_, response) => {
    response.writeHead(status, headers).end(body);
    return true;
  };
}

export function hangUp(_: IncomingMessage, response: ServerResponse): boolean {
  response.destroy();
  return true;
}

/** Only where the address holds the text. */
export function on(text: string, fault: Fault): Fault {
  return (request, response) => (request.url?.includes(text) ?? false) && fault(request, response);
}

/** A registry in memory, with faults on demand. It is there for what a real one does not do when asked. */
export class FakeRegistry {
  readonly manifests = new Map<string, Stored>();
  readonly blobs = new Map<string, Buffer>();
  readonly requests: { method: string; path: string; authorization: string | undefined }[] = [];
  fault: Fault = () => false;
  /** Has the referrers API. */
  referrersApi = false;
  readonly #server: Server;
  readonly #attached = new Map<string, object[]>();
  readonly egress: Egress;

  private constructor(server: Server) {
    this.#server = server;
    this.egress = new Egress({
      plainHttpHosts: [this.host, "token.test"],
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: () => undefined,
    });
  }

  static async start(): Promise<FakeRegistry> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const registry = new FakeRegistry(server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => registry.#answer(request, response));
    return registry;
  }

  get host(): string {
    return `registry.test:${(this.#server.address() as AddressInfo).port}`;
  }

  get name(): string {
    return `${this.host}/models/iris`;
  }

  async stop(): Promise<void> {
    await this.egress.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  pushManifest(document: object, options: { tag?: string; type?: string } = {}): string {
    const bytes = Buffer.from(JSON.stringify(document));
    const type = options.type ?? ("manifests" in document ? indexType : manifestType);
    const digest = sha256(bytes);
    this.manifests.set(digest, { type, bytes });
    if (options.tag !== undefined) this.manifests.set(options.tag, { type, bytes });
    return digest;
  }

  pushBlob(content: Buffer | string): { mediaType: string; digest: string; size: number } {
    const bytes = Buffer.from(content);
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType: "application/octet-stream", digest, size: bytes.length };
  }

  pushArtifact(content: string, tag?: string): string {
    const document = {
      schemaVersion: 2,
      mediaType: manifestType,
      config: this.pushBlob("{}"),
      layers: [this.pushBlob(content)],
    };
    return this.pushManifest(document, tag === undefined ? {} : { tag });
  }

  /** Attaches a bundle as cosign does, and returns the digest of the bundle. */
  attach(subject: string, bundle: Buffer | string): string {
    const layer = { ...this.pushBlob(bundle), mediaType: bundleType };
    const digest = this.pushManifest({
      schemaVersion: 2,
      mediaType: manifestType,
      artifactType: bundleType,
      config: this.pushBlob("{}"),
      layers: [layer],
      subject: { mediaType: manifestType, digest: subject, size: 1 },
    });
    const size = this.manifests.get(digest)?.bytes.length ?? 0;
    const list = [
      ...(this.#attached.get(subject) ?? []),
      { mediaType: manifestType, digest, size, artifactType: bundleType },
    ];
    this.#attached.set(subject, list);
    this.pushManifest({ schemaVersion: 2, mediaType: indexType, manifests: list }, { tag: subject.replace(":", "-") });
    return layer.digest;
  }

  detachAll(subject: string): void {
    this.#attached.delete(subject);
    this.manifests.delete(subject.replace(":", "-"));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    this.requests.push({ method: request.method ?? "", path, authorization: request.headers.authorization });
    if (this.fault(request, response)) return;
    const [, kind, reference = ""] = /^\/v2\/models\/iris\/(manifests|blobs|referrers)\/([^?]+)/.exec(path) ?? [];
    if (kind === "manifests") {
      const found = this.manifests.get(reference);
      if (found !== undefined) {
        response
          .writeHead(200, { "content-type": found.type, "docker-content-digest": sha256(found.bytes) })
          .end(found.bytes);
        return;
      }
    } else if (kind === "blobs") {
      const found = this.blobs.get(reference);
      if (found !== undefined) {
        response.writeHead(200, { "content-type": "application/octet-stream" }).end(found);
        return;
      }
    } else if (kind === "referrers" && this.referrersApi) {
      const manifests = this.#attached.get(reference) ?? [];
      response
        .writeHead(200, { "content-type": indexType })
        .end(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
      return;
    }
    response.writeHead(404, { "content-type": "application/json" }).end("{}");
  }
}
