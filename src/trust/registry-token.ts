import { z } from "zod";
import type { Egress, EgressRequest, EgressResponse } from "../egress/index.ts";
import type { Login } from "./credentials.ts";
import { parseUrl } from "./parse-url.ts";
import { fromEgress, isRegistryError, RegistryError } from "./registry-error.ts";
import type { RegistryLane } from "./registry-gate.ts";

/** Who asks a token server for what. */
export interface TokenRequest {
  /** For messages, and to tell whether the registry itself is spoken to with TLS. */
  readonly registry: { readonly host: string; readonly isEncrypted: boolean };
  /** Of the registry's Bearer challenge. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly repository: string;
  readonly login: Login | undefined;
  /** The way to the token server's host. */
  readonly lane: (host: string) => RegistryLane;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** What an answer means that is not the one that was wanted. */
  readonly failure: (response: EgressResponse<unknown>, what: string) => RegistryError;
}

const Token = z.object({ token: z.string().min(1).optional(), access_token: z.string().min(1).optional() });
const maxTokenBytes = 256 * 1024;

/**
 * Gets a token from the server that a registry names (distribution's token and OAuth2 specifications). Whatever scope the
 * registry suggests, only the right to pull from this repository is asked for.
 * @returns the value of an Authorization header.
 */
export async function fetchToken(egress: Egress, request: TokenRequest): Promise<string> {
  const { registry, parameters, repository } = request;
  const realm = parseUrl(parameters.get("realm") ?? "");
  if (realm === undefined) {
    throw new RegistryError("Unavailable", `${registry.host} names a token server whose address is not a URL`);
  }
  // Credentials that are meant for a registry with TLS do not leave in the clear.
  if (registry.isEncrypted && realm.protocol !== "https:") {
    throw new RegistryError(
      "AddressDenied",
      `${registry.host} names a token server without TLS, ${realm.host}; no credentials are sent there`,
    );
  }
  const service = parameters.get("service");
  const wanted = { ...(service === undefined ? {} : { service }), scope: `repository:${repository}:pull` };
  const response = await ask(egress, request, callOf(realm, request.login, wanted));
  if (response.status !== 200) {
    // How OAuth2 says that the refresh token is not taken (RFC 6749 section 5.2).
    if (response.status === 400 && request.login?.kind === "RefreshToken") {
      const message = `${realm.host} does not take the identity token (HTTP 400); log in again and renew the Secret`;
      throw new RegistryError("Unauthorized", message);
    }
    // It is not the artifact that is missing, whatever the status.
    const error = request.failure(response, `a token from ${realm.host}`);
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

async function ask(
  egress: Egress,
  { lane: laneTo, signal, timeoutMs }: TokenRequest,
  call: EgressRequest & { readonly url: URL },
): Promise<EgressResponse<Buffer>> {
  const lane = laneTo(call.url.host);
  const leave = await lane.enter("exchanges", signal);
  try {
    const response = await egress.request({ ...call, maxBytes: maxTokenBytes, signal, deadlineMs: timeoutMs });
    lane.note(response);
    return response;
  } catch (error) {
    const known = fromEgress(error);
    throw isRegistryError(known, "TooLarge")
      ? new RegistryError("Unavailable", known.message, { cause: known })
      : known;
  } finally {
    leave();
  }
}

function callOf(
  realm: URL,
  login: Login | undefined,
  wanted: Readonly<Record<string, string>>,
): EgressRequest & { readonly url: URL } {
  if (login?.kind === "RefreshToken") {
    const form = { grant_type: "refresh_token", refresh_token: login.token, client_id: "mlsecops-operator", ...wanted };
    return {
      method: "POST",
      url: realm,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(form).toString(),
    };
  }
  const url = new URL(realm);
  for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value);
  return { url, headers: login?.kind === "Basic" ? { authorization: login.authorization } : {} };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
