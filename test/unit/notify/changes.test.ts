import assert from "node:assert/strict";
import type { SecureModelStatus } from "../../../src/api/index.ts";
import { changesOf } from "../../../src/notify/index.ts";
import { condition, digest, pointer, rolledBack, serving, time } from "./support.ts";

const now = new Date(time(9));
const comes: SecureModelStatus = { ...serving, candidate: pointer("iris-b", 2, 4) };
const ready = (status: "True" | "False", reason: string, minute = 5) => condition("Ready", status, reason, minute);
const healthy = (status: "True" | "False", reason: string, minute = 5) => condition("Healthy", status, reason, minute);
const stopped: SecureModelStatus = {
  ...serving,
  conditions: [ready("False", "NoSafeRevision")],
  rollback: { from: "iris-a", since: time(5), reason: "CrashLoop", message: "no revision is safe" },
};
const quarantined: SecureModelStatus = {
  ...serving,
  verdict: { outcome: "Rejected", reason: "KeyRevoked", message: "revoked", digest: digest(1), verifiedAt: time(6) },
  conditions: [ready("False", "KeyRevoked")],
  quarantine: { since: time(6), reason: "KeyRevoked", message: "revoked", snapshot: "iris-quarantine" },
};

/** Each change as TYPE REVISION FROM>TO DIGEST REASON MINUTE. */
function told(before: SecureModelStatus | undefined, after: SecureModelStatus): readonly string[] {
  return changesOf(before, after, now).map(({ type, revision, from, to, digest: about, reason, at }) => {
    const minute = (at.getTime() - Date.parse(time(0))) / 60_000;
    return `${type.slice("io.mlsecops.model.".length)} ${revision ?? "-"} ${from ?? "-"}>${to ?? "-"} ${about?.[7] ?? "-"} ${reason} ${minute}`;
  });
}

const rows: readonly (readonly [
  what: string,
  before: SecureModelStatus | undefined,
  after: SecureModelStatus,
  expected: readonly string[],
])[] = [
  ["nothing changed", serving, serving, []],
  ["only a message changed", serving, { ...serving, readyReplicas: 3, observedGeneration: 4 }, []],
  ["the first revision serves", undefined, serving, ["promoted iris-a ->iris-a 1 Serving 0"]],
  ["another revision comes", serving, comes, []],
  ["it serves", comes, { ...serving, active: pointer("iris-b", 2, 8) }, ["promoted iris-b iris-a>iris-b 2 Serving 8"]],
  ["what comes is left", comes, rolledBack, ["rolledback iris-b iris-b>iris-a 2 SignalBad 5"]],
  ["it is still left", rolledBack, { ...rolledBack, readyReplicas: 1 }, []],
  [
    "what served is left: that the older one serves is no promotion",
    { ...rolledBack, active: pointer("iris-b", 2) },
    { ...rolledBack, active: pointer("iris-a", 1, 6) },
    [],
  ],
  [
    "a person lets what was left serve",
    rolledBack,
    { ...serving, active: pointer("iris-b", 2, 8) },
    ["promoted iris-b iris-a>iris-b 2 Serving 8"],
  ],
  [
    "what was gone back to is left as well",
    rolledBack,
    {
      ...rolledBack,
      rollback: { from: "iris-b", to: "iris-0", since: time(7), reason: "Revoked", message: "the next older one" },
    },
    ["rolledback iris-b iris-b>iris-0 - Revoked 7"],
  ],
  ["nothing is safe, and nothing serves", serving, stopped, ["nosaferevision iris-a iris-a>- 1 NoSafeRevision 5"]],
  ["the intent to stop, and then that Ready says it", { ...stopped, conditions: serving.conditions }, stopped, []],
  [
    "nothing is safe, and it goes on",
    serving,
    { ...serving, conditions: [ready("False", "NoSafeRevision"), healthy("False", "SignalBad")] },
    ["unhealthy iris-a ->- 1 SignalBad 5", "nosaferevision iris-a ->- 1 NoSafeRevision 9"],
  ],
  [
    "it is unhealthy and stays",
    serving,
    { ...serving, conditions: [ready("False", "RollbackOff"), healthy("False", "SignalBad")] },
    ["unhealthy iris-a ->- 1 SignalBad 5"],
  ],
  [
    "it is unhealthy for another reason",
    { ...serving, conditions: [healthy("False", "SignalBad")] },
    { ...serving, conditions: [healthy("False", "CrashLoop")] },
    [],
  ],
  [
    "another revision is unhealthy",
    { ...serving, conditions: [healthy("False", "SignalBad")] },
    { ...comes, conditions: [healthy("False", "SignalBad")] },
    ["unhealthy iris-b ->- 2 SignalBad 5"],
  ],
  [
    "it is well again",
    { ...serving, conditions: [healthy("False", "SignalBad", 4)] },
    { ...serving, conditions: [healthy("True", "SignalsGood")] },
    ["recovered iris-a ->- 1 SignalsGood 5"],
  ],
  [
    "another one is well",
    { ...comes, conditions: [healthy("False", "SignalBad", 4)] },
    { ...serving, conditions: [healthy("True", "SignalsGood")] },
    [],
  ],
  [
    "a key is revoked",
    serving,
    quarantined,
    ["verdict.rejected iris-a ->- 1 KeyRevoked 6", "quarantined iris-a ->- 1 KeyRevoked 6"],
  ],
  [
    "the snapshot was taken",
    { ...quarantined, quarantine: { ...stopped.rollback, since: time(6) } as never },
    quarantined,
    [],
  ],
  ["it may run again", quarantined, serving, ["restored iris-a ->- 1 Serving 9"]],
  [
    "what the spec asks for is rejected, of which there is no revision",
    serving,
    { ...serving, verdict: { outcome: "Rejected", reason: "NotSigned", message: "no signature", digest: digest(3) } },
    ["verdict.rejected - ->- 3 NotSigned 9"],
  ],
  [
    "it is rejected again",
    quarantined,
    { ...quarantined, verdict: { ...quarantined.verdict, verifiedAt: time(8) } as SecureModelStatus["verdict"] },
    [],
  ],
  [
    "another one is rejected",
    quarantined,
    { ...quarantined, verdict: { ...quarantined.verdict, digest: digest(4) } as SecureModelStatus["verdict"] },
    ["verdict.rejected - ->- 4 KeyRevoked 6"],
  ],
  [
    "nothing can be said",
    serving,
    { ...serving, verdict: { outcome: "Indeterminate", reason: "Registry", message: "" } },
    [],
  ],
  [
    "the budget is spent",
    serving,
    { ...serving, conditions: [ready("False", "RollbackBudgetSpent")] },
    ["latched iris-a ->- 1 RollbackBudgetSpent 9"],
  ],
  [
    "there were too many rollbacks",
    comes,
    {
      ...rolledBack,
      latch: { since: time(5), reason: "RepeatedRollbacks", message: "rollbacks within 24 h: 3 (latchAfter is 3)" },
    },
    ["rolledback iris-b iris-b>iris-a 2 SignalBad 5", "latched iris-a ->- 1 RepeatedRollbacks 5"],
  ],
  [
    "a latch holds while something else is asked for",
    { ...serving, latch: { since: time(5), reason: "RepeatedRollbacks", message: "3" } },
    {
      ...serving,
      conditions: [ready("False", "Latched")],
      latch: { since: time(5), reason: "RepeatedRollbacks", message: "3" },
    },
    [],
  ],
  [
    "a step waits for people",
    comes,
    { ...comes, conditions: [ready("False", "WaitsForApproval")] },
    ["approval.required iris-b ->- 2 WaitsForApproval 9"],
  ],
];

describe("what is told of a change of status", () => {
  for (const [what, before, after, expected] of rows)
    it(`is ${expected.length === 0 ? "nothing" : expected.map((one) => one.split(" ")[0]).join(" and ")} when ${what}`, () =>
      assert.deepEqual(told(before, after), expected));

  it("has a time although the status' own cannot be read", () => {
    const [change] = changesOf(undefined, { ...serving, active: { ...pointer("iris-a"), since: "soon" } }, now);
    assert.deepEqual(change?.at, now);
  });
});
