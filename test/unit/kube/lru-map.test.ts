import assert from "node:assert/strict";
import fc from "fast-check";
import { LruMap } from "../../../src/kube/lru-map.ts";

describe("bounded map", () => {
  it("drops what was not used for the longest time", () => {
    const map = new LruMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    assert.equal(map.get("a"), 1);
    map.set("c", 3);
    assert.equal(map.size, 2);
    assert.deepEqual([map.get("a"), map.get("b"), map.get("c")], [1, undefined, 3]);
    map.set("a", 4);
    assert.deepEqual([...map.values()].sort(), [3, 4]);
  });

  it("never holds more than its weight, whatever is done", () => {
    const action = fc.record({
      key: fc.constantFrom("a", "b", "c", "d"),
      weight: fc.integer({ min: 1, max: 6 }),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const map = new LruMap<string, number>(10);
        const weights = new Map<string, number>();
        for (const { key, weight, remove } of actions) {
          if (remove) map.delete(key);
          else map.set(key, weight, weight);
          weights.set(key, weight);
          const held = ["a", "b", "c", "d"].map((each) => map.get(each) ?? 0);
          assert.ok(held.reduce((sum, each) => sum + each, 0) <= 10);
          if (!remove) assert.equal(map.get(key), weight);
        }
      }),
    );
  });

  it("does not keep what is heavier than all it may hold", () => {
    const map = new LruMap<string, number>(10);
    map.set("a", 1, 11);
    assert.equal(map.get("a"), undefined);
    assert.equal(map.size, 0);
  });
});
