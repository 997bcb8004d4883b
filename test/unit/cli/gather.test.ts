import assert from "node:assert/strict";
import { countReady } from "../../../src/cli/preflight/gather.ts";

describe("the ready endpoints of an EndpointSlice", () => {
  const table: readonly (readonly [string, object, number])[] = [
    ["none, as the API server says it", { endpoints: null }, 0],
    ["none, left out", {}, 0],
    ["one that is ready", { endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }] }, 1],
    ["two of which nothing is said", { endpoints: [{ conditions: {} }, {}] }, 2],
    ["one of two", { endpoints: [{ conditions: { ready: false } }, { conditions: { ready: true } }] }, 1],
  ];
  for (const [what, slice, count] of table)
    it(`${what}: ${count}`, () => {
      assert.equal(countReady(slice), count);
    });
});
