/** A URL that somebody else wrote; undefined where it is none. `URL.parse` is missing in Node 20. */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
