/** Says whether a host is on a list that the administrator wrote: "host", "host:port" or "*.domain". */
export type HostList = (url: URL) => boolean;

export function hostList(entries: readonly string[]): HostList {
  const exact = new Set(entries.map((entry) => entry.toLowerCase()));
  const suffixes = [...exact].filter((entry) => entry.startsWith("*.")).map((entry) => entry.slice(1));
  return (url) =>
    exact.has(url.hostname) ||
    exact.has(`${url.hostname}:${portOf(url)}`) ||
    suffixes.some((suffix) => url.hostname.endsWith(suffix));
}

/** The port of a URL, also where it is the scheme's own and so not written. */
export function portOf(url: URL): string {
  if (url.port !== "") return url.port;
  return url.protocol === "http:" ? "80" : "443";
}
