import { SECRET_USE_LABEL } from "../api/index.ts";
import type { KubeObject } from "../kube/index.ts";
import { type Look, errorLook } from "./look.ts";

/** Of a Secret that is there to be sent to a metrics server. */
export const SECRET_USE = "prometheus";

export interface LoginSecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * The value of the Authorization header that a Secret holds: `token`, or `username` and `password`. No message repeats any of
 * it. Pure.
 */
export function authorizationOf(
  name: string,
  secret: LoginSecret | undefined,
): { readonly authorization: string } | { readonly look: Look } {
  const unusable = (message: string) => ({ look: errorLook("SecretUnusable", `Secret ${name} ${message}`) });
  if (secret === undefined) return unusable("is not there: create it, with token, or username and password");
  // Who may write a model must not be able to have any Secret sent to any address.
  if (secret.metadata.labels?.[SECRET_USE_LABEL] !== SECRET_USE)
    return unusable(`has no label ${SECRET_USE_LABEL}: ${SECRET_USE}: set it where the Secret is for that`);
  const [token, username, password] = ["token", "username", "password"].map((key) => textOf(secret.data?.[key]));
  if (token !== undefined && token !== "") {
    return isHeaderText(token)
      ? { authorization: `Bearer ${token}` }
      : unusable("holds a token with line breaks or signs that no header holds");
  }
  if (username === undefined || password === undefined)
    return unusable("holds neither token nor username and password");
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

function textOf(data: string | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data, "base64").toString("utf8").trim();
}

function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
