/**
 * Order of two resource versions of one collection: negative, zero or positive; undefined when they cannot be compared.
 * Those of kube-apiserver are decimal numbers that grow (KEP-5504); an aggregated API may use something else.
 */
export function compareVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined || !isDecimal(a) || !isDecimal(b)) return undefined;
  // Without leading zeros the longer one is greater, and those of equal length compare as text. They may exceed 2^53.
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function isDecimal(version: string): boolean {
  return /^[1-9][0-9]*$/.test(version);
}
