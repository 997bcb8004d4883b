import assert from "node:assert/strict";
import fc from "fast-check";
import { parseQuantity, quantityText, sameQuantity } from "../../../../src/isolation/walls/quantity.ts";

describe("quantities", () => {
  for (const [a, b] of [
    ["2", "2000m"],
    ["0.5", "500m"],
    ["1Gi", "1073741824"],
    ["1024Ki", "1Mi"],
    ["1e3", "1k"],
    ["1E", "1000P"],
    ["1.5Gi", "1536Mi"],
    ["0.1", "100m"],
    ["1000u", "1m"],
  ] as const)
    it(`${a} is ${b}`, () => {
      assert.ok(sameQuantity(a, b));
    });

  it("tells different ones apart, and compares what is none as text", () => {
    assert.ok(!sameQuantity("1G", "1Gi"));
    assert.ok(!sameQuantity("1", "1m"));
    for (const text of ["", "x", "1x", "-1", "1.2.3", "Ki", "1K"]) assert.equal(parseQuantity(text), undefined);
    assert.ok(sameQuantity("x", "x"));
    assert.ok(!sameQuantity("x", "1"));
  });

  it("keeps the order of numbers, and rounds up", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.bigInt({ min: 0n, max: 10n ** 12n }), (a, b) => {
        const [one, other] = [parseQuantity(`${a}m`) ?? -1n, parseQuantity(`${b}m`) ?? -1n];
        assert.equal(one < other, a < b);
        assert.ok(sameQuantity(quantityText(one), `${a}m`));
      }),
    );
    assert.equal(parseQuantity("0.0000000001"), 1n);
  });
});
