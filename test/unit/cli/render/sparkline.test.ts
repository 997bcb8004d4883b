import assert from "node:assert/strict";
import { sparkline } from "../../../../src/cli/render/sparkline.ts";

describe("a sparkline", () => {
  const table: readonly (readonly [string, readonly (number | undefined)[], string])[] = [
    ["nothing", [], ""],
    ["the lowest is the lowest bar", [0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"],
    ["one value for all", [5, 5, 5], "▄▄▄"],
    ["what has no value", [undefined, 1, undefined, 2], "·▁·█"],
    ["no value at all", [undefined, undefined], "··"],
    ["below zero", [-2, -1, 0], "▁▅█"],
    ["a span that is no number", [-Number.MAX_VALUE, Number.MAX_VALUE], "▄▄"],
  ];
  for (const [what, values, text] of table) it(what, () => assert.equal(sparkline(values), text));

  it("has the newest values, at most 40", () => {
    const values = Array.from({ length: 60 }, (_, index) => index);
    assert.equal(sparkline(values).length, 40);
    assert.equal(sparkline([9, 0, 1], 2), "▁█");
  });
});
