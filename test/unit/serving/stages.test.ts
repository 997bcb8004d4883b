import assert from "node:assert/strict";
import { type RolloutStatus, StrategySpec } from "../../../src/api/index.ts";
import { type Staging, decideStage, stagesOf } from "../../../src/serving/stages.ts";

const start = new Date("2026-01-01T00:00:00Z");
const at = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const canary = StrategySpec.parse({
  type: "Canary",
  steps: [
    { weight: 10, pause: "1m" },
    { weight: 50, pause: "2m", approval: true },
  ],
});
const isApproved = { approved: true, message: "approved" };
const waits = { approved: false, message: "mlsecops approve smodel/iris" };
const paused = { reason: "Paused", message: "jane has paused it" };

const staging: Staging = {
  strategy: canary,
  revision: "iris-b",
  before: undefined,
  replicas: 4,
  answering: 4,
  shared: { done: true, message: "" },
  isWell: true,
  health: { state: "Healthy", reason: "SignalsGood", message: "all is well" },
  approval: waits,
  paused: undefined,
};
const rollout = (step: number, rest: Partial<RolloutStatus> = {}): RolloutStatus => ({
  revision: "iris-b",
  step,
  steps: 3,
  weight: [10, 50, 100][step - 1] ?? 0,
  pods: 1,
  since: start.toISOString(),
  message: "",
  ...rest,
});

describe("the stages of a revision that comes", () => {
  const table: readonly (readonly [
    string,
    Partial<Staging>,
    number,
    { step: number; reason: string; until?: Date },
  ])[] = [
    ["begins at the first step", {}, 0, { step: 1, reason: "RollingOut", until: at(60) }],
    [
      "does not begin to count before all pods answer",
      { before: rollout(1, { since: undefined }), answering: 0 },
      3_600,
      { step: 1, reason: "RollingOut" },
    ],
    [
      "does not begin to count before requests are shared",
      { before: rollout(1, { since: undefined }), shared: { done: false, message: "no Gateway" } },
      3_600,
      { step: 1, reason: "RollingOut" },
    ],
    ["waits out its pause", { before: rollout(1) }, 59, { step: 1, reason: "RollingOut", until: at(60) }],
    [
      "goes one step further when it was well for so long",
      { before: rollout(1) },
      60,
      { step: 2, reason: "RollingOut" },
    ],
    ["counts anew when a pod is lost", { before: rollout(1), answering: 0 }, 60, { step: 1, reason: "RollingOut" }],
    [
      "does not go on while nothing is known of it",
      { before: rollout(1), isWell: false, health: undefined },
      3_600,
      { step: 1, reason: "RollingOut" },
    ],
    [
      "does not go on while a person has paused it",
      { before: rollout(1), paused },
      3_600,
      { step: 1, reason: "Paused" },
    ],
    [
      "waits for the people who have to approve",
      { before: rollout(2) },
      3_600,
      { step: 2, reason: "WaitsForApproval" },
    ],
    [
      "is not waved through before its time",
      { before: rollout(2), approval: isApproved },
      60,
      { step: 2, reason: "RollingOut", until: at(120) },
    ],
    [
      "takes over once they have approved",
      { before: rollout(2), approval: isApproved },
      3_600,
      { step: 3, reason: "RollingOut" },
    ],
    [
      "is not held up any more while it takes over",
      { before: rollout(3), paused, isWell: false },
      0,
      { step: 3, reason: "RollingOut" },
    ],
    [
      "begins anew for another revision",
      { before: rollout(3, { revision: "iris-a" }) },
      0,
      { step: 1, reason: "RollingOut", until: at(60) },
    ],
    [
      "begins to count anew when the weight of its step is changed",
      { before: rollout(1, { weight: 20 }) },
      3_600,
      { step: 1, reason: "RollingOut", until: at(3_660) },
    ],
    [
      "takes over when the spec has fewer steps than were taken",
      { before: rollout(3, { steps: 9, weight: 40 }) },
      0,
      { step: 3, reason: "RollingOut" },
    ],
  ];
  for (const [what, change, seconds, wanted] of table)
    it(what, () => {
      const { rollout: next, says, until } = decideStage({ ...staging, ...change }, at(seconds));
      assert.deepEqual({ step: next.step, reason: says.reason, ...(until === undefined ? {} : { until }) }, wanted);
      assert.equal(next.weight, [10, 50, 100][next.step - 1]);
    });

  it("says where it is and what it waits for", () => {
    const { says } = decideStage({ ...staging, before: rollout(2) }, at(3_600));
    assert.equal(
      says.message,
      "revision iris-b is at step 2 of 3 with 50 % of the requests, 4 of 2 pods answer: mlsecops approve smodel/iris",
    );
  });

  it("of BlueGreen and Shadow are one, without requests", () => {
    const traffic = { httpRoute: { parentRefs: [{ name: "public" }] } };
    for (const type of ["BlueGreen", "Shadow"] as const)
      assert.deepEqual(stagesOf(StrategySpec.parse({ type, traffic, hold: "90s", approval: true })), [
        { weight: 0, pauseMs: 90_000, approval: true },
      ]);
    for (const type of ["RollingUpdate", "Recreate"] as const)
      assert.deepEqual(stagesOf(StrategySpec.parse({ type })), []);
  });

  it("of Canary need approval before it takes over, where the strategy says so", () => {
    const stages = stagesOf(
      StrategySpec.parse({ type: "Canary", approval: true, steps: [{ weight: 5 }, { weight: 20 }] }),
    );
    assert.deepEqual(
      stages.map(({ approval }) => approval),
      [false, true],
    );
  });
});
