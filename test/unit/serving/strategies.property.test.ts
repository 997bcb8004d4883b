import assert from "node:assert/strict";
import fc from "fast-check";
import type { HealthVerdict } from "../../../src/health/index.ts";
import { RollingWorld } from "./rolling-world.ts";
import { Theatre, type Wanted, bad, good } from "./theatre.ts";

/**
 * Commands against a reference state machine: a model whose strategy, versions, health and verdicts change at random, and
 * people and crashes beside it. Each command is played twice, the second time killed at a write. What must hold after every
 * single write and step of the cluster is said by the few rules of `Reference`.
 */

const byRoute = { httpRoute: { parentRefs: [{ name: "public" }], hostnames: [] } };
const steps = [
  { weight: 25, pause: "1m", approval: false },
  { weight: 75, pause: "1m", approval: false },
];
const strategies: Readonly<Record<string, Wanted>> = {
  RollingUpdate: { type: "RollingUpdate" },
  Recreate: { type: "Recreate" },
  BlueGreen: { type: "BlueGreen", hold: "1m" },
  Canary: { type: "Canary", steps },
  ApprovedCanary: { type: "Canary", steps: steps.map((step) => ({ ...step, approval: true })) },
  RoutedCanary: { type: "Canary", steps, traffic: byRoute },
  Shadow: { type: "Shadow", hold: "1m", traffic: byRoute },
};
const noData: HealthVerdict = { state: "Unknown", reason: "NoData", message: "errors has no value" };
const verdicts = { good, bad, noData };
const replicas = 4;

class Killed extends Error {}

interface Kill {
  readonly when: "before" | "after";
  readonly write: number;
}

/** What must be, by few and simple rules. */
class Reference {
  strategy = "RollingUpdate";
  asked = 1;
  isPaused = false;
  readonly revoked = new Set<number>();
  readonly unwell = new Set<number>();
  /** Of those that are neither well nor unwell. */
  readonly unknown = new Set<number>();
  /** Served alone with all pods ready, and was well then. */
  readonly proven = new Set<number>();
  readonly banned = new Set<number>();
  readonly unready = new Set<number>();
}

/** One cluster with the real controller, watched at every step. */
class Stage {
  readonly world = new RollingWorld();
  readonly theatre = new Theatre({}, this.world);
  readonly reference: Reference;
  #floor = 0;
  #active = NaN;
  #played = "";
  #counted: readonly number[] | undefined;
  #granted: readonly number[] = [];
  #present = new Set<number>();
  #weight: { readonly revision: string; readonly weight: number } | undefined;
  #kill: Kill | undefined;
  #writes = 0;
  #isDead = false;

  constructor(reference: Reference) {
    this.reference = reference;
    const { world, theatre } = this;
    const judge = world.health;
    // Nobody looks at what has no pods.
    world.health = (name) => (world.present().includes(name) ? judge(name) : undefined);
    theatre.change({
      rollback: { mode: "Automatic", maxPerDay: 3, coolDown: "5m", onNoSafeRevision: "KeepServing" },
    });
    world.onStep = () => this.#look("a step of the cluster");
    world.client.onWrite = (when, line) => {
      if (this.#isDead) throw new Killed();
      if (when === "before") this.#writes += 1;
      if (when === "after") this.#look(line);
      if (this.#kill?.when !== when || this.#kill.write !== this.#writes) return;
      this.#isDead = true;
      throw new Killed();
    };
  }

  /** The command has changed something; then all goes its way, once with a crash. */
  async settle(kill?: Kill): Promise<void> {
    const { world, theatre, reference } = this;
    world.unready.clear();
    for (const version of reference.unready) world.unready.add(theatre.nameOf(version));
    world.refreshReadiness();
    const active = theatre.versionOf(world.model().status?.active?.revision ?? "");
    this.#active = active;
    // Where the strategy is another one, what comes begins anew, and its pods answer nobody until then.
    const isSame = this.#played === reference.strategy;
    this.#played = reference.strategy;
    if (!isSame) this.#weight = undefined;
    // What the spec has dropped goes on until what serves has its pods back, however that does. Where there is a route it gets
    // nothing more: there what serves has kept its pods.
    const { unwell, unready, revoked, banned } = reference;
    const isShort = [unwell, unready, revoked, banned].some((set) => set.has(active));
    const byPods = strategies[reference.strategy]?.traffic === undefined;
    const counted = byPods && !isShort ? undefined : [reference.asked, active];
    this.#counted = isSame ? counted : [active];
    this.#floor = Math.min(replicas, this.#serving({ unwell: [] }));
    this.#counted = counted;
    this.#granted = this.#grantedNow();
    this.#present = new Set(this.#presentNow());
    const spec = structuredClone(world.model().spec);
    if (kill !== undefined) {
      this.#kill = kill;
      this.#writes = 0;
      await world.settle().catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
      this.#kill = undefined;
      this.#isDead = false;
    }
    await world.settle();
    assert.deepEqual(world.model().spec, spec, "the spec was written");
    this.#atRest();
  }

  ends() {
    const { world } = this;
    const { status } = world.model();
    return {
      cast: this.theatre.cast(),
      granted: [...world.granted()].sort(),
      ready: world.condition(),
      phases: world.phases(),
      rollout: status?.rollout,
      active: status?.active?.revision,
      lastKnownGood: status?.lastKnownGood?.revision,
      rollbacks: status?.rollbacks,
      latch: status?.latch,
      bans: this.bans(),
    };
  }

  bans(): readonly number[] {
    const banned = this.world.revisions().filter(({ status }) => status?.ban !== undefined);
    return banned.map(({ metadata }) => this.theatre.versionOf(metadata.name));
  }

  #presentNow(): readonly number[] {
    return this.world.present().map((name) => this.theatre.versionOf(name));
  }

  #grantedNow(): readonly number[] {
    return this.world.granted().map((digest) => Number(digest.at(-1)));
  }

  /** Ready pods that requests are led to, of versions that nobody has anything against, and of these that are unwell. */
  #serving({ unwell: borne }: { readonly unwell: readonly number[] }): number {
    const { revoked, unwell, banned } = this.reference;
    const versions = this.world.answering().map((name) => this.theatre.versionOf(name));
    const isGood = (one: number) => !revoked.has(one) && !banned.has(one) && (!unwell.has(one) || borne.includes(one));
    return versions.filter((one) => (this.#counted?.includes(one) ?? true) && isGood(one)).length;
  }

  /** What holds at any time. */
  #look(what: string): void {
    const { world, theatre, reference } = this;
    const now = this.#presentNow();
    for (const version of this.#grantedNow()) {
      if (this.#granted.includes(version)) continue;
      assert.ok(!reference.revoked.has(version), `${what}: v${version} is revoked and was granted`);
      assert.ok(!reference.banned.has(version), `${what}: v${version} is banned and was granted`);
    }
    for (const version of now) {
      if (this.#present.has(version)) continue;
      assert.ok(!reference.revoked.has(version), `${what}: v${version} is revoked and was started`);
      assert.ok(!reference.banned.has(version), `${what}: v${version} is banned and was started`);
      const isKnown = version === reference.asked || reference.proven.has(version);
      assert.ok(isKnown, `${what}: v${version} was neither asked for nor ever healthy, and was started`);
      // A pause keeps nothing banned running: what is gone back to is started.
      const mayStart = [this.#active, reference.asked].some((one) => reference.banned.has(one));
      const isHeld = reference.isPaused && version !== this.#active && !mayStart;
      assert.ok(!isHeld, `${what}: v${version} was started although the model is paused`);
    }
    // What is unwell and comes, or is gone back to, takes its share where it may not be left yet, or nothing else is there.
    const goneBackTo = theatre.versionOf(world.model().status?.rollback?.to ?? "");
    const coming = [reference.asked, goneBackTo].filter((one) => one !== this.#active);
    const serving = this.#serving({ unwell: coming });
    if (reference.strategy !== "Recreate")
      assert.ok(serving >= this.#floor, `${what}: ${serving} pods serve and ${this.#floor} did: ${theatre.cast()}`);
    const ready = world.ready().map((name) => theatre.versionOf(name));
    const [only] = ready;
    if (only !== undefined && ready.length >= replicas && new Set(now).size === 1)
      if (!reference.unwell.has(only) && !reference.unknown.has(only)) reference.proven.add(only);
    this.#lookAtWeight(what);
  }

  #lookAtWeight(what: string): void {
    const { rollout } = this.world.model().status ?? {};
    const before = this.#weight;
    this.#weight = rollout;
    if (rollout === undefined || before?.revision !== rollout.revision || rollout.weight === before.weight) return;
    const version = this.theatre.versionOf(rollout.revision);
    const { unwell, unknown, revoked, isPaused } = this.reference;
    const way = `v${version} goes from ${before.weight} to ${rollout.weight} %`;
    assert.ok(rollout.weight > before.weight, `${what}: ${way}`);
    assert.ok(!unwell.has(version) && !unknown.has(version), `${what}: ${way}, and is not well`);
    assert.ok(!revoked.has(version), `${what}: ${way}, and is revoked`);
    assert.ok(!isPaused, `${what}: ${way}, and the model is paused`);
  }

  /** What holds once nothing changes any more. */
  #atRest(): void {
    const { world, theatre, reference } = this;
    for (const version of [...this.#presentNow(), ...this.#grantedNow()])
      assert.ok(!reference.revoked.has(version), `v${version} is revoked and there: ${theatre.cast()}`);
    for (const version of reference.banned)
      assert.ok(this.bans().includes(version) || theatre.nameOf(version) === "", `v${version} is banned no more`);
    for (const version of this.bans()) reference.banned.add(version);
    const { rollback } = world.model().status ?? {};
    if (rollback?.to !== undefined && world.condition() === "False/RolledBack")
      assert.ok(reference.proven.has(theatre.versionOf(rollback.to)), "back to what never was healthy");
    if (world.condition() !== "True/Serving") return;
    const all = Array.from({ length: replicas }, () => reference.asked);
    assert.deepEqual(
      world.answering().map((name) => theatre.versionOf(name)),
      all,
    );
    assert.deepEqual(this.#presentNow(), all);
    assert.ok(!reference.unwell.has(reference.asked) && !reference.banned.has(reference.asked), "it is not well");
  }
}

/** Undisturbed, and killed at a write of each command. */
interface Pair {
  readonly calm: Stage;
  readonly hit: Stage;
}

class Play implements fc.AsyncCommand<Reference, Pair> {
  readonly #said: string;
  readonly #note: (reference: Reference) => void;
  readonly #act: (stage: Stage) => void | Promise<void>;
  readonly #kill: Kill | undefined;

  constructor(
    said: string,
    {
      note = () => undefined,
      act = () => undefined,
      kill,
    }: {
      readonly note?: (reference: Reference) => void;
      readonly act?: (stage: Stage) => void | Promise<void>;
      readonly kill?: Kill | undefined;
    },
  ) {
    this.#said = said;
    this.#note = note;
    this.#act = act;
    this.#kill = kill;
  }

  check(): boolean {
    return true;
  }

  async run(reference: Reference, { calm, hit }: Pair): Promise<void> {
    this.#note(reference);
    if (calm.reference !== reference) throw new TypeError("the stages go by another reference");
    this.#note(hit.reference);
    for (const [stage, kill] of [
      [calm, undefined],
      [hit, this.#kill],
    ] as const) {
      await this.#act(stage);
      await stage.settle(kill);
    }
    assert.deepEqual(hit.ends(), calm.ends(), "killed, it ends in another state");
  }

  toString(): string {
    return this.#kill === undefined ? this.#said : `${this.#said} killed ${this.#kill.when} write ${this.#kill.write}`;
  }
}

function setTo(set: Set<number>, one: number, isIn: boolean): void {
  if (isIn) set.add(one);
  else set.delete(one);
}

const version = fc.integer({ min: 1, max: 4 });
const kill = fc.option(
  fc.record({ when: fc.constantFrom("before", "after"), write: fc.integer({ min: 1, max: 15 }) }),
  {
    nil: undefined,
  },
);

const ask = fc
  .tuple(version, kill)
  .map(
    ([one, k]) =>
      new Play(`Ask ${one}`, { note: (r) => (r.asked = one), act: ({ theatre }) => theatre.ask(one), kill: k }),
  );
const change = fc.tuple(fc.constantFrom(...Object.keys(strategies)), kill).map(
  ([name, k]) =>
    new Play(`Strategy ${name}`, {
      note: (r) => (r.strategy = name),
      act: ({ theatre }) =>
        theatre.change({ strategy: { steps: [], hold: "1m", approval: false, ...strategies[name] } }),
      kill: k,
    }),
);
const feel = fc.tuple(version, fc.constantFrom("good", "bad", "noData"), kill).map(
  ([one, how, k]) =>
    new Play(`Health ${one} ${how}`, {
      note: ({ unwell, unknown }) => {
        setTo(unwell, one, how === "bad");
        setTo(unknown, one, how === "noData");
      },
      act: ({ theatre }) => void theatre.health.set(one, verdicts[how]),
      kill: k,
    }),
);
const trust = fc.tuple(version, fc.boolean(), kill).map(
  ([one, isRevoked, k]) =>
    new Play(`${isRevoked ? "Revoke" : "Restore"} ${one}`, {
      note: ({ revoked }) => setTo(revoked, one, isRevoked),
      act: ({ theatre }) => setTo(theatre.revoked, one, isRevoked),
      kill: k,
    }),
);
const start = fc.tuple(version, fc.boolean(), kill).map(
  ([one, fails, k]) =>
    new Play(`Pods of ${one} ${fails ? "fail" : "are ready"}`, {
      note: ({ unready }) => setTo(unready, one, fails),
      kill: k,
    }),
);
const pause = fc.tuple(fc.boolean(), kill).map(
  ([isPaused, k]) =>
    new Play(isPaused ? "Pause" : "Go on", {
      note: (r) => (r.isPaused = isPaused),
      act: ({ theatre, world }) => {
        world.actions = world.actions.filter(({ spec }) => spec.type !== "Pause");
        if (isPaused) theatre.order("Pause");
      },
      kill: k,
    }),
);
const ban = fc.tuple(version, kill).map(
  ([one, k]) =>
    new Play(`Ban ${one}`, {
      act: ({ theatre, reference }) => {
        if (theatre.nameOf(one) === "") return;
        theatre.order("Ban", one);
        reference.banned.add(one);
      },
      kill: k,
    }),
);
const approve = fc.tuple(version, fc.constantFrom("jane", "joe"), kill).map(
  ([one, who, k]) =>
    new Play(`Approve ${one} by ${who}`, {
      act: ({ theatre }) => (theatre.nameOf(one) === "" ? undefined : theatre.order("Approve", one, who)),
      kill: k,
    }),
);
const wait = fc
  .tuple(fc.constantFrom(1, 61, 301, 3_700, 90_000), kill)
  .map(
    ([seconds, k]) =>
      new Play(`Wait ${seconds}`, { act: ({ world }) => world.clock.advance(seconds * 1_000), kill: k }),
  );
const commands = [ask, ask, change, feel, feel, trust, start, pause, ban, approve, wait, wait, wait];

describe("the strategies, whatever happens", function () {
  this.timeout(120_000);

  it("serve what is verified and well, as reference and as undisturbed, and come to rest", async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 16, size: "max" }), async (plays) => {
        const reference = new Reference();
        const pair = { calm: new Stage(reference), hit: new Stage(new Reference()) };
        for (const stage of [pair.calm, pair.hit]) await stage.settle();
        await fc.asyncModelRun(() => ({ model: reference, real: pair }), plays);
        const { calm } = pair;
        calm.reference.isPaused = false;
        calm.world.actions = [];
        calm.theatre.order("Resume");
        calm.reference.asked = 5;
        calm.theatre.ask(5);
        for (let minute = 0; minute < 4; minute++) {
          await calm.settle();
          await calm.world.clock.advance(61_000);
          if (calm.theatre.nameOf(5) !== "") for (const who of ["jane", "joe"]) calm.theatre.order("Approve", 5, who);
        }
        await calm.settle();
        assert.equal(calm.world.condition(), "True/Serving");
        assert.equal(calm.theatre.versionOf(calm.world.model().status?.active?.revision ?? ""), 5);
      }),
      { numRuns: 30 },
    );
  });
});
