import { createHash } from "node:crypto";
import { z } from "zod";
import { matchesSegment } from "./pattern.ts";

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
});
const DockerConfig = z.object({ auths: z.record(z.string(), Entry) });

/** A user name and password for a part of a registry. Neither JSON nor an inspector shows the password. */
export class Credential {
  readonly host: string;
  /** Path segments below the host; empty for all of it. */
  readonly path: readonly string[];
  readonly #username: string;
  readonly #password: string;

  constructor(place: { readonly host: string; readonly path: readonly string[] }, username: string, password: string) {
    this.host = place.host;
    this.path = place.path;
    this.#username = username;
    this.#password = password;
  }

  /** The value of an Authorization header. */
  get basic(): string {
    return `Basic ${Buffer.from(`${this.#username}:${this.#password}`).toString("base64")}`;
  }

  /** Tells two credentials apart without showing either. Kept in memory only. */
  get fingerprint(): string {
    return createHash("sha256").update(this.basic).digest("hex");
  }
}

export type Credentials = readonly Credential[];

export type ParsedCredentials =
  { readonly ok: true; readonly credentials: Credentials } | { readonly ok: false; readonly message: string };

/** Parses `.dockerconfigjson` of a Secret of type kubernetes.io/dockerconfigjson. No message repeats any of it. */
export function parseDockerConfigJson(text: string): ParsedCredentials {
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
        message: `its entry for ${key.slice(0, 253)} has neither a readable auth nor username and password`,
      };
    }
    credentials.push(new Credential(placeOf(key), login.username, login.password));
  }
  return { ok: true, credentials };
}

/** The credential whose place is the most specific one that holds the repository. */
export function selectCredential(
  credentials: Credentials,
  registry: string,
  repository: string,
): Credential | undefined {
  const segments = repository.split("/");
  return credentials
    .filter(({ host, path }) => matchesHost(host, registry) && path.every((segment, at) => segment === segments[at]))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** As the kubelet does: `*` stands for a part of one label, so *.example.com is not a.b.example.com. */
function matchesHost(pattern: string, registry: string): boolean {
  const [labels, actual] = [pattern.split("."), registry.split(".")];
  return labels.length === actual.length && labels.every((label, at) => matchesSegment(label, actual[at] ?? ""));
}

function placeOf(key: string): { host: string; path: readonly string[] } {
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

function loginOf({
  auth,
  username,
  password,
}: z.output<typeof Entry>): { username: string; password: string } | undefined {
  if (username !== undefined && password !== undefined) return { username, password };
  const decoded = Buffer.from(auth ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  return colon < 1 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
