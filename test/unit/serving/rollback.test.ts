import assert from "node:assert/strict";
import fc from "fast-check";
import type { ModelAction } from "../../../src/api/index.ts";
import type { HealthVerdict } from "../../../src/health/index.ts";
import { World, digest, rejected, verified } from "./world.ts";

const good: HealthVerdict = { state: "Healthy", reason: "SignalsGood", message: "errors is 0.01" };
const bad: HealthVerdict = {
  state: "Unhealthy",
  reason: "SignalBad",
  message: "errors is 0.12, above the maximum 0.05, in 3 of the last 5 looks",
};

/** A model whose versions are healthy unless they are among `failing`, as long as they have pods. */
class Guarded {
  readonly world = new World();
  readonly failing = new Set<number>();
  readonly revoked = new Set<number>();
  /** The versions of which pods ever were asked for, in order. */
  readonly started: number[] = [];

  constructor() {
    this.world.health = (name) => {
      const version = this.versionOf(name);
      const runs = this.world.pods().some((pod) => pod.startsWith(`pods/shop/${name}-`));
      if (version === undefined || !runs) return undefined;
      return this.failing.has(version) ? bad : good;
    };
    this.world.verify = (request) => {
      const found = verified(request);
      const version = Number(found.verdict.digest?.at(-1));
      return this.revoked.has(version) ? rejected(request) : found;
    };
    this.world.client.onWrite = (when) => {
      if (when === "after") this.#note();
    };
  }

  #last: number | undefined;

  #note(): void {
    const version = this.running();
    if (version !== undefined && this.#last !== version) this.started.push(version);
    this.#last = version;
  }

  versionOf(revision: string | undefined): number | undefined {
    const found = this.world.revisions().find(({ metadata }) => metadata.name === revision);
    return found === undefined ? undefined : Number(found.spec.artifact.digest.at(-1));
  }

  nameOf(version: number): string {
    return this.world.revisions().find(({ spec }) => spec.artifact.digest === digest(version))?.metadata.name ?? "none";
  }

  async go(version: number): Promise<void> {
    this.ask(version);
    await this.world.settle();
  }

  ask(version: number): void {
    this.world.edit((spec) => ({
      ...spec,
      source: { ...spec.source, oci: { reference: `registry.example/models/iris:v${version}` } },
    }));
  }

  set(part: object): void {
    this.world.edit((spec) => ({ ...spec, ...part }));
  }

  /** The version that the Deployment makes pods of. */
  running(): number | undefined {
    const deployment = this.world.client.objects.get("deployments/shop/iris") as
      { spec?: { template?: { metadata?: { labels?: Record<string, string> } } } } | undefined;
    return this.versionOf(deployment?.spec?.template?.metadata?.labels?.["mlsecops.io/revision"]);
  }

  banned(): readonly number[] {
    return this.world
      .revisions()
      .flatMap((one) => (one.status?.ban === undefined ? [] : Number(one.spec.artifact.digest.at(-1))));
  }

  message(): string {
    return this.world.model().status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "";
  }
}

async function versions(...all: readonly number[]): Promise<Guarded> {
  const guarded = new Guarded();
  await guarded.world.settle();
  for (const version of all) await guarded.go(version);
  assert.equal(guarded.world.condition(), "True/Serving");
  guarded.world.events.length = 0;
  return guarded;
}

const minutes = async (guarded: Guarded, count: number) => {
  await guarded.world.clock.advance(count * 60_000);
  await guarded.world.settle();
};

describe("rolling back", () => {
  it("leaves a version that fails while it comes", async () => {
    const guarded = await versions();
    guarded.failing.add(2);
    guarded.ask(2);
    guarded.world.healthy = false;
    const written = await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    guarded.world.healthy = true;
    await guarded.world.settle();
    assert.equal(guarded.world.condition(), "False/RolledBack");
    assert.equal(guarded.world.condition("Serving"), "True/PodsReady");
    assert.equal(guarded.world.condition("Healthy"), "True/SignalsGood");
    assert.equal(guarded.world.condition("Stalled"), "True/RolledBack");
    assert.match(
      guarded.message(),
      /^revision iris-\w+ is unhealthy, back to iris-\w+: errors is 0\.12, above .* in 3 of the last 5 looks; change spec/,
    );
    assert.deepEqual(guarded.banned(), [2]);
    assert.deepEqual(guarded.world.phases(), ["Active", "RolledBack"]);
    assert.deepEqual(guarded.world.granted(), [digest(1)]);
    // What is to be done stands there before it is done.
    const started = written.indexOf("apply deployments/shop/iris");
    const intent = written.indexOf("apply status securemodels/shop/iris", started + 2);
    const ban = written.findIndex((line, index) => line.startsWith("apply status modelrevisions") && index > intent);
    const action = written.lastIndexOf("apply deployments/shop/iris");
    assert.ok(intent !== -1 && intent < ban && ban < action, written.join("\n"));
  });

  it("leaves a version that fails after it was promoted", async () => {
    const guarded = await versions(2);
    guarded.failing.add(2);
    await guarded.world.settle();
    const { status } = guarded.world.model();
    assert.equal(guarded.running(), 1);
    assert.equal(guarded.world.condition(), "False/RolledBack");
    assert.equal(guarded.versionOf(status?.active?.revision), 1);
    assert.equal(guarded.versionOf(status?.lastKnownGood?.revision), 1);
    assert.equal(guarded.versionOf(status?.rollback?.from), 2);
    assert.equal(status?.rollback?.reason, "SignalBad");
    assert.equal(status.rollbacks?.length, 1);
    assert.deepEqual(
      guarded.world.events.map(({ type, reason }) => `${type} ${reason}`),
      ["Warning RolledBack"],
    );
  });

  it("never writes the spec", async () => {
    const guarded = await versions(2);
    const before = guarded.world.model().spec;
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.deepEqual(guarded.world.model().spec, before);
    assert.ok(guarded.world.model().metadata.generation !== undefined);
  });

  it("writes nothing more once it is at rest", async () => {
    const guarded = await versions(2);
    guarded.failing.add(2);
    await guarded.world.settle();
    await guarded.world.clock.advance(60_000);
    await guarded.world.pass();
    assert.deepEqual(guarded.world.client.writes, []);
  });

  it("keeps what fails until the other one answers", async () => {
    const guarded = await versions(2);
    guarded.failing.add(2);
    guarded.world.healthy = false;
    await guarded.world.pass();
    assert.equal(guarded.running(), 1);
    assert.deepEqual([...guarded.world.granted()].sort(), [digest(1), digest(2)]);
    assert.ok(guarded.world.pods().length > 0);
  });

  it("ends when the spec asks for another version", async () => {
    const guarded = await versions(2);
    guarded.failing.add(2);
    await guarded.world.settle();
    await guarded.go(3);
    assert.equal(guarded.world.condition(), "True/Serving");
    assert.equal(guarded.running(), 3);
    assert.equal(guarded.world.model().status?.rollback, undefined);
    await guarded.go(2);
    assert.equal(guarded.running(), 3, "what failed is banned all the same");
    assert.equal(guarded.world.condition(), "False/RolledBack");
  });

  it("goes to the next older one when the one that it went back to is revoked", async () => {
    const guarded = await versions(2, 3);
    guarded.failing.add(3);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    guarded.revoked.add(2);
    await minutes(guarded, 120);
    assert.equal(guarded.running(), 1);
    assert.equal(guarded.world.condition(), "False/RolledBack");
    assert.deepEqual(guarded.world.granted(), [digest(1)]);
  });

  it("skips what is revoked by the time it is needed", async () => {
    const guarded = await versions(2, 3);
    guarded.revoked.add(2);
    guarded.failing.add(3);
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
  });

  it("goes on to the next older one when that fails too, after coolDown", async () => {
    const guarded = await versions(2, 3);
    guarded.failing.add(3).add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/CoolingDown");
    await minutes(guarded, 6);
    assert.equal(guarded.running(), 1);
    assert.equal(guarded.world.condition(), "False/RolledBack");
    assert.deepEqual([...guarded.banned()].sort(), [2, 3]);
  });

  it("changes nothing once the day's budget is spent", async () => {
    const guarded = await versions(2, 3);
    guarded.set({ rollback: { mode: "Automatic", maxPerDay: 1, coolDown: "1m", onNoSafeRevision: "KeepServing" } });
    await guarded.world.settle();
    guarded.failing.add(3).add(2);
    await guarded.world.settle();
    await minutes(guarded, 10);
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/RollbackBudgetSpent");
    assert.equal(guarded.world.condition("Healthy"), "False/SignalBad");
    await minutes(guarded, 24 * 60);
    assert.equal(guarded.running(), 1);
  });

  it("says only that it is unhealthy where rollback is off", async () => {
    const guarded = await versions(2);
    guarded.set({ rollback: { mode: "Off", maxPerDay: 1, coolDown: "1m", onNoSafeRevision: "KeepServing" } });
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/RollbackOff");
    assert.deepEqual(guarded.banned(), []);
  });

  it("keeps serving with the only version there is, and is well again by itself", async () => {
    const guarded = await versions();
    guarded.failing.add(1);
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    assert.equal(guarded.world.condition(), "False/NoSafeRevision");
    assert.equal(guarded.world.condition("Serving"), "True/PodsReady");
    guarded.failing.clear();
    await guarded.world.settle();
    assert.equal(guarded.world.condition(), "True/Serving");
  });

  it("stops the only version there is where the spec says so, and starts the next one", async () => {
    const guarded = await versions();
    guarded.set({ rollback: { mode: "Automatic", maxPerDay: 3, coolDown: "5m", onNoSafeRevision: "ScaleToZero" } });
    await guarded.world.settle();
    guarded.failing.add(1);
    await guarded.world.settle();
    assert.equal(guarded.running(), undefined);
    assert.deepEqual(guarded.world.pods(), []);
    assert.deepEqual(guarded.world.granted(), []);
    assert.equal(guarded.world.condition(), "False/NoSafeRevision");
    assert.equal(guarded.world.condition("Serving"), "False/NothingMayRun");
    assert.equal(guarded.world.model().status?.quarantine?.reason, "NoSafeRevision");
    await minutes(guarded, 60);
    assert.equal(guarded.running(), undefined);
    await guarded.go(2);
    assert.equal(guarded.world.condition(), "True/Serving");
  });

  it("does not go back to a version that was never found healthy", async () => {
    const guarded = new Guarded();
    guarded.set({ health: { interval: "30s", warmUp: "1m", startupDeadline: "30m", maxRestarts: 5, signals: [] } });
    let verdict: HealthVerdict = { state: "Unknown", reason: "NoData", message: "no data" };
    guarded.world.health = () => verdict;
    await guarded.world.settle();
    assert.equal(guarded.world.condition(), "True/Serving");
    assert.equal(guarded.world.condition("Healthy"), "Unknown/NoData");
    assert.equal(guarded.world.model().status?.lastKnownGood, undefined);
    await guarded.go(2);
    verdict = bad;
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/NoSafeRevision");
    assert.match(guarded.message(), /was never healthy/);
  });

  it("changes nothing while the model is suspended", async () => {
    const guarded = await versions(2);
    guarded.set({ suspend: true });
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/Suspended");
  });

  it("keeps a healthy older version in the history however many fail after it", async () => {
    const guarded = await versions();
    guarded.set({
      historyLimit: 1,
      rollback: {
        ...{ mode: "Automatic", maxPerDay: 20, coolDown: "1s", latchAfter: 20 },
        onNoSafeRevision: "KeepServing",
      },
    });
    for (const version of [2, 3, 4, 5]) {
      guarded.failing.add(version);
      await guarded.world.clock.advance(5_000);
      await guarded.go(version);
      assert.equal(guarded.running(), 1);
    }
    assert.ok(guarded.world.revisions().length <= 3);
  });
});

interface Ordered {
  readonly version?: number;
  readonly minutes?: number;
  readonly by?: string;
}

function order(
  guarded: Guarded,
  type: Exclude<ModelAction["spec"]["type"], "BreakGlass">,
  { version, minutes: length, by: requestedBy = "jane@example.com" }: Ordered = {},
): void {
  const name = `${type.toLowerCase()}-${guarded.world.actions.length}`;
  const now = guarded.world.clock.now();
  const creationTimestamp = now.toISOString().replace(/\.\d+/, "");
  const revision = version === undefined ? {} : { revision: guarded.nameOf(version) };
  const end = length === undefined ? {} : { notAfter: new Date(+now + length * 60_000).toISOString() };
  const spec = { type, model: "iris", reason: "INC-4711, it is wrong", requestedBy, ...revision, ...end };
  const action = { metadata: { name, namespace: "shop", creationTimestamp }, spec };
  guarded.world.actions = [...guarded.world.actions, action];
}

describe("what people order", () => {
  it("bans what serves, and an older one takes its place", async () => {
    const guarded = await versions(2);
    order(guarded, "Ban", { version: 2 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    assert.equal(guarded.world.condition(), "False/RolledBack");
    assert.match(guarded.message(), /jane@example\.com bans revision .* \(ModelAction ban-0\): INC-4711/);
    assert.equal(guarded.world.model().status?.rollbacks, undefined, "it takes nothing of the budget");
    guarded.world.actions = [];
    await guarded.world.settle();
    assert.equal(guarded.running(), 1, "a ban outlives its order");
  });

  it("bans what serves, also while what the spec asks for is refused", async () => {
    const guarded = await versions(2);
    guarded.revoked.add(3);
    await guarded.go(3);
    assert.equal(guarded.running(), 2);
    order(guarded, "Ban", { version: 2 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    guarded.revoked.delete(3);
    await guarded.go(3);
    assert.equal(guarded.running(), 3);
  });

  it("skips what a person has banned", async () => {
    const guarded = await versions(2, 3);
    order(guarded, "Ban", { version: 2 });
    guarded.failing.add(3);
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
  });

  it("lets what failed run again, until it fails again", async () => {
    const guarded = await versions(2);
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    await minutes(guarded, 10);
    guarded.failing.clear();
    order(guarded, "Promote", { version: 2 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "True/Serving");
    assert.equal(guarded.world.model().status?.rollback, undefined);
    await minutes(guarded, 10);
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    assert.deepEqual(guarded.banned(), [2]);
  });

  it("counts the newer one of two that contradict each other", async () => {
    const guarded = await versions(2);
    order(guarded, "Promote", { version: 2 });
    await minutes(guarded, 1);
    order(guarded, "Ban", { version: 2 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    await minutes(guarded, 1);
    order(guarded, "Promote", { version: 2 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
  });

  it("pauses: nothing new is started, and nothing is rolled back", async () => {
    const guarded = await versions(2);
    order(guarded, "Pause");
    await guarded.world.settle();
    assert.equal(guarded.world.condition(), "True/Serving");
    guarded.ask(3);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/Paused");
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.deepEqual(guarded.banned(), []);
    assert.match(guarded.message(), /jane@example\.com has paused model iris.*is unhealthy: errors is 0\.12/);
    guarded.failing.clear();
    guarded.world.actions = [];
    await guarded.world.settle();
    assert.equal(guarded.running(), 3);
    assert.equal(guarded.world.condition(), "True/Serving");
  });

  it("pauses until an end, and looks again then", async () => {
    const guarded = await versions(2);
    order(guarded, "Pause", { minutes: 10 });
    guarded.ask(3);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.match(guarded.message(), /has paused model iris until 20\d\d-.*: no other revision of it is started/);
    const { requeueAfterMs } = await guarded.world.pass();
    assert.equal(requeueAfterMs, 600_000);
    await minutes(guarded, 10);
    assert.equal(guarded.running(), 3);
    assert.equal(guarded.world.condition(), "True/Serving");
  });

  it("keeps a pause that has no end when another one ends", async () => {
    const guarded = await versions(2);
    order(guarded, "Pause");
    order(guarded, "Pause", { minutes: 10 });
    guarded.ask(3);
    await guarded.world.settle();
    await minutes(guarded, 10);
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/Paused");
  });

  it("Bad input: of two users who promote and ban at once the ban counts, whichever is seen first", async () => {
    for (const types of [
      ["Promote", "Ban"],
      ["Ban", "Promote"],
    ] as const)
      for (const seesBoth of [true, false]) {
        const guarded = await versions(2);
        const [first, second] = types;
        order(guarded, first, { version: 2 });
        // The operator may see the one before the other.
        if (!seesBoth) await guarded.world.settle();
        order(guarded, second, { version: 2, by: "bob@example.com" });
        guarded.world.actions = guarded.world.actions.map((action) => ({
          ...action,
          metadata: { ...action.metadata, creationTimestamp: "2026-01-01T00:00:00Z" },
        }));
        await guarded.world.settle();
        assert.equal(guarded.running(), 1, types.join());
        assert.equal(guarded.world.condition(), "False/RolledBack");
        assert.match(guarded.message(), /@example\.com bans revision iris-/);
        await minutes(guarded, 1);
        order(guarded, "Promote", { version: 2 });
        await guarded.world.settle();
        assert.equal(guarded.running(), 2, "a newer word counts");
      }
  });

  it("does not keep what is revoked running", async () => {
    const guarded = await versions(2);
    order(guarded, "Pause");
    guarded.revoked.add(2);
    await minutes(guarded, 120);
    assert.equal(guarded.running(), undefined);
    assert.deepEqual(guarded.world.granted(), []);
  });
});

describe("repeated rollbacks latch a model", () => {
  const latched = async (latchAfter = 2) => {
    const guarded = await versions();
    guarded.set({
      rollback: {
        ...{ mode: "Automatic", maxPerDay: 20, coolDown: "1m", latchAfter },
        onNoSafeRevision: "KeepServing",
      },
    });
    for (const version of [2, 3]) {
      guarded.failing.add(version);
      await minutes(guarded, 2);
      await guarded.go(version);
      assert.equal(guarded.running(), 1);
    }
    guarded.world.events.length = 0;
    return guarded;
  };

  it("and nothing new is started, what was gone back to serves on", async () => {
    const guarded = await latched();
    assert.equal(guarded.world.condition(), "False/RolledBack");
    assert.match(guarded.message(), /another revision is tried, once somebody has looked into it, and says: mlsecops/);
    const { latch } = guarded.world.model().status ?? {};
    assert.equal(latch?.reason, "RepeatedRollbacks");
    await guarded.go(4);
    assert.equal(guarded.running(), 1);
    assert.equal(guarded.world.condition(), "False/Latched");
    assert.equal(guarded.world.condition("Serving"), "True/PodsReady");
    assert.equal(guarded.world.condition("Stalled"), "True/Latched");
    assert.match(guarded.message(), /mlsecops resume smodel\/iris -n shop .*: rollbacks within 24 h: 2 \(/);
    await minutes(guarded, 3 * 24 * 60);
    assert.equal(guarded.running(), 1, "time lifts no latch");
    assert.deepEqual(guarded.world.model().status?.latch, latch);
    await guarded.world.pass();
    assert.deepEqual(guarded.world.client.writes, []);
  });

  it("and says so once", async () => {
    const guarded = await versions();
    guarded.set({ rollback: { mode: "Automatic", maxPerDay: 3, coolDown: "1m", latchAfter: 1 } });
    guarded.failing.add(2);
    await guarded.go(2);
    assert.deepEqual(
      guarded.world.events.filter(({ reason }) => reason === "Latched").map(({ type }) => type),
      ["Warning"],
    );
  });

  it("until a person resumes it", async () => {
    const guarded = await latched();
    await guarded.go(4);
    await minutes(guarded, 1);
    order(guarded, "Resume", { by: "system:serviceaccount:shop:robot" });
    await guarded.world.settle();
    assert.equal(guarded.world.condition(), "False/Latched", "a machine does not look");
    order(guarded, "Resume");
    await guarded.world.settle();
    assert.equal(guarded.running(), 4);
    assert.equal(guarded.world.condition(), "True/Serving");
    assert.equal(guarded.world.model().status?.latch, undefined);
    guarded.world.actions = [];
    await guarded.go(5);
    assert.equal(guarded.running(), 5, "it stays lifted");
  });

  it("until a person promotes what the spec asks for", async () => {
    const guarded = await latched();
    await minutes(guarded, 1);
    guarded.failing.clear();
    order(guarded, "Promote", { version: 2 });
    await guarded.world.settle();
    assert.notEqual(guarded.world.model().status?.latch, undefined, "another one was promoted");
    order(guarded, "Promote", { version: 3 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 3);
    assert.equal(guarded.world.model().status?.latch, undefined);
  });

  it("and what fails is rolled back all the same", async () => {
    const guarded = await versions(2);
    guarded.set({ rollback: { mode: "Automatic", maxPerDay: 20, coolDown: "1m", latchAfter: 1 } });
    guarded.failing.add(3);
    await guarded.go(3);
    assert.equal(guarded.running(), 2);
    await guarded.go(4);
    assert.equal(guarded.world.condition(), "False/Latched");
    await minutes(guarded, 2);
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
    assert.deepEqual([...guarded.banned()].sort(), [2, 3]);
    assert.equal(guarded.world.condition(), "False/Latched");
  });

  it("and the day's budget counts all the same", async () => {
    const guarded = await versions(2);
    guarded.set({ rollback: { mode: "Automatic", maxPerDay: 1, coolDown: "1m", latchAfter: 1 } });
    guarded.failing.add(3);
    await guarded.go(3);
    await minutes(guarded, 2);
    guarded.failing.add(2);
    await guarded.world.settle();
    assert.equal(guarded.running(), 2);
    assert.equal(guarded.world.condition(), "False/RollbackBudgetSpent");
  });

  it("and a ban of what serves is obeyed", async () => {
    const guarded = await versions(2);
    guarded.set({ rollback: { mode: "Automatic", maxPerDay: 3, coolDown: "1m", latchAfter: 1 } });
    guarded.failing.add(3);
    await guarded.go(3);
    order(guarded, "Ban", { version: 2 });
    await guarded.world.settle();
    assert.equal(guarded.running(), 1);
  });
});

describe("Rule 7: killed between any two writes, a rollback ends in the same state", () => {
  class Killed extends Error {}

  const ends = (guarded: Guarded) => ({
    running: guarded.running(),
    banned: guarded.banned(),
    granted: guarded.world.granted(),
    ready: guarded.world.condition(),
    phases: guarded.world.phases(),
    rollbacks: guarded.world.model().status?.rollbacks?.map(({ from, to }) => ({ from, to })),
    message: guarded.message(),
    latch: guarded.world.model().status?.latch?.message,
  });

  for (const onNoSafeRevision of ["RollBack", "ScaleToZero"] as const)
    it(onNoSafeRevision, async () => {
      const begin = async () => {
        const guarded = await versions(...(onNoSafeRevision === "RollBack" ? [2] : []));
        const mode = onNoSafeRevision === "RollBack" ? "KeepServing" : onNoSafeRevision;
        guarded.set({
          rollback: { ...{ mode: "Automatic", maxPerDay: 3, coolDown: "5m", latchAfter: 1 }, onNoSafeRevision: mode },
        });
        await guarded.world.settle();
        guarded.failing.add(1 + guarded.world.revisions().length - 1);
        return guarded;
      };
      const undisturbed = await begin();
      const writes = (await undisturbed.world.settle()).length;
      assert.match(ends(undisturbed).latch ?? "", /^rollbacks within 24 h: 1 \(/);
      assert.ok(writes > 3);
      for (const when of ["before", "after"] as const)
        for (let n = 1; n <= writes; n++) {
          const guarded = await begin();
          let count = 0;
          let dead = false;
          guarded.world.client.onWrite = (at) => {
            if (dead) throw new Killed();
            if (at === "before") count += 1;
            if (at !== when || count !== n) return;
            dead = true;
            throw new Killed();
          };
          await guarded.world.settle().catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
          guarded.world.client.onWrite = () => undefined;
          guarded.world.kubernetes();
          await guarded.world.settle();
          assert.deepEqual(ends(guarded), ends(undisturbed), `${when} write ${n} of ${writes}`);
        }
    });
});

/** What must be, by few and simple rules: the machine that the real one is compared with. */
class Reference {
  readonly banned = new Set<number>();
  readonly healthy = new Set<number>();
}

type Command =
  | { readonly does: "Ask"; readonly version: number }
  | { readonly does: "Fail" | "Heal" | "Revoke" | "Restore"; readonly version: number }
  | { readonly does: "Wait"; readonly minutes: number }
  | { readonly does: "Resume" }
  | { readonly does: "Crash"; readonly write: number };

const version = fc.integer({ min: 1, max: 5 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: version.map((one) => ({ does: "Ask", version: one }) as const) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom("Fail" as const, "Heal" as const, "Revoke" as const, "Restore" as const), version)
      .map(([does, one]) => ({ does, version: one })),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 300 }).map((count) => ({ does: "Wait", minutes: count }) as const),
  },
  { weight: 1, arbitrary: fc.constant({ does: "Resume" } as const) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 8 }).map((write) => ({ does: "Crash", write }) as const) },
);

describe("rolling back, whatever happens", function () {
  this.timeout(120_000);

  it("never starts what is revoked, banned or never was healthy, and never stays half-way", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 14 }), async (commands) => {
        const guarded = await versions();
        guarded.set({ rollback: { mode: "Automatic", maxPerDay: 3, coolDown: "5m", latchAfter: 2 } });
        const { world } = guarded;
        const reference = new Reference();
        let asked = 1;
        for (const one of commands) {
          const before = { running: guarded.running(), banned: new Set(guarded.banned()) };
          let isLatched = world.model().status?.latch !== undefined;
          switch (one.does) {
            case "Ask":
              asked = one.version;
              guarded.ask(one.version);
              break;
            case "Fail":
              guarded.failing.add(one.version);
              break;
            case "Heal":
              guarded.failing.delete(one.version);
              break;
            case "Revoke":
              guarded.revoked.add(one.version);
              await world.clock.advance(3_700_000);
              break;
            case "Restore":
              guarded.revoked.delete(one.version);
              await world.clock.advance(3_700_000);
              break;
            case "Wait":
              await world.clock.advance(one.minutes * 60_000);
              break;
            case "Resume":
              order(guarded, "Resume");
              isLatched = false;
              break;
            case "Crash": {
              let count = 0;
              const noting = world.client.onWrite;
              world.client.onWrite = (when, line) => {
                noting(when, line);
                if (when === "before") count += 1;
                if (count >= one.write) throw new Error("killed");
              };
              await world.settle().catch(() => undefined);
              world.client.onWrite = noting;
              break;
            }
          }
          guarded.started.length = 0;
          await world.settle();
          for (const name of world.revisions())
            if (name.status?.healthyFrom !== undefined) reference.healthy.add(Number(name.spec.artifact.digest.at(-1)));
          for (const name of guarded.banned()) reference.banned.add(name);
          const running = guarded.running();
          // A ban is never lifted by itself.
          for (const name of before.banned)
            assert.ok(guarded.nameOf(name) === "none" || guarded.banned().includes(name), `${name} is banned no more`);
          for (const name of guarded.started) {
            assert.ok(!guarded.revoked.has(name), `${name} is revoked and was started`);
            assert.ok(!before.banned.has(name) || name === before.running, `${name} is banned and was started`);
            assert.ok(name === asked || reference.healthy.has(name), `${name} was neither asked for nor ever healthy`);
            const isNew = !reference.healthy.has(name) && name !== before.running;
            assert.ok(!isLatched || !isNew, `${name} is new and was started although the model is latched`);
          }
          if (running !== undefined) assert.ok(!guarded.revoked.has(running), `${running} is revoked and runs`);
          const ready = world.condition();
          if (ready === "True/Serving") {
            assert.equal(running, asked);
            assert.ok(!guarded.failing.has(asked), "what fails is not Ready");
          }
          const { status } = world.model();
          if (status?.rollback?.to !== undefined && ready === "False/RolledBack")
            assert.equal(running, guarded.versionOf(status.rollback.to));
        }
      }),
      { numRuns: 25 },
    );
  });
});
