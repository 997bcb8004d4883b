import assert from "node:assert/strict";
import fc from "fast-check";
import type { Look } from "../../../src/health/index.ts";
import { Guardian, gauss, random } from "./support.ts";

type Trace = readonly (number | Look)[];
const noData: Look = { kind: "NoData" };
const trace = (length: number, at: (index: number) => number | Look): Trace =>
  Array.from({ length }, (_, index) => at(index));

function flipsOf(states: readonly string[]): number {
  const told = states.filter((state) => state === "Healthy" || state === "Unhealthy");
  return told.filter((state, index) => index > 0 && state !== told[index - 1]).length;
}

/** The looks until it is held to be bad; Infinity where it never is. */
function looksUntilBad(states: readonly string[], from: number): number {
  const found = states.indexOf("Unhealthy");
  return found === -1 ? Infinity : found - from + 1;
}

describe("replayed traces", () => {
  it("find a step within three looks, and flip once", () => {
    const states = new Guardian().states(trace(60, (index) => (index < 20 ? 0.01 : 0.5)));
    assert.equal(looksUntilBad(states, 20), 3);
    assert.equal(flipsOf(states), 1);
  });

  it("find a slow drift once it is over the threshold", () => {
    const states = new Guardian().states(trace(120, (index) => 0.01 + index * 0.001));
    // Over 0.05 from look 41 on.
    assert.equal(looksUntilBad(states, 41), 3);
    assert.equal(flipsOf(states), 1);
  });

  it("flip once at most under oscillation, however fast", () => {
    for (const period of [1, 2, 3, 4, 5, 6, 8, 12]) {
      const states = new Guardian().states(trace(200, (index) => (index % (2 * period) < period ? 0.12 : 0.03)));
      assert.ok(flipsOf(states) <= 1, `period ${period}: ${flipsOf(states)} flips`);
    }
  });

  it("never hold a gap to be good or bad", () => {
    const states = new Guardian().states(trace(60, (index) => (index < 20 || index >= 40 ? 0.01 : noData)));
    assert.deepEqual([...new Set(states.slice(25, 40))], ["Unknown"]);
    assert.ok(!states.includes("Unhealthy"));
    assert.equal(states.at(-1), "Healthy");
  });

  /** Of 1,000 traces of 100 looks, those that are held to be bad; the noise is so many standard deviations below the maximum. */
  function falseAlarms(deviations: number): number {
    let count = 0;
    for (let seed = 0; seed < 1_000; seed++) {
      const next = random(seed);
      const states = new Guardian().states(trace(100, () => 0.05 - 0.01 * deviations + 0.01 * gauss(next)));
      if (states.includes("Unhealthy")) count++;
    }
    return count;
  }

  it("hold noise to be bad in 1 of 100 traces at two standard deviations, in none at three", () => {
    const [two, three] = [falseAlarms(2), falseAlarms(3)];
    assert.ok(two <= 12, `${two} of 1,000`);
    assert.equal(three, 0);
  });

  it("flip once at most with noise around the threshold", () => {
    for (let seed = 0; seed < 200; seed++) {
      const next = random(seed);
      const states = new Guardian().states(trace(200, () => Math.max(0, 0.05 + 0.01 * gauss(next))));
      assert.ok(flipsOf(states) <= 1, `seed ${seed}: ${flipsOf(states)} flips`);
    }
  });

  it("are never healthy while most of the newest looks have no value", () => {
    const look = fc.oneof(
      { weight: 3, arbitrary: fc.double({ min: 0, max: 0.1, noNaN: true }) },
      { weight: 2, arbitrary: fc.constant(noData) },
    );
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 60 }), (looks) => {
        const guardian = new Guardian();
        looks.forEach((look, index) => {
          const { state } = guardian.look(look);
          const newest = looks.slice(Math.max(0, index - 4), index + 1);
          if (newest.filter((one) => typeof one !== "number").length >= 3) assert.notEqual(state, "Healthy");
        });
      }),
    );
  });

  it("never call bad what was never bad", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double({ min: 0, max: 0.05, noNaN: true }), fc.constant(noData))), (looks) => {
        assert.ok(!new Guardian().states(looks).includes("Unhealthy"));
      }),
    );
  });
});
