import { createHash } from "node:crypto";
import { z } from "zod";
import { matchesSegment } from "./pattern.ts";

/** How somebody logs in to a registry. It is used at once and kept nowhere that can be looked at. */
export type Login =
  /** The value of an Authorization header. */
  | { readonly kind: "Basic"; readonly authorization: string }
  /** An OAuth2 refresh token, for the registry's token server. */
  | { readonly kind: "RefreshToken"; readonly token: string }
  /** A token for the registry itself, to be sent as it is. */
  | { readonly kind: "Bearer"; readonly token: string };

/** A way to log in to some registries, or the reason why there is none. Neither JSON nor an inspector shows a secret of it. */
export interface Credential {
  /** Tells two credentials apart without showing either. Kept in memory only. */
  readonly fingerprint: string;
  /** How closely it fits a repository, more is closer; undefined where it is for something else. */
  rank(registry: string, repository: string): number | undefined;
  /** Undefined: as nobody. @throws RegistryError when none is to be had now. */
  login(registry: string, signal?: AbortSignal): Promise<Login | undefined>;
  /** What to look at where the registry refuses: it goes on after "asked". */
  readonly hint: string;
  /** There should be a login here and is none: that somebody else is refused, or sees nothing, says nothing. */
  readonly missing?: boolean;
}

export type Credentials = readonly Credential[];

/** What a user wrote about how to look at a registry. */
export interface Pulling {
  readonly pullSecrets?: readonly { readonly name: string }[] | undefined;
  readonly serviceAccountName?: string | undefined;
}

export type ParsedCredentials =
  { readonly ok: true; readonly credentials: Credentials } | { readonly ok: false; readonly message: string };

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
const DockerConfig = z.object({ auths: z.record(z.string(), Entry) });

/**
 * Parses `.dockerconfigjson` of a Secret of type kubernetes.io/dockerconfigjson. No message repeats any of it. `from` is
 * what to look at when a login is refused.
 */
export function parseDockerConfigJson(text: string, from = "the Secret"): ParsedCredentials {
  const config = DockerConfig.safeParse(parseJson(text));
  if (!config.success) {
    return {
      ok: false,
      message:
        'it is not a Docker configuration: expected JSON like {"auths": {"registry.example.com": {"auth": "…"}}}; create it with kubectl create secret docker-registry',
    };
  }
  const credentials: Credential[] = [];
  for (const [key, entry] of Object.entries(config.data.auths)) {
    const login = loginOf(entry);
    if (login === undefined) {
      return {
        ok: false,
        message: `its entry for ${key.slice(0, 253)} has neither a readable auth, nor username and password, nor a token`,
      };
    }
    credentials.push(new SecretCredential(placeOf(key), login, from));
  }
  return { ok: true, credentials };
}

/** Stands for credentials that should be there. `problem` says what to do, such as "Secret a/b is missing: create it". */
export function missingCredential(problem: string): Credential {
  return {
    // What it sees is what everybody sees.
    fingerprint: ANONYMOUS,
    rank: () => -2,
    login: () => Promise.resolve(undefined),
    hint: `without credentials: ${problem}`,
    missing: true,
  };
}

export const ANONYMOUS = "anonymous";

/** The credential that fits the repository most closely; the first one among equals. */
export function selectCredential(
  credentials: Credentials,
  registry: string,
  repository: string,
): Credential | undefined {
  return credentials
    .flatMap((credential) => {
      const rank = credential.rank(registry, repository);
      return rank === undefined ? [] : { credential, rank };
    })
    .sort((a, b) => b.rank - a.rank)[0]?.credential;
}

interface Place {
  readonly host: string;
  /** Path segments below the host; empty for all of it. */
  readonly path: readonly string[];
}

/** What an entry of a Secret holds for a part of a registry. */
class SecretCredential implements Credential {
  readonly hint: string;
  readonly #place: Place;
  readonly #login: Login;

  constructor(place: Place, login: Login, from: string) {
    this.hint = `with the given credentials; check ${from}`;
    this.#place = place;
    this.#login = login;
  }

  get fingerprint(): string {
    return createHash("sha256").update(JSON.stringify(this.#login)).digest("hex");
  }

  rank(registry: string, repository: string): number | undefined {
    const { host, path } = this.#place;
    const segments = repository.split("/");
    const fits = matchesHost(host, registry) && path.every((segment, at) => segment === segments[at]);
    return fits ? path.length : undefined;
  }

  login(): Promise<Login> {
    return Promise.resolve(this.#login);
  }
}

/** As the kubelet does: `*` stands for a part of one label, so *.example.com is not a.b.example.com. */
function matchesHost(pattern: string, registry: string): boolean {
  const [labels, actual] = [pattern.split("."), registry.split(".")];
  return labels.length === actual.length && labels.every((label, at) => matchesSegment(label, actual[at] ?? ""));
}

function placeOf(key: string): Place {
  const [host = "", ...path] = key
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .split("/")
    .filter((segment) => segment !== "");
  // What docker login writes for a registry as a whole ends in the version of its API.
  if (path.length === 1 && /^v[12]$/.test(path[0] ?? "")) path.pop();
  return { host: dockerHubHosts.includes(host) ? "docker.io" : host, path };
}

const dockerHubHosts = ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

/** What goes into a header or a form: nothing that could end it. */
const tokenPattern = /^[\x21-\x7e]{1,65536}$/;

/** A token counts before a password, as for the clients that write both: the user name is then no name. */
function loginOf({
  auth,
  username,
  password,
  identitytoken,
  registrytoken,
}: z.output<typeof Entry>): Login | undefined {
  if (registrytoken !== undefined && registrytoken !== "") {
    return tokenPattern.test(registrytoken) ? { kind: "Bearer", token: registrytoken } : undefined;
  }
  if (identitytoken !== undefined && identitytoken !== "") {
    return tokenPattern.test(identitytoken) ? { kind: "RefreshToken", token: identitytoken } : undefined;
  }
  if (username !== undefined && password !== undefined) return basicLogin(username, password);
  const decoded = Buffer.from(auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 1 ? undefined : basicLogin(decoded.slice(0, colon), decoded.slice(colon + 1));
}

export function basicLogin(username: string, password: string): Login {
  return { kind: "Basic", authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
