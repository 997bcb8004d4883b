import type { BoundedBody, Egress, EgressRequest, EgressResponse } from "../egress/index.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { ANONYMOUS, selectCredential, type Credential, type Credentials } from "./credentials.ts";
import { fromEgress, RegistryError } from "./registry-error.ts";
import { RegistryGate, type RegistryLane, type Traffic } from "./registry-gate.ts";
import { parseRetryAfter } from "./registry-retry.ts";
import { fetchToken } from "./registry-token.ts";

export interface RegistryOptions {
  readonly egress: Egress;
  readonly signal?: AbortSignal | undefined;
  readonly credentials?: Credentials | undefined;
  /** For one exchange with small content. */
  readonly timeoutMs?: number | undefined;
  /** Hosts without TLS, as the administrator listed them for the egress too. */
  readonly plainHttpHosts?: readonly string[] | undefined;
  /** Shared by all who ask; without it this one is alone. */
  readonly gate?: RegistryGate | undefined;
  /** Whose request it is, for sharing what room there is. */
  readonly tenant?: string | undefined;
  readonly now?: (() => Date) | undefined;
}

export interface RegistryPlace {
  readonly registry: string;
  readonly repository: string;
  /** What the artifact is called, where that is not what it is called here: of a mirror. */
  readonly name?: string | undefined;
}

/** The content of an answer as it comes. It must be read or discarded. */
export interface StreamedBody extends AsyncIterable<Buffer> {
  discard(): void;
}

const dockerHub = "registry-1.docker.io";

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
  readonly #now: () => Date;
  readonly #gate: RegistryGate;
  readonly #tenant: string | undefined;
  readonly #lane: RegistryLane;
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
    this.#now = options.now ?? (() => new Date());
    this.#gate = options.gate ?? new RegistryGate({ now: this.#now });
    this.#tenant = options.tenant;
    this.#lane = this.#gate.lane(this.host, this.identity, this.#tenant);
  }

  /** Who asks, for keeping apart what was learned with different rights. */
  get identity(): string {
    return this.#credential?.fingerprint ?? ANONYMOUS;
  }

  /** Reads the whole answer. */
  request(request: EgressRequest): Promise<EgressResponse<Buffer>> {
    return this.#authorized((headers) =>
      this.#exchange("exchanges", async (leave) => {
        const response = await this.#egress.request({ deadlineMs: this.timeoutMs, ...this.#ready(request, headers) });
        leave();
        return response;
      }),
    );
  }

  /** Hands the answer over as it comes. */
  stream(request: EgressRequest, traffic: Traffic): Promise<EgressResponse<StreamedBody>> {
    return this.#authorized((headers) =>
      this.#exchange(traffic, async (leave) => {
        const response = await this.#egress.stream(this.#ready(request, headers));
        return { ...response, body: leaving(response.body, leave) };
      }),
    );
  }

  /** What an answer means that is not the one that was wanted. */
  failure(response: EgressResponse<unknown>, what: string): RegistryError {
    const { status } = response;
    const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), this.#now());
    switch (status) {
      case 404:
      case 410:
        if (this.#credential?.missing === true) {
          // Some registries hide from strangers what is there.
          return new RegistryError("Unauthorized", `${this.host} shows no ${what}, asked ${this.#credential.hint}`);
        }
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
    return this.#credential?.hint ?? "without credentials; add a Secret that may pull to pullSecrets";
  }

  #ready(request: EgressRequest, headers: Readonly<Record<string, string>>): EgressRequest {
    return { ...request, signal: this.#signal, headers: { ...request.headers, ...headers } };
  }

  async #exchange<R extends EgressResponse<unknown>>(
    traffic: Traffic,
    send: (leave: () => void) => Promise<R>,
  ): Promise<R> {
    const leave = await this.#lane.enter(traffic, this.#signal);
    try {
      const response = await send(leave);
      this.#lane.note(response);
      return response;
    } catch (error) {
      leave();
      throw fromEgress(error);
    }
  }

  /** Sends a request; when it is refused for want of a login, logs in as the registry says and sends it once more. */
  async #authorized<Body extends Buffer | StreamedBody>(
    send: (headers: Readonly<Record<string, string>>) => Promise<EgressResponse<Body>>,
  ): Promise<EgressResponse<Body>> {
    const ready = () => send(this.#authorization === undefined ? {} : { authorization: this.#authorization });
    const response = await ready();
    if (response.status !== 401) return response;
    // Before logging in: that may need the room which this answer takes.
    if ("discard" in response.body) response.body.discard();
    const authorization = await this.#login(parseChallenges(response.headers.get("www-authenticate") ?? ""));
    if (authorization === undefined) return response;
    this.#authorization = authorization;
    return ready();
  }

  async #login(challenges: readonly Challenge[]): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    if (bearer === undefined && basic === undefined) return undefined;
    const login = await this.#credential?.login(this.#place.registry, this.#signal);
    if (bearer === undefined) return login?.kind === "Basic" ? login.authorization : undefined;
    if (login?.kind === "Bearer") return `Bearer ${login.token}`;
    return fetchToken(this.#egress, {
      registry: { host: this.host, isEncrypted: this.base.startsWith("https:") },
      parameters: bearer.parameters,
      repository: this.#place.repository,
      login,
      lane: (host) => this.#gate.lane(host, this.identity, this.#tenant),
      timeoutMs: this.timeoutMs,
      signal: this.#signal,
      failure: (response, what) => this.failure(response, what),
    });
  }
}

/** The same content; the room is given back when it has been read, or is not wanted. */
function leaving(body: BoundedBody, leave: () => void): StreamedBody {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* body;
      } finally {
        leave();
      }
    },
    discard() {
      body.discard();
      leave();
    },
  };
}
