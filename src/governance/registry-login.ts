import { z } from "zod";
import type { Egress, EgressRequest, EgressResponse } from "../egress/index.ts";
import { StoreError } from "./store.ts";

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
});
const DockerConfig = z.object({ auths: z.record(z.string(), Entry).default({}) });
const Token = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * What a `.dockerconfigjson` holds for a registry, as the value of an Authorization header; undefined where it holds none.
 * Its entry may name the registry alone or one repository of it; the longest that fits counts.
 * @throws StoreError `Refused` when the text is no such configuration. It repeats nothing of it.
 */
export function basicLogin(text: string, registry: string, repository: string): string | undefined {
  const parsed = DockerConfig.safeParse(parseJson(text));
  if (!parsed.success) {
    const hint = "make it with kubectl create secret docker-registry";
    throw new StoreError("Refused", `the login of the evidence repository is not a Docker configuration: ${hint}`);
  }
  const place = `${registry}/${repository}/`;
  const [best] = Object.entries(parsed.data.auths)
    .map(([key, entry]) => [key.replace(/^https?:\/\//, "").replace(/(\/v[12])?\/?$/, ""), entry] as const)
    .filter(([key]) => place.startsWith(`${key}/`))
    .sort(([a], [b]) => b.length - a.length);
  if (best === undefined) return undefined;
  const [, { auth, username, password }] = best;
  if (username !== undefined && password !== undefined)
    return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  // It goes into a header.
  return auth !== undefined && /^[A-Za-z0-9+/=]+$/.test(auth) ? `Basic ${auth}` : undefined;
}

export interface LoginRequest {
  /** The answer that asked for it, with status 401. */
  readonly refused: EgressResponse<unknown>;
  readonly repository: string;
  readonly actions: "pull" | "pull,push";
  readonly basic: string | undefined;
  readonly signal: AbortSignal;
}

/** The Authorization that a registry asks for: Basic, or a token of the server it names. Undefined when there is none. */
export async function logIn(egress: Egress, request: LoginRequest): Promise<string | undefined> {
  const { refused, basic, repository, actions, signal } = request;
  const challenge = (refused.headers.get("www-authenticate") ?? "").slice(0, 8192);
  const parameter = (name: string) => new RegExp(`[\\s,]${name}="([^"]*)"`, "i").exec(challenge)?.[1];
  const realm = /\bbearer\s/i.test(challenge) ? parameter("realm") : undefined;
  if (realm === undefined) return /\bbasic\b/i.test(challenge) ? basic : undefined;
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  // A login that is meant for a registry with TLS does not leave in the clear.
  if (url === undefined || (refused.url.protocol === "https:" && url.protocol !== "https:"))
    throw new StoreError("Refused", `${refused.url.host} names a token server without TLS; no login is sent there`);
  const service = parameter("service");
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${repository}:${actions}`);
  const ask: EgressRequest = { url, signal, headers: basic === undefined ? {} : { authorization: basic } };
  const answer = await egress.request(ask);
  const found = Token.safeParse(parseJson(answer.body.toString("utf8"))).data;
  const token = found?.token ?? found?.access_token;
  if (answer.status !== 200 || token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    const code = answer.status === 401 || answer.status === 403 ? "Refused" : "Unavailable";
    throw new StoreError(code, `the token server ${url.host} gave no token (HTTP ${answer.status})`);
  }
  return `Bearer ${token}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
