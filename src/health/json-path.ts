/** A way into a JSON value, such as outputs[0].data. Names hold letters, digits, _ and -. */
const pathPattern = /^[A-Za-z_][A-Za-z0-9_-]*(\[[0-9]{1,6}\])*(\.[A-Za-z_][A-Za-z0-9_-]*(\[[0-9]{1,6}\])*)*$/;

export function isJsonPath(text: string): boolean {
  return text.length <= 256 && pathPattern.test(text);
}

/** What is at a path; undefined where there is nothing. */
export function atPath(value: unknown, path: string): unknown {
  let found = value;
  for (const [, name, index] of path.matchAll(/([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]/g)) {
    if (typeof found !== "object" || found === null) return undefined;
    if (index !== undefined) {
      if (!Array.isArray(found)) return undefined;
      found = (found as readonly unknown[])[Number(index)];
    } else if (name !== undefined) {
      // Not what every object inherits, nor what every list has.
      found =
        !Array.isArray(found) && Object.hasOwn(found, name)
          ? (found as Readonly<Record<string, unknown>>)[name]
          : undefined;
    }
  }
  return found;
}
