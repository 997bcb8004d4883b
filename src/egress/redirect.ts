import { EgressError } from "./egress-error.ts";

/** What proves who we are to one origin is nothing to another. */
const secretHeaders = new Set(["authorization", "cookie", "proxy-authorization"]);

/** An address as people write it; only https and http, and nothing secret in it. */
export function parseUrl(input: string | URL): URL {
  let url: URL;
  try {
    url = new URL(input);
  } catch (error) {
    throw new EgressError("InvalidUrl", "the address is not a valid URL", error);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new EgressError("InvalidUrl", `an address must start with https://, not ${url.protocol}`);
  }
  // The text is not repeated: it may hold a password.
  if (url.username !== "" || url.password !== "") {
    throw new EgressError(
      "InvalidUrl",
      `the address of ${url.host} holds a user name; give credentials in a Secret instead`,
    );
  }
  return url;
}

/** Where a redirect leads; never from https to plain http. */
export function redirectTarget(from: URL, location: string | string[]): URL {
  const [text = ""] = typeof location === "string" ? [location] : location;
  let next: URL;
  try {
    next = parseUrl(new URL(text, from));
  } catch (error) {
    throw new EgressError("RedirectDenied", `${from.host} redirects to an address that is not a valid URL`, error);
  }
  if (from.protocol === "https:" && next.protocol !== "https:") {
    throw new EgressError(
      "RedirectDenied",
      `${from.host} redirects from https to plain http at ${next.host}; that is never followed`,
    );
  }
  return next;
}

export function withoutSecrets(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !secretHeaders.has(name.toLowerCase())));
}
