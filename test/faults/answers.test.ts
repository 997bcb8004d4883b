import assert from "node:assert/strict";
import { KubeError } from "../../src/kube/index.ts";
import { World, rejected } from "../unit/serving/world.ts";

/** What an API server, or the way to it, says to a write. */
interface Answer {
  readonly name: string;
  readonly error: () => KubeError;
  /** Whether the write may have been made all the same. */
  readonly when: readonly ("before" | "after")[];
}

const answers: readonly Answer[] = [
  { name: "409", error: () => new KubeError("Conflict", "changed", { status: 409 }), when: ["before"] },
  { name: "410", error: () => new KubeError("Gone", "expired", { status: 410 }), when: ["before"] },
  {
    name: "429",
    error: () => new KubeError("TooManyRequests", "later", { status: 429, retryAfterMs: 1_000 }),
    when: ["before"],
  },
  { name: "403", error: () => new KubeError("Forbidden", "no right", { status: 403 }), when: ["before"] },
  { name: "500", error: () => new KubeError("Unavailable", "etcd", { status: 500 }), when: ["before"] },
  { name: "no answer", error: () => new KubeError("Timeout", "etcd is slow"), when: ["before", "after"] },
];

const scenarios: Readonly<Record<string, (world: World) => void>> = {
  "a first rollout": () => undefined,
  "a new version": (world) =>
    world.edit(({ source, ...spec }) => ({
      ...spec,
      source: { ...source, oci: { reference: "registry.example/models/iris:v2" } },
    })),
  "a quarantine": (world) => (world.verify = rejected),
  "a deletion": (world) => {
    const { metadata, ...model } = world.model();
    const leaving = { ...model, metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    world.client.add("securemodels", leaving);
  },
};

async function begin(scenario: string): Promise<World> {
  const world = new World();
  if (scenario !== "a first rollout") await world.settle();
  scenarios[scenario]?.(world);
  return world;
}

/** As the controller does it: a pass that fails is made again. */
async function settle(world: World, most = 60): Promise<number> {
  for (let pass = 0, failed = 0; pass < most; pass += 1) {
    try {
      await world.pass();
      if (!world.kubernetes() && world.client.writes.length === 0) return failed;
    } catch (error) {
      assert.ok(error instanceof KubeError, String(error));
      failed += 1;
      world.kubernetes();
    }
  }
  throw new assert.AssertionError({ message: `not at rest: ${world.client.writes.join(", ")}` });
}

/** Times, and how often something was written, differ from run to run. */
const varying: ReadonlySet<string> = new Set([
  ...["since", "lastTransitionTime", "phaseSince", "servedFrom", "resolvedAt", "verifiedAt", "notAfter"],
  ...["recheckAfter", "takenAt", "generation", "observedGeneration", "snapshot"],
]);

const snapshot = "configmaps/shop/iris-quarantine";

/** A snapshot may be missing, for nothing is held up by it; but then nobody promises it. */
function stateOf(world: World): unknown {
  const { objects } = world.client;
  if (objects.has("securemodels/shop/iris") && world.model().status?.quarantine?.snapshot !== undefined)
    assert.ok(objects.has(snapshot), "the status names a snapshot that is not there");
  const found = [...objects].filter(([key]) => key !== snapshot).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.parse(JSON.stringify(found, (key, value: unknown) => (varying.has(key) ? undefined : value)));
}

function specs(world: World): string {
  return JSON.stringify([world.model().spec, world.client.objects.get("securenamespaces/shop")]);
}

describe("an API server that answers a write otherwise", function () {
  this.timeout(120_000);

  for (const scenario of Object.keys(scenarios))
    for (const { name, error, when } of answers)
      it(`${scenario} ends the same, whichever write gets ${name}`, async () => {
        const undisturbed = await begin(scenario);
        let writes = 0;
        undisturbed.client.onWrite = (at) => (writes += at === "before" ? 1 : 0);
        await settle(undisturbed);
        assert.ok(writes > 0);
        for (const at of when)
          for (let n = 1; n <= writes; n += 1) {
            const world = await begin(scenario);
            let count = 0;
            world.client.onWrite = (side) => {
              if (side === "before") count += 1;
              if (side === at && count === n) throw error();
            };
            await settle(world);
            assert.deepEqual(stateOf(world), stateOf(undisturbed), `${at} write ${n} of ${writes}`);
          }
      });

  for (const { name, error } of answers)
    it(`grants nothing, starts nothing and leaves the specs alone while every write gets ${name}, and makes up for it`, async () => {
      const undisturbed = await begin("a first rollout");
      await settle(undisturbed);
      const world = await begin("a first rollout");
      const before = specs(world);
      let isDown = true;
      world.client.onWrite = (at) => {
        if (isDown && at === "before") throw error();
      };
      for (let pass = 0; pass < 5; pass += 1)
        await world.pass().catch((failure: unknown) => assert.ok(failure instanceof KubeError, String(failure)));
      assert.deepEqual(world.granted(), []);
      assert.equal(world.client.objects.has("deployments/shop/iris"), false);
      assert.equal(specs(world), before);
      isDown = false;
      await settle(world);
      assert.deepEqual(stateOf(world), stateOf(undisturbed));
    });
});
