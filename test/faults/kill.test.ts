import assert from "node:assert/strict";
import { acts, live, strategies } from "./lifecycle.ts";

/** 1: at each write. */
const every = Number(process.env["FAULTS_EVERY"] ?? 5);

describe(`a model's whole life, killed at ${every === 1 ? "each write" : `one of ${every} writes`} of each of its ${acts.length} acts`, function () {
  this.timeout(1_200_000);

  Object.entries(strategies).forEach(([name, strategy], index) => {
    it(`is the same after each act: ${name}`, async () => {
      const calm = await live(strategy);
      const most = Math.max(...calm.counts);
      assert.ok(
        calm.counts.every((count) => count > 0),
        `acts without a write: ${calm.counts.join(" ")}`,
      );
      let kills = 0;
      for (let write = 1 + (index % every); write <= most; write += every)
        for (const when of ["before", "after"] as const) {
          const { ends } = await live(strategy, { when, write });
          for (const [at, end] of ends.entries())
            assert.deepEqual(end, calm.ends[at], `${name}, killed ${when} write ${write} of each act`);
          kills += calm.counts.filter((count) => count >= write).length;
        }
      const writes = calm.counts.reduce((sum, count) => sum + count, 0);
      console.log(`      ${writes} writes (${calm.counts.join(" ")}), killed ${kills} times`);
    });
  });
});
