import assert from "node:assert/strict";
import fc from "fast-check";
import { type Endpoint, type Protocol, type ReachIndex, evaluate } from "../../../src/reach/index.ts";
import { attemptsOf, cluster, objectsOf } from "./support/arbitraries.ts";
import { type Attempt, type Cluster, type Party, bruteForce } from "./support/brute-force.ts";
import { indexOf } from "./support/raw.ts";

function endOf(index: ReachIndex, party: Party): Endpoint {
  if (typeof party === "string") return { address: party };
  const pod = index.pod(party.metadata.namespace ?? "", party.metadata.name);
  assert.ok(pod !== undefined);
  return { pod };
}

function outcomeOf(index: ReachIndex, { from, to, protocol, port }: Attempt) {
  return evaluate(index, { from: endOf(index, from), to: endOf(index, to), protocol: protocol as Protocol, port });
}

describe("reach: evaluate", () => {
  it("says of every connection what a naive reading of the specification says", () => {
    const seen = { Allowed: 0, Denied: 0, Unknown: 0 };
    const holds = (world: Cluster, sample: number): void => {
      const index = indexOf(objectsOf(world));
      for (const [at, attempt] of attemptsOf(world).entries()) {
        if (at % 7 !== sample) continue;
        const { outcome, why, by } = outcomeOf(index, attempt);
        const expected = bruteForce(world, attempt);
        seen[expected] += 1;
        assert.equal(outcome, expected, `${JSON.stringify(attempt)}: ${why}; ${JSON.stringify(by)}`);
      }
    };
    fc.assert(fc.property(cluster, fc.nat(6), holds), { numRuns: 400 });
    // No outcome is so rare that it would not be tried.
    for (const count of Object.values(seen)) assert.ok(count > 100, JSON.stringify(seen));
  }).timeout(60_000);
});
