import { createHash } from "node:crypto";

/** JSON with one spelling: keys sorted by code unit, no white space, what is undefined left out. For plain JSON values. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, child: unknown) => {
    if (typeof child !== "object" || child === null || Array.isArray(child)) return child;
    // Without a prototype, so that a key called __proto__ is a key like any other.
    const sorted = Object.create(null) as Record<string, unknown>;
    for (const [key, entry] of Object.entries(child).sort(([a], [b]) => (a < b ? -1 : 1))) sorted[key] = entry;
    return sorted;
  });
}

/** "sha256:" and hexadecimal digits. */
export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
