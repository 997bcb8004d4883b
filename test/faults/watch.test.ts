import assert from "node:assert/strict";
import { clientNode } from "./watch/client-node.ts";
import { fluentClient } from "./watch/fluent-client.ts";
import { ours } from "./watch/ours.ts";
import { complaintsOf, tableOf } from "./watch/summary.ts";
import { runTrials } from "./watch/trials.ts";

const firstSeed = Number(process.env["FAULTS_SEED"] ?? 1);
const count = Number(process.env["FAULTS_SCHEDULES"] ?? 200);
/** Of the peers, only that they can be tried at all: the long form compares. */
const peerCount = 20;

describe("watches with faults", function () {
  this.timeout(300_000);

  it(`follow ${count} schedules: nothing missed, nothing made up, within 2 s after the last fault`, async () => {
    const trials = await runTrials(ours, { firstSeed, count, atOnce: 16 });
    console.log(`      timers late by ${trials.lagMs.toFixed(0)} ms (p99)`);
    console.log(tableOf([trials]).replaceAll(/^/gm, "      "));
    assert.equal(trials.outcomes.length, count);
    assert.deepEqual(complaintsOf(trials.outcomes, 2_000), []);
  });

  for (const contestant of [fluentClient, clientNode])
    it(`can be tried with ${contestant.name}`, async () => {
      const trials = await runTrials(contestant, { firstSeed: 1, count: peerCount, atOnce: peerCount });
      console.log(tableOf([trials]).replaceAll(/^/gm, "      "));
      assert.ok(trials.outcomes.some(({ convergedMs }) => convergedMs !== undefined));
    });
});
