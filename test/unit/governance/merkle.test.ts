import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { canonicalJson } from "../../../src/governance/canonical.ts";
import { merkleRoot } from "../../../src/governance/merkle.ts";
import { digest } from "./support/build.ts";

const head = (n: number) => ({ chain: `c${String(n).padStart(3, "0")}`, sequence: n, digest: digest(n) });

describe("the root of a checkpoint", () => {
  it("is that of RFC 9162", () => {
    const sha = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
    const leaf = (n: number) => sha(Buffer.from([0]), Buffer.from(canonicalJson(head(n))));
    const node = (a: Buffer, b: Buffer) => sha(Buffer.from([1]), a, b);
    const root = (bytes: Buffer) => `sha256:${bytes.toString("hex")}`;
    assert.equal(merkleRoot([]), root(sha()));
    assert.equal(merkleRoot([head(1)]), root(leaf(1)));
    assert.equal(merkleRoot([1, 2, 3].map(head)), root(node(node(leaf(1), leaf(2)), leaf(3))));
    const five = node(node(node(leaf(1), leaf(2)), node(leaf(3), leaf(4))), leaf(5));
    assert.equal(merkleRoot([1, 2, 3, 4, 5].map(head)), root(five));
  });

  it("does not depend on the order, and does on every head", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), (count, at) => {
        const heads = Array.from({ length: count }, (_, n) => head(n));
        const root = merkleRoot(heads);
        assert.equal(merkleRoot(heads.toReversed()), root);
        const other = heads.with(at % count, { ...head(at % count), digest: digest((at % count) + 1) });
        assert.notEqual(merkleRoot(other), root);
      }),
    );
  });
});

describe("canonical JSON", () => {
  it("is the same for the same value in any order of keys, and reads back as the value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        const reversed = JSON.parse(JSON.stringify(value), (_key, child: unknown) =>
          typeof child === "object" && child !== null && !Array.isArray(child)
            ? Object.fromEntries(Object.entries(child).reverse())
            : child,
        ) as unknown;
        assert.equal(canonicalJson(reversed), text);
        assert.equal(canonicalJson(JSON.parse(text)), text);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
