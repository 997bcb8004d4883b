/**
 * Matches a pattern over the normalised name of an artifact: `*` matches within one path segment, `**` as a whole
 * segment matches any number of segments, none included. The cost is bounded by the product of the two lengths: no
 * pattern makes it explode.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  return glob(pattern.split("/"), name.split("/"), {
    isStar: (part) => part === "**",
    equal: matchesSegment,
  });
}

/** Matches one segment, such as the name of a namespace: `*` stands for any characters. */
export function matchesSegment(pattern: string, text: string): boolean {
  return glob(pattern, text, { isStar: (part) => part === "*", equal: (part, actual) => part === actual });
}

interface Rules {
  readonly isStar: (part: string) => boolean;
  readonly equal: (part: string, actual: string) => boolean;
}

/** Greedy: on a mismatch the last star takes one element more; an earlier star never needs to be tried again. */
function glob(pattern: ArrayLike<string>, text: ArrayLike<string>, { isStar, equal }: Rules): boolean {
  let p = 0;
  let t = 0;
  let retry: { readonly p: number; t: number } | undefined;
  while (t < text.length) {
    const part = pattern[p];
    if (part !== undefined && isStar(part)) {
      retry = { p: ++p, t };
    } else if (part !== undefined && equal(part, text[t] ?? "")) {
      p++;
      t++;
    } else if (retry !== undefined) {
      p = retry.p;
      t = ++retry.t;
    } else {
      return false;
    }
  }
  while (p < pattern.length && isStar(pattern[p] ?? "")) p++;
  return p === pattern.length;
}
