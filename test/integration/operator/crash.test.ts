import assert from "node:assert/strict";
import type { ProxiedWrite } from "../../support/fault-proxy.ts";
import { Death, killPoints, writesFor } from "./support/kill-points.ts";
import type { Lane } from "./support/lane.ts";
import { quiet } from "./support/operator-process.ts";
import { inParallel, reach, Stage } from "./support/stage.ts";

interface Scenario {
  readonly name: string;
  /** What the user does. */
  readonly act: (lane: Lane) => Promise<unknown>;
  readonly reached: (lane: Lane) => Promise<boolean>;
}

const quarantine: Scenario = {
  name: "its key is removed from the policy",
  act: (lane) => lane.trust(false),
  reached: (lane) => lane.quarantined(),
};
const scenarios: readonly Scenario[] = [
  { name: "a model is served", act: (lane) => lane.create(), reached: (lane) => lane.serves("v1") },
  quarantine,
  { name: "the key is put back", act: (lane) => lane.trust(true), reached: (lane) => lane.serves("v1") },
  { name: "a new version rolls out", act: (lane) => lane.serve("v2"), reached: (lane) => lane.serves("v2") },
  { name: "it fails, and is left", act: (lane) => lane.fail(), reached: (lane) => lane.rolledBackTo("v1") },
  { name: "both objects are deleted", act: (lane) => lane.delete(), reached: (lane) => lane.gone() },
];
const mostLanes = 12;
/** Far more than is needed on an idle machine. */
const limitMs = 240_000;

describe(`the operator, killed between two writes (in up to ${mostLanes} places for each scenario)`, function () {
  this.timeout(3 * limitMs);
  const stage = new Stage();
  let lanes: Lane[] = [];
  const ends = new Map<Scenario, unknown>();
  const counts = new Map<Scenario, number>();

  before("go through all of it once without a fault", async () => {
    await stage.set();
    const references = stage.lanes(1);
    const operator = await stage.operator();
    const made = (): number => references.flatMap((lane) => writesFor(lane, operator.proxy)).length;
    try {
      for (const scenario of scenarios) {
        const before = made();
        await inParallel(references, scenario.act);
        await reach(references, scenario.reached, { operator, withinMs: limitMs });
        await quiet(operator);
        counts.set(scenario, made() - before);
        for (const lane of references) ends.set(scenario, await lane.state());
      }
    } finally {
      await operator.kill();
    }
    lanes = stage.lanes(Math.min(mostLanes, Math.max(...counts.values()) + 1));
  });
  after(() => stage.strike());

  for (const scenario of scenarios) {
    it(`converges to the same end when ${scenario.name}`, async () => {
      const writes = counts.get(scenario) ?? 0;
      const death = new Death(lanes, killPoints(writes, lanes.length));
      const doomed = await stage.operator({ prepare: (proxy) => (proxy.onWrite = death.judge) });
      try {
        await inParallel(lanes, scenario.act);
        await reach(lanes, async (lane) => death.isDead(lane) || (await scenario.reached(lane)), {
          operator: doomed,
          withinMs: limitMs,
        });
      } finally {
        await doomed.kill();
      }
      const heir = await stage.operator();
      try {
        await reach(lanes, scenario.reached, {
          operator: heir,
          withinMs: limitMs,
          about: (lane) => death.fateOf(lane),
        });
        await quiet(heir);
        await inParallel(lanes, async (lane) => {
          assert.deepEqual(await lane.state(), ends.get(scenario), `${lane.name}, ${death.fateOf(lane)}`);
          if (scenario === quarantine) {
            assertOrder([...writesFor(lane, doomed.proxy), ...writesFor(lane, heir.proxy)], death.fateOf(lane));
          }
        });
      } finally {
        await heir.kill();
      }
      const killed = lanes.filter((lane) => death.isDead(lane)).length;
      console.log(`      ${writes} writes; killed in ${killed} of ${writes + 1} places between them`);
    });
  }
});

const steps: readonly (readonly [step: string, pattern: RegExp])[] = [
  ["grant", /^PUT .*\/admissiongrants\//],
  ["endpoint", /^PATCH .*\/services\//],
  ["snapshot", /^PATCH .*\/configmaps\//],
  ["workload", /^DELETE .*\/deployments\//],
  ["pods", /^DELETE .*\/pods\//],
];

/** What a quarantine does, it does in this order, whoever does it. */
function assertOrder(writes: readonly ProxiedWrite[], about: string): void {
  const made = writes.filter(({ status = 500 }) => status < 300).map(({ method, url }) => `${method} ${url}`);
  const seen = made.flatMap((write) => steps.find(([, pattern]) => pattern.test(write))?.[0] ?? []);
  const first = [...new Set(seen)];
  const expected = steps.map(([step]) => step).filter((step) => first.includes(step));
  assert.deepEqual(first, expected, about);
  assert.equal(first[0], "grant", about);
  assert.ok(first.includes("endpoint"), about);
}
