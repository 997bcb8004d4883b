import fc from "fast-check";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** At the place that the numbers choose, step by step down an object: something else, or nothing. */
export interface Mutation {
  readonly way: readonly number[];
  readonly value: Json | undefined;
}

/** Of the right form more often than random text would be. */
const plausible = fc.constantFrom<Json>(
  ...["", "iris", "shop", "0s", "5m", "1000000h", "2036-01-01T00:00:00Z", "9999-99-99T99:99:99Z", "Deployment"],
  ...[
    "InferenceService",
    "Canary",
    "Enforce",
    "__proto__",
    "constructor",
    "a/b",
    "../..",
    "registry.example/models/iris:v9",
  ],
  ...[
    `registry.example/x@sha256:${"8".repeat(64)}`,
    `sha256:${"8".repeat(64)}`,
    "sha256:",
    "\u0000",
    "x".repeat(5_000),
  ],
  ...[0, -1, 1, 0.5, 2 ** 31, 2 ** 53, Number.MAX_VALUE, true, false, null],
);

const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 5, arbitrary: plausible },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.array(plausible, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom("name", "key", "oci", "spec", "labels", "__proto__"), plausible),
  },
);

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  way: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 8 }),
  value: fc.option(value, { nil: undefined, freq: 4 }),
});

/** A copy that is changed below one of the parts. */
export function mutated<T extends object>(object: T, parts: readonly string[], { way, value: wanted }: Mutation): T {
  const copy = structuredClone(object) as Record<string, unknown>;
  let parent = copy;
  let key = parts[(way[0] ?? 0) % parts.length] ?? "spec";
  for (const step of way.slice(1)) {
    const child = parent[key];
    if (typeof child !== "object" || child === null) break;
    const keys = Object.keys(child);
    if (keys.length === 0) break;
    parent = child as Record<string, unknown>;
    key = keys[step % keys.length] ?? "";
  }
  if (wanted === undefined) Reflect.deleteProperty(parent, key);
  else Object.defineProperty(parent, key, { value: wanted, enumerable: true, writable: true, configurable: true });
  return copy as T;
}

/** What a reconcile function may end with is said to whoever retries; these are mistakes in the program. */
export function isMistake(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError
  );
}
