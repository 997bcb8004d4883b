import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../../src/trust/index.ts";

describe("durations", () => {
  const cases: readonly (readonly [text: string, ms: number | undefined])[] = [
    ["10s", 10_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
    ["1m1ms", 60_001],
    ["24h", 86_400_000],
    ["0s", 0],
    ["", undefined],
    ["10", undefined],
    ["h", undefined],
    ["-1s", undefined],
    ["1.5h", undefined],
    ["1d", undefined],
    ["10s ", undefined],
  ];
  for (const [text, ms] of cases)
    it(`reads "${text}" as ${ms ?? "nothing"}`, () => assert.equal(parseDuration(text), ms));

  it("yields a number that a Date can take, or nothing", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^([0-9]{1,28}(ms|s|m|h)){1,3}$/), (text) => {
        const ms = parseDuration(text);
        assert.ok(ms === undefined || !Number.isNaN(new Date(ms).getTime()));
      }),
    );
  });

  it("is said as people say it", () => {
    assert.deepEqual([90_000, 600_000, 2 * 3_600_000, 72 * 3_600_000].map(formatDuration), [
      "90 s",
      "10 min",
      "2 h",
      "3 d",
    ]);
  });
});
