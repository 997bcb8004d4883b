import { z } from "zod";
import type { BoundedBody, Egress, EgressRequest, EgressResponse } from "../egress/index.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { selectCredential, type Credential, type Credentials } from "./credentials.ts";
import { parseUrl } from "./parse-url.ts";
import { fromEgress, isRegistryError, RegistryError } from "./registry-error.ts";

export interface RegistryOptions {
  readonly egress: Egress;
  readonly signal?: AbortSignal | undefined;
  readonly credentials?: Credentials | undefined;
  /** For one exchange with small content. */
  readonly timeoutMs?: number | undefined;
  /** Hosts without TLS, as the administrator listed them for the egress too. */
  readonly plainHttpHosts?: readonly string[] | undefined;
}

export interface RegistryPlace {
  readonly registry: string;
  readonly repository: string;
}

const dockerHub = "registry-1.docker.io";
const Token = z.object({ token: z.string().min(1).optional(), access_token: z.string().min(1).optional() });

/** Talks to one repository of a registry: sends requests, logs in as the registry says, and names what went wrong. */
export class RegistrySession {
  readonly host: string;
  /** The address of the repository. */
  readonly base: string;
  readonly timeoutMs: number;
  readonly #place: RegistryPlace;
  readonly #egress: Egress;
  readonly #signal: AbortSignal | undefined;
  readonly #credential: Credential | undefined;
  #authorization: string | undefined;

  constructor(place: RegistryPlace, options: RegistryOptions) {
    this.host = place.registry === "docker.io" ? dockerHub : place.registry;
    const scheme = options.plainHttpHosts?.includes(place.registry) === true ? "http" : "https";
    this.base = `${scheme}://${this.host}/v2/${place.repository}`;
    this.timeoutMs = options.timeoutMs ?? 15_000;
    this.#place = place;
    this.#egress = options.egress;
    this.#signal = options.signal;
    this.#credential = selectCredential(options.credentials ?? [], place.registry, place.repository);
  }

  /** Who asks, for keeping apart what was learned with different rights. */
  get identity(): string {
    return this.#credential?.fingerprint ?? "anonymous";
  }

  /** Reads the whole answer. */
  request(request: EgressRequest): Promise<EgressResponse<Buffer>> {
    return this.#authorized({ deadlineMs: this.timeoutMs, ...request }, (ready) => this.#egress.request(ready));
  }

  /** Hands the answer over as it comes. */
  stream(request: EgressRequest): Promise<EgressResponse<BoundedBody>> {
    return this.#authorized(request, (ready) => this.#egress.stream(ready));
  }

  /** What an answer means that is not the one that was wanted. */
  failure(response: EgressResponse<unknown>, what: string): RegistryError {
    const { status } = response;
    const retryAfterMs = retryAfter(response);
    switch (status) {
      case 404:
      case 410:
        return new RegistryError("NotFound", `${this.host} has not ${what}; push it, or correct the reference`);
      case 401:
      case 403:
        return new RegistryError(
          "Unauthorized",
          `${this.host} refuses ${what} (HTTP ${status}), asked ${this.#manner()}`,
        );
      case 429:
        return new RegistryError(
          "RateLimited",
          `${this.host} allows no more requests for now (HTTP 429), asked for ${what}`,
          { retryAfterMs },
        );
      default:
        return new RegistryError("Unavailable", `${this.host} answered HTTP ${status}, asked for ${what}`, {
          retryAfterMs,
        });
    }
  }

  #manner(): string {
    return this.#credential === undefined
      ? "without credentials; add a Secret that may pull to pullSecrets"
      : "with the given credentials; check the Secret";
  }

  /** Sends a request; when it is refused for want of a login, logs in as the registry says and sends it once more. */
  async #authorized<Body extends Buffer | BoundedBody>(
    request: EgressRequest,
    send: (request: EgressRequest) => Promise<EgressResponse<Body>>,
  ): Promise<EgressResponse<Body>> {
    const ready = (): EgressRequest => ({
      ...request,
      signal: this.#signal,
      headers: {
        ...request.headers,
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
      },
    });
    try {
      const response = await send(ready());
      if (response.status !== 401) return response;
      const authorization = await this.#login(parseChallenges(response.headers.get("www-authenticate") ?? ""));
      if (authorization === undefined) return response;
      if ("discard" in response.body) response.body.discard();
      this.#authorization = authorization;
      return await send(ready());
    } catch (error) {
      throw fromEgress(error);
    }
  }

  async #login(challenges: readonly Challenge[]): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
    if (bearer !== undefined) return this.#fetchToken(bearer.parameters);
    return challenges.some(({ scheme }) => scheme === "basic") ? this.#credential?.basic : undefined;
  }

  /** Whatever scope the registry suggests, only the right to pull from this repository is asked for. */
  async #fetchToken(parameters: ReadonlyMap<string, string>): Promise<string> {
    const realm = parseUrl(parameters.get("realm") ?? "");
    if (realm === undefined) {
      throw new RegistryError("Unavailable", `${this.host} names a token server whose address is not a URL`);
    }
    // Credentials that are meant for a registry with TLS do not leave in the clear.
    if (this.base.startsWith("https:") && realm.protocol !== "https:") {
      throw new RegistryError(
        "AddressDenied",
        `${this.host} names a token server without TLS, ${realm.host}; no credentials are sent there`,
      );
    }
    const service = parameters.get("service");
    if (service !== undefined) realm.searchParams.set("service", service);
    realm.searchParams.set("scope", `repository:${this.#place.repository}:pull`);
    const response = await this.#askTokenServer(realm);
    if (response.status !== 200) {
      // It is not the artifact that is missing, whatever the status.
      const error = this.failure(response, `a token from ${realm.host}`);
      throw isRegistryError(error, "NotFound")
        ? new RegistryError("Unavailable", error.message, { cause: error })
        : error;
    }
    const { token, access_token } = Token.safeParse(parseJson(response.body)).data ?? {};
    const value = token ?? access_token;
    // What it says goes into a header.
    if (value === undefined || !/^[\x21-\x7e]+$/.test(value)) {
      throw new RegistryError("Unavailable", `the token server ${realm.host} answered without a token`);
    }
    return `Bearer ${value}`;
  }

  async #askTokenServer(realm: URL): Promise<EgressResponse<Buffer>> {
    try {
      return await this.#egress.request({
        url: realm,
        headers: this.#credential === undefined ? {} : { authorization: this.#credential.basic },
        maxBytes: 256 * 1024,
        signal: this.#signal,
        deadlineMs: this.timeoutMs,
      });
    } catch (error) {
      const known = fromEgress(error);
      throw isRegistryError(known, "TooLarge")
        ? new RegistryError("Unavailable", known.message, { cause: known })
        : known;
    }
  }
}

/** Seconds only: a date would need a clock here, and registries send seconds. */
function retryAfter(response: EgressResponse<unknown>): number | undefined {
  const text = response.headers.get("retry-after")?.trim() ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
