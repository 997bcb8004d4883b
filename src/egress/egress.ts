import { isIP } from "node:net";
import type { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import { Agent, type Dispatcher } from "undici";
import { createAddressCheck, type AddressCheck } from "./address.ts";
import { BoundedBody } from "./bounded-body.ts";
import { checkedLookup, refuseDenied, resolveBySystem, type Resolver } from "./checked-lookup.ts";
import { Deadline } from "./deadline.ts";
import { EgressError } from "./egress-error.ts";
import { hostList, portOf, type HostList } from "./host-list.ts";
import { parseUrl, redirectTarget, withoutSecrets } from "./redirect.ts";
import { translateError } from "./translate-error.ts";

export interface EgressOptions {
  /** Absent: every host. Entries are "host", "host:port" or "*.domain". */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Hosts that may be spoken to without TLS. All: where no host is a tenant's to name, as with the addresses of pods. */
  readonly plainHttpHosts?: readonly string[] | "All" | undefined;
  /** Ranges nobody reaches through here, beside those that are always refused: the API server's addresses. */
  readonly deniedAddresses?: readonly string[] | undefined;
  /** Certificates in PEM that are trusted beside the public ones. */
  readonly caBundle?: string | undefined;
  readonly connectTimeoutMs?: number | undefined;
  /** How long a request may take when it says nothing itself. */
  readonly timeoutMs?: number | undefined;
  readonly maxConnectionsPerHost?: number | undefined;
  readonly resolver?: Resolver | undefined;
  /** Replaces the whole check of addresses. Only a test, which has its servers on loopback, has reason to. */
  readonly addressCheck?: AddressCheck | undefined;
}

export interface EgressRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | undefined;
  readonly url: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For the origin of `url` only, whatever their names are: they stay behind on a redirect elsewhere. */
  readonly ownHeaders?: Readonly<Record<string, string>> | undefined;
  /** A stream is sent once, and needs a content-length among the headers. */
  readonly body?: string | Readable | undefined;
  /** A longer answer is an error, not cut. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For the whole request, redirects and body included. */
  readonly deadlineMs?: number | undefined;
}

export interface EgressResponse<Body> {
  readonly status: number;
  /** Names in lower case; a header that came twice is joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly body: Body;
}

const maxRedirects = 5;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/**
 * The one way out for every request whose address a tenant can write. The address is checked when the connection is
 * made, after DNS and again on every redirect, so no name can point elsewhere between the check and the use.
 */
export class Egress {
  readonly #agent: Agent;
  readonly #allowed: HostList | undefined;
  readonly #plainHttp: HostList;
  readonly #checkAddress: AddressCheck;
  readonly #timeoutMs: number;

  constructor(options: EgressOptions = {}) {
    this.#allowed = options.allowedHosts === undefined ? undefined : hostList(options.allowedHosts);
    const plain = options.plainHttpHosts ?? [];
    this.#plainHttp = plain === "All" ? () => true : hostList(plain);
    this.#checkAddress = options.addressCheck ?? createAddressCheck(options.deniedAddresses ?? []);
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#agent = new Agent({
      connections: options.maxConnectionsPerHost ?? 16,
      maxHeaderSize: 64 * 1024,
      headersTimeout: this.#timeoutMs,
      bodyTimeout: this.#timeoutMs,
      connect: {
        timeout: options.connectTimeoutMs ?? 5_000,
        ...(options.caBundle === undefined ? {} : { ca: [...rootCertificates, options.caBundle] }),
        lookup: checkedLookup(options.resolver ?? resolveBySystem, this.#checkAddress),
      },
    });
  }

  /** Sends a request and reads the whole answer, up to `maxBytes` (1 MiB). */
  async request(request: EgressRequest): Promise<EgressResponse<Buffer>> {
    const response = await this.stream({ maxBytes: 1024 * 1024, ...request });
    const chunks: Buffer[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    return { ...response, body: Buffer.concat(chunks) };
  }

  /**
   * Sends a request and hands over the answer as it comes, up to `maxBytes`. The body must be read or discarded: the
   * deadline runs until then.
   */
  async stream(request: EgressRequest): Promise<EgressResponse<BoundedBody>> {
    const deadline = new Deadline(request.signal, request.deadlineMs ?? this.#timeoutMs);
    let url = parseUrl(request.url);
    let headers: Readonly<Record<string, string>> = { ...request.headers, ...request.ownHeaders };
    try {
      for (let redirects = 0; ; redirects++) {
        this.#admit(url);
        const answer = await this.#send(url, headers, request, deadline);
        // Whoever reads the body hears of its errors; where nobody does, they must not end the process.
        answer.body.on("error", () => undefined);
        const location = answer.headers["location"];
        // What is sent is meant for the one it was addressed to.
        const sends = request.method === "POST" || request.method === "PUT";
        if (!redirectStatuses.has(answer.statusCode) || location === undefined || sends) {
          return {
            status: answer.statusCode,
            headers: joinHeaders(answer.headers),
            url,
            body: new BoundedBody(answer.body, url, request.maxBytes ?? Infinity, deadline),
          };
        }
        // The connection is needed no more; what the redirect says is of no interest.
        answer.body.destroy();
        if (redirects === maxRedirects) {
          throw new EgressError(
            "TooManyRedirects",
            `${url.host} redirects more than ${maxRedirects} times; give the final address`,
          );
        }
        const next = redirectTarget(url, location);
        // What was left behind does not come back, even where the way leads back.
        if (next.origin !== url.origin) headers = withoutSecrets(request.headers ?? {});
        url = next;
      }
    } catch (error) {
      deadline.end();
      throw translateError(error, url, deadline);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #admit(url: URL): void {
    if (url.protocol === "http:" && !this.#plainHttp(url)) {
      throw new EgressError(
        "SchemeNotAllowed",
        `plain http to ${url.host} is not allowed; use https, or let the administrator list ${url.hostname}:${portOf(url)} as a plain http host`,
      );
    }
    if (this.#allowed?.(url) === false) {
      throw new EgressError("HostNotAllowed", `${url.host} is not among the hosts that the administrator allows`);
    }
    // The connection to a literal address asks no resolver. The URL parser has made one notation of all of them.
    const literal = url.hostname.replace(/^\[(.*)\]$/, "$1");
    if (isIP(literal) !== 0) refuseDenied(this.#checkAddress, literal, literal);
  }

  #send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    request: EgressRequest,
    deadline: Deadline,
  ): Promise<Dispatcher.ResponseData> {
    return this.#agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: request.method ?? "GET",
      headers: { "user-agent": "mlsecops-operator", ...headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: deadline.signal,
    });
  }
}

function joinHeaders(headers: Dispatcher.ResponseData["headers"]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined.set(name.toLowerCase(), typeof value === "string" ? value : value.join(", "));
  }
  return joined;
}
