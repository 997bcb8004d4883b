import assert from "node:assert/strict";
import { mapBounded } from "../../../src/cli/pool.ts";
import { startProgress } from "../../../src/cli/progress.ts";

describe("work on many things", () => {
  it("is done a few at a time, with the results in order", async () => {
    let [running, most] = [0, 0];
    const results = await mapBounded([3, 1, 2, 5, 4], 2, async (item) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return item * 10;
    });
    assert.deepEqual([results, most], [[30, 10, 20, 50, 40], 2]);
    assert.deepEqual(await mapBounded([], 2, () => Promise.reject(new Error())), []);
  });

  it("ends where one of them fails", async () => {
    await assert.rejects(
      mapBounded([1, 2], 1, () => Promise.reject(new Error("no"))),
      /no/,
    );
  });

  it("says nothing of what is quick", () => {
    const said: string[] = [];
    const progress = startProgress({ out: () => undefined, err: (text) => void said.push(text) }, "things", 2);
    progress.step();
    progress.stop();
    assert.deepEqual(said, []);
  });
});
