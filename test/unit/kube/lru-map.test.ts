import assert from "node:assert/strict";
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
});
