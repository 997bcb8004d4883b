import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { mannWhitney, median } from "../../../src/health/index.ts";

interface Case {
  readonly first: number[];
  readonly second: number[];
  readonly u: number;
  readonly pGreater: number;
}

const file = new URL("../../vectors/statistics/mann-whitney.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { readonly cases: readonly Case[] };
const sample = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 });

describe("the Mann-Whitney test", () => {
  it("says what scipy says", () => {
    assert.ok(cases.length > 80);
    for (const { first, second, u, pGreater } of cases) {
      const found = mannWhitney(first, second);
      assert.equal(found.u, u);
      assert.ok(
        Math.abs(found.pGreater - pGreater) < 1e-6,
        `${first.length} and ${second.length}: ${found.pGreater} is not ${pGreater} (${found.method})`,
      );
    }
  });

  it("counts out the largest exact samples without rounding", () => {
    const up = Array.from({ length: 20 }, (_, index) => index);
    const { pGreater } = mannWhitney(
      up.map((value) => value + 100),
      up,
    );
    assert.ok(Math.abs(pGreater * 137_846_528_820 - 1) < 1e-9);
  });

  it("finds nothing in equal values, and needs values", () => {
    assert.equal(mannWhitney([1, 1, 1], [1, 1]).pGreater, 1);
    assert.throws(() => mannWhitney([], [1]), RangeError);
    assert.throws(() => mannWhitney([NaN], [1]), RangeError);
  });

  it("has all pairs on one side or the other", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const [ab, ba] = [mannWhitney(a, b), mannWhitney(b, a)];
        assert.equal(ab.u + ba.u, a.length * b.length);
        assert.ok(ab.pGreater >= 0 && ab.pGreater <= 1 + 1e-12);
      }),
    );
  });

  it("does not mind the order of a sample", () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => assert.deepEqual(mannWhitney(a.toReversed(), b), mannWhitney(a, b))),
    );
  });

  it("has a median", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });
});
