import assert from "node:assert/strict";
import { KubeError } from "../../../src/kube/index.ts";
import { RollingWorld } from "./rolling-world.ts";
import { Theatre, type Wanted, bad } from "./theatre.ts";
import { digest } from "./world.ts";

const canary: Wanted = {
  type: "Canary",
  steps: [
    { weight: 25, pause: "1m", approval: false },
    { weight: 50, pause: "1m", approval: false },
  ],
};

const byRoute = { httpRoute: { parentRefs: [{ name: "public" }], hostnames: [] } };

/** The first version serves, and the second one is at its first stage. */
async function onItsWay(strategy: Wanted): Promise<Theatre> {
  const theatre = new Theatre(strategy);
  await theatre.go(1);
  await theatre.go(2);
  return theatre;
}

describe("what serves and is unhealthy while the spec asks for what nobody verifies", () => {
  it("is left for one whose pods do not come, and all comes to rest", async () => {
    const theatre = new Theatre({ type: "RollingUpdate" }, new RollingWorld());
    await theatre.go(1);
    await theatre.go(2);
    const { world } = theatre;
    world.unready.add(theatre.nameOf(1));
    theatre.revoked.add(3);
    await theatre.go(3);
    theatre.health.set(2, bad);
    await world.settle();
    const { rollback } = world.model().status ?? {};
    assert.deepEqual([rollback?.from, rollback?.to], [theatre.nameOf(2), theatre.nameOf(1)]);
    assert.equal(theatre.cast(), "v1*1 v2*4 by all");
    assert.equal(world.condition(), "False/RolledBack");
  });
});

describe("a banned revision that has ended", () => {
  it("is not granted again while another one comes", async () => {
    const theatre = new Theatre({ type: "RollingUpdate" });
    await theatre.go(1);
    theatre.order("Ban", 1);
    await theatre.world.settle();
    theatre.revoked.add(1);
    await theatre.world.settle();
    theatre.revoked.delete(1);
    theatre.ask(2);
    await theatre.world.pass();
    assert.deepEqual(theatre.world.granted(), [digest(2)]);
  });
});

describe("a revision that comes in stages", () => {
  it("is given its share of the pods, step by step, and then all requests", async () => {
    const theatre = new Theatre(canary);
    await theatre.go(1);
    assert.equal(theatre.cast(), "v1*4 by all");
    await theatre.go(2);
    assert.equal(theatre.cast(), "v1*3 v2*1 by all");
    assert.equal(theatre.world.condition(), "False/RollingOut");
    assert.equal(theatre.world.condition("Serving"), "True/PodsReady");
    assert.deepEqual(theatre.world.phases(), ["Active", "Candidate"]);
    await theatre.later(59);
    assert.equal(theatre.cast(), "v1*3 v2*1 by all");
    await theatre.later(1);
    assert.equal(theatre.cast(), "v1*2 v2*2 by all");
    await theatre.later(60);
    assert.equal(theatre.cast(), "v2*4 by all");
    assert.equal(theatre.world.condition(), "True/Serving");
    assert.equal(theatre.world.model().status?.rollout, undefined);
    assert.deepEqual(theatre.world.phases(), ["Superseded", "Active"]);
  });

  it("never leaves fewer pods answering than are asked for", async () => {
    const theatre = new Theatre(canary);
    await theatre.go(1);
    theatre.ask(2);
    for (let pass = 0; pass < 40; pass++) {
      await theatre.world.pass();
      theatre.world.kubernetes();
      assert.ok(theatre.world.pods().length >= 4, theatre.cast());
      await theatre.world.clock.advance(10_000);
    }
    assert.equal(theatre.cast(), "v2*4 by all");
  });

  it("is left at once when it is unhealthy, and nothing of what serves is touched", async () => {
    const theatre = await onItsWay(canary);
    theatre.health.set(2, bad);
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*4 by all");
    assert.equal(theatre.world.condition(), "False/RolledBack");
    assert.deepEqual(theatre.world.phases(), ["Active", "RolledBack"]);
    assert.deepEqual(theatre.world.granted(), [digest(1)]);
  });

  it("goes no further when it is unhealthy and may not be left", async () => {
    const theatre = new Theatre(canary);
    theatre.change({ rollback: { mode: "Off", maxPerDay: 3, coolDown: "5m", onNoSafeRevision: "KeepServing" } });
    await theatre.go(1);
    await theatre.go(2);
    theatre.health.set(2, bad);
    await theatre.later(3_600);
    assert.equal(theatre.cast(), "v1*3 v2*1 by all");
    assert.equal(theatre.world.condition(), "False/RollbackOff");
  });

  it("waits while nothing is known of it", async () => {
    const theatre = new Theatre(canary);
    await theatre.go(1);
    theatre.health.set(2, { state: "Unknown", reason: "NoData", message: "errors has no value" });
    await theatre.go(2);
    await theatre.later(3_600);
    assert.equal(theatre.cast(), "v1*3 v2*1 by all");
    assert.match(
      theatre.world.model().status?.rollout?.message ?? "",
      /step 1 of 3 with 25 % .* it goes on once it is well: errors has no value/,
    );
  });

  it("waits while a person has paused it, and is not taken back", async () => {
    const theatre = await onItsWay(canary);
    theatre.order("Pause");
    await theatre.later(3_600);
    assert.equal(theatre.cast(), "v1*3 v2*1 by all");
    assert.equal(theatre.world.condition(), "False/Paused");
    theatre.world.actions = [];
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*2 v2*2 by all");
  });

  for (const [what, version, type] of [
    ["another one is asked for", 3, "Canary"],
    ["what serves is asked for again", 1, "Canary"],
    ["another one is asked for, within one Deployment", 3, "RollingUpdate"],
  ] as const)
    it(`goes on until what serves has its pods back, when ${what}`, async () => {
      const world = new RollingWorld();
      const theatre = new Theatre(type === "Canary" ? canary : { type }, world);
      await theatre.go(1);
      theatre.ask(2);
      const pass = async () => {
        await world.pass();
        world.kubernetes();
        assert.ok(world.answering().length >= 4, theatre.cast());
        await world.clock.advance(10_000);
      };
      for (let n = 0; n < 40 && !theatre.cast().includes("v2*2"); n++) await pass();
      assert.match(theatre.cast(), /v2\*2/);
      theatre.ask(version);
      for (let n = 0; n < 40; n++) await pass();
      assert.equal(theatre.cast(), `v${version}*4 by all`);
    });

  it("is ended at once when it is dropped and unhealthy, or revoked", async () => {
    for (const spoil of [
      (theatre: Theatre) => void theatre.health.set(2, bad),
      (theatre: Theatre) => void theatre.revoked.add(2),
    ]) {
      const theatre = await onItsWay(canary);
      await theatre.later(60);
      assert.equal(theatre.cast(), "v1*2 v2*2 by all");
      spoil(theatre);
      theatre.ask(1);
      await theatre.world.pass();
      assert.deepEqual(theatre.world.granted(), [digest(1)]);
    }
  });

  it("makes way for another one that is asked for before it has taken over", async () => {
    const theatre = await onItsWay(canary);
    await theatre.later(60);
    await theatre.go(3);
    assert.equal(theatre.cast(), "v1*3 v3*1 by all");
    assert.equal(theatre.world.model().status?.rollout?.step, 1);
    await theatre.go(1);
    assert.equal(theatre.cast(), "v1*4 by all");
    assert.equal(theatre.world.condition(), "True/Serving");
  });

  it("is ended when it is revoked, and what serves goes on", async () => {
    const theatre = await onItsWay(canary);
    theatre.revoked.add(2);
    await theatre.later(3_700);
    assert.equal(theatre.cast(), "v1*4 by all");
    assert.deepEqual(theatre.world.granted(), [digest(1)]);
  });

  it("takes over at once when what serves is revoked", async () => {
    const theatre = await onItsWay(canary);
    theatre.revoked.add(1);
    await theatre.later(3_700);
    assert.equal(theatre.cast(), "v2*4 by all");
    assert.deepEqual(theatre.world.granted(), [digest(2)]);
    assert.equal(theatre.world.condition(), "True/Serving");
  });

  it("is led to through the Gateway as soon as what served is revoked, and not only once it is complete", async () => {
    const theatre = await onItsWay({ ...canary, traffic: byRoute });
    const { world } = theatre;
    const leadsTo = (name: string) =>
      (world.client.objects.get(`services/shop/${name}`) as unknown as { spec: { selector: Record<string, string> } })
        .spec.selector["mlsecops.io/revision"];
    theatre.revoked.add(1);
    await world.pass();
    await world.pass();
    for (const name of ["iris", "iris-active", "iris-candidate"]) assert.equal(leadsTo(name), theatre.nameOf(2), name);
  });

  it("of BlueGreen is complete before any request reaches it, and then gets all", async () => {
    const theatre = await onItsWay({ type: "BlueGreen", hold: "2m" });
    assert.equal(theatre.cast(), "v1*4 v2*4 by v1");
    await theatre.later(119);
    assert.equal(theatre.cast(), "v1*4 v2*4 by v1");
    await theatre.later(1);
    assert.equal(theatre.cast(), "v2*4 by all");
    assert.equal(theatre.world.condition(), "True/Serving");
  });

  it("of BlueGreen is left without any request having reached it", async () => {
    const theatre = await onItsWay({ type: "BlueGreen", hold: "2m" });
    theatre.health.set(2, bad);
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*4 by all");
    assert.equal(theatre.world.condition(), "False/RolledBack");
  });

  it("is gone back from after it has taken over: new pods first", async () => {
    const theatre = await onItsWay({ type: "BlueGreen", hold: "1s" });
    await theatre.later(60);
    assert.equal(theatre.cast(), "v2*4 by all");
    theatre.health.set(2, bad);
    theatre.world.unready.add(theatre.nameOf(1));
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*4 v2*4 by v2");
    theatre.world.unready.clear();
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*4 by all");
    assert.equal(theatre.world.condition(), "False/RolledBack");
    assert.equal(theatre.world.condition("Serving"), "True/PodsReady");
  });

  it("of Shadow gets copies through the Gateway once that has said so, and nobody waits for its answers", async () => {
    const theatre = new Theatre({
      type: "Shadow",
      hold: "2m",
      traffic: byRoute,
    });
    const weights = () => theatre.route().spec.rules[0]?.backendRefs.map(({ name, weight }) => `${name}=${weight}`);
    await theatre.go(1);
    assert.deepEqual(weights(), ["iris-active=100", "iris-candidate=0"]);
    await theatre.go(2);
    assert.equal(theatre.cast(), "v1*4 v2*4 by v1");
    assert.deepEqual(weights(), ["iris-active=100", "iris-candidate=0"]);
    assert.equal(theatre.route().spec.rules[0]?.filters[0]?.requestMirror.backendRef.name, "iris-candidate");
    await theatre.later(3_600);
    assert.match(theatre.world.model().status?.rollout?.message ?? "", /Gateway/);
    assert.equal(theatre.cast(), "v1*4 v2*4 by v1");
    theatre.accept();
    await theatre.later(60);
    assert.equal(theatre.cast(), "v1*4 v2*4 by v1");
    await theatre.later(120);
    assert.equal(theatre.cast(), "v2*4 by v2");
    assert.deepEqual(theatre.route().spec.rules[0]?.filters, []);
  });

  it("is not started where the cluster knows no routes, and says what to install", async () => {
    const theatre = new Theatre({
      type: "BlueGreen",
      traffic: byRoute,
    });
    theatre.world.client.onWrite = (when, write) => {
      if (when === "before" && write.includes("httproutes")) throw new KubeError("NotFound", "no such kind");
    };
    await theatre.go(1);
    assert.equal(theatre.world.condition(), "False/WorkloadRefused");
    const message = theatre.world.model().status?.conditions?.find(({ type }) => type === "Ready")?.message;
    assert.match(message ?? "", /does not serve HTTPRoute .* install the Gateway API/);
    assert.deepEqual(theatre.world.pods(), []);
  });

  it("leaves no route behind when the spec has none any more", async () => {
    const theatre = new Theatre({
      type: "BlueGreen",
      traffic: byRoute,
    });
    const kept = () =>
      [...theatre.world.client.objects.keys()].filter((key) => /^(services|httproutes)/.test(key)).sort();
    await theatre.go(1);
    assert.deepEqual(kept(), [
      "httproutes/shop/iris",
      "services/shop/iris",
      "services/shop/iris-active",
      "services/shop/iris-candidate",
    ]);
    theatre.change({ strategy: { type: "RollingUpdate", steps: [], hold: "5m", approval: false } });
    await theatre.world.settle();
    assert.deepEqual(kept(), ["services/shop/iris"]);
    assert.equal(theatre.cast(), "v1*4 by all");
  });

  it("needs the approval of people where the strategy says so, each step anew", async () => {
    const step = { weight: 25, pause: "1m", approval: true };
    const theatre = await onItsWay({ type: "Canary", steps: [step, { ...step, weight: 50 }] });
    await theatre.later(60);
    assert.equal(theatre.world.condition(), "False/WaitsForApproval");
    theatre.order("Approve", 2, "jane");
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*3 v2*1 by all");
    theatre.order("Approve", 2, "joe");
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*2 v2*2 by all");
    await theatre.later(3_600);
    assert.equal(theatre.world.condition(), "False/WaitsForApproval");
    theatre.order("Approve", 2, "jane");
    theatre.order("Approve", 2, "joe");
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v2*4 by all");
  });

  it("is not even started without approval where it takes over pod by pod", async () => {
    const theatre = new Theatre({ type: "RollingUpdate", approval: true });
    await theatre.go(1);
    assert.equal(theatre.world.condition(), "False/WaitsForApproval");
    assert.deepEqual(theatre.world.pods(), []);
    theatre.order("Approve", 1, "jane");
    theatre.order("Approve", 1, "joe");
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v1*4 by all");
  });

  it("stays in its Deployment when the strategy is another one afterwards", async () => {
    const theatre = await onItsWay({ type: "BlueGreen", hold: "1s" });
    await theatre.later(60);
    theatre.change({ strategy: { type: "RollingUpdate", steps: [], hold: "5m", approval: false } });
    await theatre.world.settle();
    assert.equal(theatre.cast(), "v2*4 by all");
    await theatre.go(3);
    assert.equal(theatre.cast(), "v3*4 by all");
    assert.equal(theatre.world.condition(), "True/Serving");
  });
});

describe("Rule 7: killed between any two writes, a strategy ends in the same state", () => {
  class Killed extends Error {}

  /** Until it has taken over, or was left. */
  async function play(theatre: Theatre): Promise<number> {
    let writes = 0;
    for (let turn = 0; turn < 4; turn++) {
      writes += (await theatre.world.settle()).length;
      await theatre.world.clock.advance(60_000);
    }
    return writes + (await theatre.world.settle()).length;
  }

  const ends = (theatre: Theatre) => ({
    cast: theatre.cast(),
    granted: theatre.world.granted(),
    ready: theatre.world.condition(),
    phases: theatre.world.phases(),
    rollout: theatre.world.model().status?.rollout,
    workloads: [...theatre.world.client.objects.keys()].filter((key) => /^(deployments|inferenceservices)\//.test(key)),
  });

  it("a step is written down before requests are shared by it", async () => {
    const theatre = await onItsWay({ ...canary, traffic: byRoute });
    const weights = () => theatre.route().spec.rules[0]?.backendRefs.map(({ weight }) => weight);
    theatre.accept();
    await theatre.world.settle();
    await theatre.world.clock.advance(60_000);
    theatre.world.client.onWrite = (when, line) => {
      if (when === "after" && line.includes("httproutes")) throw new Killed();
    };
    await assert.rejects(theatre.world.settle(), Killed);
    theatre.world.client.onWrite = () => undefined;
    assert.deepEqual(weights(), [50, 50]);
    await theatre.world.settle();
    assert.deepEqual(weights(), [50, 50]);
    assert.equal(theatre.world.model().status?.rollout?.step, 2);
  });

  for (const [what, strategy, fails, kserve] of [
    ["Canary", canary, false, "No"],
    ["a Canary that fails", canary, true, "No"],
    ["BlueGreen", { type: "BlueGreen" }, false, "No"],
    ["BlueGreen that fails", { type: "BlueGreen" }, true, "No"],
    ["a Canary through KServe", canary, false, "Always"],
    ["a Canary through KServe that fails", canary, true, "Always"],
    ["from a Deployment to an InferenceService", { type: "RollingUpdate" }, false, "Next"],
  ] as const)
    it(what, async () => {
      const begin = async () => {
        const theatre = new Theatre(strategy);
        if (kserve === "Always") theatre.world.toKServe();
        await theatre.go(1);
        if (fails) theatre.health.set(2, bad);
        theatre.ask(2);
        if (kserve === "Next") theatre.world.toKServe();
        return theatre;
      };
      const undisturbed = await begin();
      const writes = await play(undisturbed);
      for (const when of ["before", "after"] as const)
        for (let n = 1; n <= writes; n++) {
          const theatre = await begin();
          let count = 0;
          let dead = false;
          theatre.world.client.onWrite = (at) => {
            if (dead) throw new Killed();
            if (at === "before") count += 1;
            if (at !== when || count !== n) return;
            dead = true;
            throw new Killed();
          };
          await play(theatre).catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
          theatre.world.client.onWrite = () => undefined;
          theatre.world.kubernetes();
          await play(theatre);
          assert.deepEqual(ends(theatre), ends(undisturbed), `${when} write ${n} of ${writes}`);
        }
    }).timeout(60_000);
});
