import assert from "node:assert/strict";
import type { Order } from "../../../src/actions/index.ts";
import { type LatchStatus, RollbackSpec, type SecureModel } from "../../../src/api/index.ts";
import { latchFor, latchedBy, standingLatch, withLatch } from "../../../src/serving/latch.ts";

const now = new Date("2026-03-02T12:00:00Z");
const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const rollback = { message: "revision iris-4 is unhealthy, back to iris-1: errors is 0.12" };
const latch: LatchStatus = { since: ago(1).toISOString(), reason: "RepeatedRollbacks", message: "3 rollbacks" };
const machine = "system:serviceaccount:argocd:controller";

let count = 0;
function order(type: Order["type"], hours: number, more: Partial<Order> = {}): Order {
  const base = { model: "iris", requestedBy: "jane@example.com", reason: "INC-4711, it was the feature store" };
  return { ...base, name: `order-${++count}`, type, at: ago(hours), ...more };
}

describe("the latch that repeated rollbacks set", () => {
  const table: readonly (readonly [
    what: string,
    hours: readonly number[],
    limit: number,
    orders: readonly Order[],
    latched: boolean,
  ])[] = [
    ["the first rollback", [], 3, [], false],
    ["the second of three", [5], 3, [], false],
    ["the third of three", [10, 5], 3, [], true],
    ["one more, while it is latched", [12, 10, 5], 3, [], true],
    ["at the first, where the spec says so", [], 1, [], true],
    ["others are a day old", [24, 25], 3, [], false],
    ["one is a day old", [24, 2], 3, [], false],
    ["others lie in the future of this clock", [-1, -2], 3, [], true],
    ["somebody has looked since", [10, 5], 3, [order("Resume", 4)], false],
    ["somebody has looked between them", [10, 5, 3], 3, [order("Resume", 6)], true],
    ["a machine says it has looked", [10, 5], 3, [order("Resume", 4, { requestedBy: machine })], true],
    ["a promotion is no look", [10, 5], 3, [order("Promote", 4, { revision: "iris-4" })], true],
  ];
  for (const [what, hours, limit, orders, latched] of table)
    it(what, () => {
      const rollbacks = hours.map((one) => ({ at: ago(one).toISOString(), from: "iris-2" }));
      const model = { spec: { rollback: RollbackSpec.parse({ latchAfter: limit }) }, status: { rollbacks } };
      const found = latchFor(rollback, { model: model as unknown as SecureModel, orders }, now);
      assert.equal(found !== undefined, latched);
      if (found === undefined) return;
      assert.deepEqual([found.since, found.reason], [now.toISOString(), "RepeatedRollbacks"]);
      assert.match(
        found.message,
        /^rollbacks within 24 h: \d \(latchAfter is \d\); the last: revision iris-4 is unhealthy/,
      );
    });

  it("is at three where the spec says nothing", () => {
    const rollbacks = [10, 5].map((one) => ({ at: ago(one).toISOString(), from: "iris-2" }));
    const model = { spec: {}, status: { rollbacks } } as unknown as SecureModel;
    assert.notEqual(latchFor(rollback, { model, orders: [] }, now), undefined);
  });
});

describe("a latch holds until a person has looked", () => {
  const promote = (hours: number, revision: string, more: Partial<Order> = {}) =>
    order("Promote", hours, { revision, ...more });
  const table: readonly (readonly [string, readonly Order[], holds: boolean])[] = [
    ["nobody has said anything", [], true],
    ["somebody has resumed the model since", [order("Resume", 0.5)], false],
    ["somebody had resumed it before", [order("Resume", 2)], true],
    ["somebody has resumed it within the same second", [order("Resume", 1)], false],
    ["a machine has", [order("Resume", 0.5, { requestedBy: machine })], true],
    ["somebody has promoted what the spec asks for", [promote(0.5, "iris-4")], false],
    ["before the latch", [promote(2, "iris-4")], true],
    ["another revision", [promote(0.5, "iris-1")], true],
    ["a machine has promoted it", [promote(0.5, "iris-4", { requestedBy: machine })], true],
    ["promoted, and banned again", [promote(0.6, "iris-4"), order("Ban", 0.5, { revision: "iris-4" })], true],
    ["resumed, and what is asked for banned", [order("Resume", 0.6), order("Ban", 0.5, { revision: "iris-4" })], false],
    ["somebody has approved it", [order("Approve", 0.5, { revision: "iris-4" })], true],
    ["somebody has paused it", [order("Pause", 0.5)], true],
  ];
  for (const [what, orders, holds] of table)
    it(what, () => assert.equal(standingLatch(latch, orders, "iris-4"), holds ? latch : undefined));

  it("is not lifted by a promotion while it is not known what the spec asks for", () =>
    assert.equal(standingLatch(latch, [promote(0.5, "iris-4")]), latch));

  it("says what to do", () => {
    const hold = latchedBy(latch, { metadata: { name: "iris", namespace: "shop" } });
    assert.equal(hold?.reason, "Latched");
    assert.match(hold.message, /says: mlsecops resume smodel\/iris -n shop --reason "…": 3 rollbacks$/);
    assert.equal(latchedBy(undefined, { metadata: { name: "iris" } }), undefined);
  });

  it("leaves the status with it", () => {
    const status = { replicas: 1, latch };
    assert.deepEqual(withLatch(status, undefined), { replicas: 1 });
    assert.deepEqual(withLatch({ replicas: 1 }, latch), status);
  });
});
