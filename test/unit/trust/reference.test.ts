import assert from "node:assert/strict";
import fc from "fast-check";
import { matchesPattern, matchesSegment, parseReference } from "../../../src/trust/index.ts";

const hex = "0123456789abcdef".repeat(4);

describe("references", () => {
  const valid: readonly (readonly [text: string, name: string, tag?: string | undefined, digest?: string])[] = [
    ["nginx", "docker.io/library/nginx"],
    ["nginx:1.27", "docker.io/library/nginx", "1.27"],
    ["team/model", "docker.io/team/model"],
    ["docker.io/nginx", "docker.io/library/nginx"],
    ["index.docker.io/nginx", "docker.io/library/nginx"],
    ["docker.io/team/model:v1", "docker.io/team/model", "v1"],
    ["localhost/model", "localhost/model"],
    ["localhost:5000/model:v1", "localhost:5000/model", "v1"],
    ["registry.example.com/models/iris:v1", "registry.example.com/models/iris", "v1"],
    ["Registry.Example.COM/models/iris", "registry.example.com/models/iris"],
    ["registry.test:5000", "docker.io/library/registry.test", "5000"],
    ["registry.test:5000/a/b/c", "registry.test:5000/a/b/c"],
    [`registry.test:5000/a@sha256:${hex}`, "registry.test:5000/a", undefined, `sha256:${hex}`],
    [`registry.test:5000/a:v1@sha256:${hex}`, "registry.test:5000/a", "v1", `sha256:${hex}`],
    ["127.0.0.1:5000/a_b/c__d/e-f.g", "127.0.0.1:5000/a_b/c__d/e-f.g"],
  ];
  for (const [text, name, tag, digest] of valid) {
    it(`takes ${text.slice(0, 60)}`, () => {
      const parsed = parseReference(text);
      assert.ok(parsed.ok);
      assert.deepEqual([parsed.reference.name, parsed.reference.tag, parsed.reference.digest], [name, tag, digest]);
      assert.equal(`${parsed.reference.registry}/${parsed.reference.repository}`, name);
    });
  }

  const invalid = [
    "",
    "/model",
    "registry.test/",
    "REGISTRY/models/iris",
    "registry.test/Models/iris",
    "registry.test/models/iris:",
    "registry.test/models//iris",
    "registry.test/models/../iris",
    "registry.test/models/iris@",
    "registry.test/models/iris@sha256:abc",
    `registry.test/models/iris@sha256:${hex.toUpperCase()}`,
    `registry.test/models/iris@sha512:${hex}${hex}`,
    `registry.test/models/iris@sha256:${hex}@sha256:abc`,
    `registry.test/models/iris:v1:v2`,
    "registry.test:port/models/iris",
    "registry.test/models/iris v1",
    "user@registry.test/models/iris",
    "https://registry.test/models/iris",
    "registry.test/models/a___b",
    "registry.test/-models",
    `registry.test/${"a".repeat(255)}`,
    `registry.test/a:${"t".repeat(129)}`,
    "registry.test/models/iris\n",
    "a".repeat(2000),
  ];
  for (const text of invalid) {
    it(`refuses "${text.slice(0, 60)}" and says why`, () => {
      const parsed = parseReference(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.message, /is not a valid reference: ./);
    });
  }

  it("finds the same artifact in what it wrote, and throws on no text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/@_-]{0,80}$/)), (text) => {
        const parsed = parseReference(text);
        if (!parsed.ok) return;
        const { name, tag, digest } = parsed.reference;
        const again = parseReference(
          `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`,
        );
        assert.deepEqual(again, parsed);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("patterns", () => {
  const cases: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
    ["r.io/models/iris", "r.io/models/iris", true],
    ["r.io/models/iris", "r.io/models/iris2", false],
    ["r.io/models/iris", "xr.io/models/iris", false],
    ["r.io/models/*", "r.io/models/iris", true],
    ["r.io/models/*", "r.io/models/a/iris", false],
    ["r.io/models/*", "r.io/models", false],
    ["r.io/models/ir*s", "r.io/models/iris", true],
    ["r.io/models/ir*s", "r.io/models/irs", true],
    ["r.io/models/ir*s", "r.io/models/irises-x", false],
    ["r.io/models/**", "r.io/models/iris", true],
    ["r.io/models/**", "r.io/models/a/b/c", true],
    ["r.io/models/**", "r.io/models", true],
    ["r.io/models/**", "r.io/modelsx/iris", false],
    ["r.io/models/**", "r.io.evil.com/models/iris", false],
    ["r.io/**/iris", "r.io/iris", true],
    ["r.io/**/iris", "r.io/a/b/iris", true],
    ["r.io/**/iris", "r.io/a/b/iris/c", false],
    ["**", "r.io/a", true],
    ["*/a", "r.io/a", true],
    ["*.io/a", "r.io/a", true],
    ["*", "r.io/a", false],
    ["r.io/a**b/c", "r.io/axxb/c", true],
    ["r.io/a**b/c", "r.io/a/b/c", false],
    ["r.io/m.dels/x", "r.io/models/x", false],
    ["", "r.io/a", false],
  ];
  for (const [pattern, name, matches] of cases) {
    it(`${pattern} ${matches ? "matches" : "does not match"} ${name}`, () =>
      assert.equal(matchesPattern(pattern, name), matches));
  }

  const segment = fc.stringMatching(/^[a-z0-9*]{1,6}$/);
  const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));

  it("agrees with the obvious regular expression on short texts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "*", "ab*", "**"), { maxLength: 4 }),
        fc.array(fc.constantFrom("a", "b", "ab", "aab"), { maxLength: 4 }),
        (pattern, name) => {
          const source = pattern
            .map((part) => (part === "**" ? "(?:/[^/]*)*" : `/${part.replaceAll("*", "[^/]*")}`))
            .join("");
          const expected = new RegExp(`^${source}$`).test(name.map((part) => `/${part}`).join(""));
          if (pattern.length > 0 && name.length > 0)
            assert.equal(matchesPattern(pattern.join("/"), name.join("/")), expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("matches itself, and everything by **", () => {
    fc.assert(
      fc.property(path, (name) => {
        assert.ok(matchesPattern(name, name));
        assert.ok(matchesPattern("**", name));
        assert.ok(matchesPattern(`${name}/**`, `${name}/x/y`));
      }),
    );
  });

  it("takes no long time on any pattern of the longest length", () => {
    const started = performance.now();
    for (const pattern of ["*a".repeat(256), "**/".repeat(170) + "b", `${"*".repeat(511)}b`, "a*".repeat(256)]) {
      matchesPattern(pattern, `${"a".repeat(250)}/${"a/".repeat(120)}c`);
      matchesSegment(pattern, "a".repeat(255));
    }
    assert.ok(performance.now() - started < 500);
  });
});
