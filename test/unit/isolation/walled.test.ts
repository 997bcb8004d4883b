import assert from "node:assert/strict";
import { walledCondition, whyUnwalled } from "../../../src/isolation/conditions/walled.ts";
import type { WallProblemReason } from "../../../src/isolation/walls/problems.ts";
import { type WallsState, wallsStatus } from "../../../src/isolation/walls/view.ts";

const state = (...reasons: readonly WallProblemReason[]): WallsState => ({
  uid: "u",
  generation: 1,
  objects: 6,
  repaired: 2,
  problems: reasons.map((reason) => ({ reason, message: `because of ${reason}` })),
});

describe("the condition Walled", () => {
  const table = [
    ["Enforce", state(), "True/Walled", undefined],
    ["Enforce", undefined, "False/WallsIncomplete", "WallsIncomplete"],
    ["Enforce", state("QuotaBelowUse", "PeerMissing"), "False/PeerMissing", undefined],
    ["Enforce", state("FqdnNotEnforceable"), "False/FqdnNotEnforceable", undefined],
    ["Enforce", state("PeerMissing", "WallsIncomplete"), "False/WallsIncomplete", "WallsIncomplete"],
    ["Audit", undefined, "False/Audit", undefined],
    ["Audit", state("PeerMissing"), "False/Audit", undefined],
    ["Audit", state("WallsIncomplete"), "False/WallsIncomplete", undefined],
  ] as const;
  for (const [enforcement, walls, expected, unready] of table)
    it(`${enforcement}, ${walls === undefined ? "not looked at" : walls.problems.map(({ reason }) => reason).join(" and ")}: ${expected}`, () => {
      const condition = walledCondition(walls, enforcement, (type, status, why) => ({ type, status, ...why }));
      assert.equal(`${condition.status}/${condition.reason}`, expected);
      assert.equal(whyUnwalled(walls, enforcement)?.reason, unready);
      for (const { message } of walls?.problems.slice(-1) ?? [])
        if (walls?.problems.length === 1) assert.ok(condition.message.includes(message));
    });
});

describe("status.walls", () => {
  it("keeps what an earlier process has repaired last", () => {
    const before = { objects: 1, repaired: 2, lastRepair: { object: "NetworkPolicy/a", time: "2030-01-01T00:00:00Z" } };
    assert.deepEqual(wallsStatus(undefined, before), before);
    assert.deepEqual(wallsStatus(state(), before), { objects: 6, repaired: 2, lastRepair: before.lastRepair });
    const repaired = {
      ...state(),
      lastRepair: { object: "NetworkPolicy/b", time: new Date("2030-01-02T00:00:00.5Z") },
    };
    assert.deepEqual(wallsStatus(repaired, before)?.lastRepair, {
      object: "NetworkPolicy/b",
      time: "2030-01-02T00:00:00Z",
    });
  });
});
