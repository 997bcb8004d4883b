import assert from "node:assert/strict";
import fc from "fast-check";
import { findCondition, maxConditionMessageBytes, setCondition, type Condition } from "../../../src/kube/index.ts";

const earlier = new Date("2026-01-01T00:00:00.123Z");
const later = new Date("2026-01-02T00:00:00.987Z");
const ready = { type: "Ready", status: "True", reason: "Serving", message: "serves", observedGeneration: 1 } as const;

describe("conditions", () => {
  it("begin with the time in whole seconds", () => {
    assert.deepEqual(setCondition([], ready, earlier), [{ ...ready, lastTransitionTime: "2026-01-01T00:00:00Z" }]);
  });

  it("keep the transition time while the status stays", () => {
    const first = setCondition([], ready, earlier);
    const [second] = setCondition(first, { ...ready, reason: "Other", message: "other", observedGeneration: 2 }, later);
    assert.deepEqual(second, {
      ...ready,
      reason: "Other",
      message: "other",
      observedGeneration: 2,
      lastTransitionTime: "2026-01-01T00:00:00Z",
    });
  });

  it("move the transition time when the status changes", () => {
    const first = setCondition([], ready, earlier);
    const [second] = setCondition(first, { ...ready, status: "Unknown" }, later);
    assert.equal(second?.lastTransitionTime, "2026-01-02T00:00:00Z");
  });

  it("bound the message", () => {
    const [condition] = setCondition([], { ...ready, message: "ä".repeat(5000) }, earlier);
    assert.ok(Buffer.byteLength(condition?.message ?? "") <= maxConditionMessageBytes);
  });

  it("are found by type", () => {
    assert.equal(findCondition(undefined, "Ready"), undefined);
    assert.equal(findCondition(setCondition([], ready, earlier), "Ready")?.reason, "Serving");
    assert.equal(findCondition(setCondition([], ready, earlier), "Other"), undefined);
  });

  it("keep order and uniqueness, touch no other condition and not the argument, and are idempotent", () => {
    const type = fc.constantFrom("Ready", "Reconciling", "Stalled", "Verified");
    const status = fc.constantFrom("True" as const, "False" as const, "Unknown" as const);
    const next = fc.record({ type, status, reason: fc.constantFrom("A", "B"), message: fc.string() });
    fc.assert(
      fc.property(fc.array(next, { maxLength: 20 }), (updates) => {
        let conditions: readonly Condition[] = [];
        updates.forEach((update, step) => {
          const now = new Date(earlier.getTime() + step * 1000);
          const before: readonly Condition[] = structuredClone(conditions);
          const after = setCondition(conditions, update, now);
          assert.deepEqual(conditions, before);
          const types = after.map((condition) => condition.type);
          assert.equal(new Set(types).size, types.length);
          assert.deepEqual(
            types.slice(0, before.length),
            before.map((condition) => condition.type),
          );
          for (const condition of before) {
            if (condition.type !== update.type) assert.deepEqual(findCondition(after, condition.type), condition);
          }
          assert.deepEqual(setCondition(after, update, later), after);
          conditions = after;
        });
      }),
    );
  });
});
