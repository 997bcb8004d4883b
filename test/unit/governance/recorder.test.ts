import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { CHECKPOINT_CHAIN, KEY_CHAIN } from "../../../src/api/index.ts";
import {
  EvidenceMetrics,
  type Fact,
  Recorder,
  type RecorderOptions,
  SigningKey,
  verifyEvidence,
} from "../../../src/governance/index.ts";
import { KubeError, createLogger, inPass } from "../../../src/kube/index.ts";
import { FakeClock, settle } from "../kube/fake-clock.ts";
import {
  enforced,
  granted,
  nobody,
  objectOf,
  predicates,
  quarantined,
  released,
  types,
  verdict,
  withdrawn,
} from "./support/build.ts";
import { MemoryStore } from "./support/memory-store.ts";

const key = SigningKey.generate();

/** One process: it may be killed, and another one started on the same store. */
class Process {
  readonly clock: FakeClock;
  readonly registry = new Registry();
  readonly recorder: Recorder;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: Pick<RecorderOptions, "store"> & Partial<RecorderOptions> & { clock?: FakeClock }) {
    const { store, clock = new FakeClock(), ...rest } = options;
    this.clock = clock;
    this.recorder = new Recorder({
      store,
      keys: () => Promise.resolve({ current: key }),
      identity: "operator-0",
      version: "0.1.0",
      log: createLogger({ level: "silent" }),
      metrics: new EvidenceMetrics(this.registry),
      random: () => 0,
      ...rest,
      clock,
    });
    this.#running = this.recorder.run(this.#stop.signal);
  }

  say(uid: string, ...facts: readonly Fact[]): void {
    this.recorder.record(objectOf(uid), () => facts);
  }

  async kill(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async metric(line: string): Promise<string | undefined> {
    const text = await this.registry.metrics();
    return new RegExp(`^mlsecops_evidence_${line.replaceAll(/[{}"]/g, "\\$&")} (\\d+)$`, "m").exec(text)?.[1];
  }
}

async function assertSound(store: MemoryStore, keys = [key]): Promise<void> {
  const found = await verifyEvidence({ store, keys: keys.map((one) => one.public), signal: nobody });
  assert.ok(found.sound, JSON.stringify(found.chains));
}

async function rest(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round++) await settle();
}

describe("recording evidence", () => {
  let store: MemoryStore;
  const processes: Process[] = [];
  const start = (options: Partial<RecorderOptions> & { clock?: FakeClock } = {}): Process => {
    const process = new Process({ ...options, store });
    processes.push(process);
    return process;
  };
  beforeEach(() => (store = new MemoryStore()));
  afterEach(async () => {
    for (const process of processes.splice(0)) await process.kill();
    await assertSound(store);
  });

  it("introduces the key, and then records each decision once", async () => {
    const process = start();
    process.say("aaa", verdict(), granted(), released);
    await rest();
    process.say("aaa", verdict(), granted(), released);
    process.say("aaa", verdict("Verified", 1, "said in other words"));
    await rest();
    assert.deepEqual(types(store, KEY_CHAIN), ["KeyRotation"]);
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant"]);
    process.say("aaa", verdict("Rejected"), withdrawn, quarantined);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant", "Verdict", "Withdrawal", "Quarantine"]);
    process.say("aaa", verdict(), granted(), released);
    await rest();
    assert.deepEqual(types(store, "aaa").slice(5), ["Verdict", "Grant", "Release"]);
    assert.equal(await process.metric('records_total{result="recorded"}'), "9");
    assert.equal(await process.metric("pending"), "0");
  });

  it("names the pass that decided", async () => {
    const process = start();
    await inPass("pass-1", async () => {
      process.say("aaa", verdict());
      await Promise.resolve();
    });
    process.say("aaa", granted());
    await rest();
    const passes = predicates(store, "aaa").map(({ reconcileId }) => reconcileId);
    assert.deepEqual(passes, ["pass-1", undefined]);
  });

  it("says where a chain stands, for the status", async () => {
    const process = start();
    assert.equal(process.recorder.head("aaa"), undefined);
    process.say("aaa", verdict());
    await rest();
    const [record] = predicates(store, "aaa");
    const head = process.recorder.head("aaa");
    assert.equal(head?.sequence, 0);
    assert.equal(head.recordedAt, record?.time);
  });

  it("records nothing twice after a restart, and goes on from the store's tail", async () => {
    const first = start();
    first.say("aaa", verdict(), granted());
    await rest();
    await first.kill();
    const second = start();
    second.say("aaa", verdict(), granted(), released);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant"]);
    assert.equal(await second.metric('records_total{result="unchanged"}'), "3");
    second.say("aaa", withdrawn);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant", "Withdrawal"]);
  });

  it("records what a process before it decided and was killed before it was kept", async () => {
    store.down = true;
    const first = start();
    first.say("aaa", verdict(), granted());
    await rest();
    await first.kill();
    store.down = false;
    const second = start();
    second.say("aaa", verdict(), granted());
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant"]);
  });

  it("does not fork a chain when the answer to an append is lost", async () => {
    const process = start();
    await rest();
    store.losesAnswers = true;
    process.say("aaa", verdict(), granted());
    await rest();
    store.losesAnswers = false;
    await process.clock.advance(300_000);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant"]);
    assert.ok(store.appends > 3);
  });

  it("goes on behind another writer's record, and says what it had to say there", async () => {
    const clock = new FakeClock();
    const [one, other] = [start({ clock }), start({ clock })];
    await rest();
    one.say("aaa", verdict());
    await rest();
    other.say("aaa", verdict(), granted());
    await clock.advance(10_000);
    await rest();
    one.say("aaa", quarantined);
    await clock.advance(10_000);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict", "Grant", "Quarantine"]);
  });

  it("waits for a store that is away, in order, and asks less and less often", async () => {
    store.down = true;
    const process = start();
    process.say("aaa", verdict());
    process.say("aaa", verdict("Rejected"));
    process.say("bbb", enforced);
    process.say("aaa", verdict());
    await process.clock.advance(3_600_000);
    assert.ok(Number(await process.metric('records_total{result="failed"}')) < 80);
    assert.equal(await process.metric("pending"), "4");
    store.down = false;
    await process.clock.advance(60_000);
    await rest();
    const outcomes = predicates(store, "aaa").map(({ decision }) => decision.type === "Verdict" && decision.outcome);
    assert.deepEqual(outcomes, ["Verified", "Rejected", "Verified"]);
    assert.deepEqual(types(store, "bbb"), ["Enforcement"]);
    const [first] = predicates(store, "aaa");
    assert.equal(first?.time, "2026-01-01T00:00:00.000Z", "the time of the decision, not of the writing");
  });

  it("counts a decision as waiting until it is kept", async () => {
    const process = start();
    await rest();
    store.down = true;
    process.say("aaa", verdict());
    await process.clock.advance(60_000);
    assert.equal(await process.metric("pending"), "1");
    store.down = false;
    await process.clock.advance(60_000);
    await rest();
    assert.equal(await process.metric("pending"), "0");
    assert.deepEqual(types(store, "aaa"), ["Verdict"]);
  });

  it("drops the oldest when too many wait, and leaves a gap that says so", async () => {
    store.down = true;
    const process = start({ maxWaiting: 3 });
    for (let n = 1; n <= 5; n++) {
      process.say("aaa", verdict("Verified", n));
      await process.clock.advance(1_000);
    }
    assert.equal(await process.metric('records_total{result="dropped"}'), "2");
    store.down = false;
    await process.clock.advance(120_000);
    await rest();
    const [gap, ...others] = predicates(store, "aaa");
    assert.deepEqual(gap?.decision, {
      type: "Gap",
      dropped: 2,
      first: "2026-01-01T00:00:00.000Z",
      last: "2026-01-01T00:00:01.000Z",
    });
    assert.equal(others.length, 3);
  });

  it("leaves a gap also where nothing else of the chain waits, and takes down again what was dropped", async () => {
    store.down = true;
    const process = start({ maxWaiting: 1 });
    process.say("aaa", verdict());
    process.say("bbb", verdict());
    store.down = false;
    await process.clock.advance(120_000);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Gap"]);
    process.say("aaa", verdict());
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Gap", "Verdict"]);
    assert.deepEqual(types(store, "bbb"), ["Verdict"]);
  });

  it("writes nothing once the lease is lost", async () => {
    const lost = new AbortController();
    const fence = {
      signal: lost.signal,
      assertHeld: () => {
        if (lost.signal.aborted) throw new KubeError("Fenced", "the lease is lost");
      },
    };
    const process = start({ fence });
    process.say("aaa", verdict());
    await rest();
    lost.abort();
    process.say("aaa", verdict("Rejected"), quarantined);
    await rest();
    await process.clock.advance(600_000);
    assert.deepEqual(types(store, "aaa"), ["Verdict"]);
  });

  it("never goes back in time, whatever the clock of a new leader says", async () => {
    const first = start();
    await first.clock.advance(3_600_000);
    first.say("aaa", verdict());
    await rest();
    await first.kill();
    const second = start();
    second.say("aaa", granted());
    await rest();
    const times = predicates(store, "aaa").map(({ time }) => time);
    assert.deepEqual(times, ["2026-01-01T01:00:00.000Z", "2026-01-01T01:00:00.000Z"]);
  });

  it("lets one chain that fails hold up no other", async () => {
    const process = start();
    await rest();
    const append = store.append.bind(store);
    store.append = (record) =>
      record.chain === "aaa" ? Promise.reject(new Error("this one never works")) : append(record);
    process.say("aaa", verdict());
    for (let n = 0; n < 10; n++) process.say(`bbb${n}`, verdict());
    await rest(60);
    for (let n = 0; n < 10; n++) assert.deepEqual(types(store, `bbb${n}`), ["Verdict"]);
  });

  it("does not lose what comes after a decision that cannot be written", async () => {
    const process = start();
    const { decision, ...fact } = granted();
    const wrong = { ...fact, part: "Not A Part", decision };
    process.say("aaa", wrong, verdict());
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict"]);
    assert.equal(await process.metric('records_total{result="dropped"}'), "1");
  });

  it("never throws at those who decide", async () => {
    const process = start();
    process.recorder.record(objectOf("aaa"), () => {
      throw new Error("a status that nobody understands");
    });
    process.say("aaa", verdict());
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict"]);
  });

  it("makes a checkpoint when its time has come, of what changed, and none while nothing does", async () => {
    const process = start({ checkpoints: { afterMs: 60_000, afterRecords: 1_000 } });
    process.say("aaa", verdict());
    process.say("bbb", verdict());
    await rest();
    assert.deepEqual(types(store, CHECKPOINT_CHAIN), []);
    await process.clock.advance(61_000);
    await rest();
    process.say("aaa", granted());
    await rest();
    await process.clock.advance(3_600_000);
    await rest();
    const heads = predicates(store, CHECKPOINT_CHAIN).map(({ decision }) =>
      decision.type === "Checkpoint"
        ? [decision.chains, ...decision.heads.map(({ chain, sequence }) => `${chain} ${sequence}`)]
        : [],
    );
    assert.deepEqual(heads, [
      [3, "aaa 0", "bbb 0", `${KEY_CHAIN} 0`],
      [3, "aaa 1"],
    ]);
  });

  it("makes a checkpoint after so many records, and one over all chains after a restart", async () => {
    const checkpoints = { afterMs: 3_600_000, afterRecords: 2 };
    const first = start({ checkpoints });
    first.say("aaa", verdict());
    await rest();
    assert.deepEqual(types(store, CHECKPOINT_CHAIN), ["Checkpoint"]);
    await first.kill();
    const second = start({ checkpoints });
    second.say("bbb", verdict(), granted());
    await rest();
    const last = predicates(store, CHECKPOINT_CHAIN).at(-1);
    assert.ok(last?.decision.type === "Checkpoint");
    assert.deepEqual(
      last.decision.heads.map(({ chain }) => chain),
      ["aaa", "bbb", KEY_CHAIN],
    );
  });

  it("spreads a checkpoint of many chains over several records", async () => {
    const process = start({ checkpoints: { afterMs: 1_000, afterRecords: 100_000 } });
    for (let n = 0; n < 1_500; n++) process.say(`c${n}`, enforced);
    await rest(1_600);
    await process.clock.advance(2_000);
    await rest();
    const sizes = predicates(store, CHECKPOINT_CHAIN).map(({ decision }) =>
      decision.type === "Checkpoint" ? [decision.heads.length, decision.root !== undefined] : [],
    );
    assert.deepEqual(sizes, [
      [1000, false],
      [501, true],
    ]);
  }).timeout(20_000);

  it("has a new key introduced by the one before it", async () => {
    const first = start();
    first.say("aaa", verdict());
    await rest();
    await first.kill();
    const next = SigningKey.generate();
    const keys = () => Promise.resolve({ current: next, previous: key });
    const second = start({ keys });
    second.say("aaa", granted());
    await rest();
    await second.kill();
    const third = start({ keys });
    third.say("aaa", withdrawn);
    await rest();
    assert.deepEqual(types(store, KEY_CHAIN), ["KeyRotation", "KeyRotation"]);
    await assertSound(store, [key]);
  });

  it("introduces the key once, however often the store fails at first", async () => {
    const first = start();
    first.say("aaa", verdict());
    await rest();
    await first.kill();
    store.chains.delete(KEY_CHAIN);
    const entries = await store.list();
    // A store whose names hold no hash, so that each last record is read.
    store.list = () => Promise.resolve(entries.map(({ chain, sequence }) => ({ chain, sequence })));
    const record = store.of("aaa")[0]?.bytes ?? Buffer.alloc(0);
    let failures = 0;
    store.read = () => ((failures += 1) < 4 ? Promise.reject(new Error("not now")) : Promise.resolve(record));
    const second = start();
    second.say("aaa", verdict());
    await second.clock.advance(60_000);
    await rest();
    assert.deepEqual(types(store, KEY_CHAIN), ["KeyRotation"]);
    Reflect.deleteProperty(store, "list");
    Reflect.deleteProperty(store, "read");
  });

  it("reads the key again where it could not be read", async () => {
    let tries = 0;
    const process = start({
      keys: () => ((tries += 1) < 3 ? Promise.reject(new Error("no Secret yet")) : Promise.resolve({ current: key })),
    });
    process.say("aaa", verdict());
    await process.clock.advance(10_000);
    await rest();
    assert.deepEqual(types(store, "aaa"), ["Verdict"]);
  });
});

describe("recording evidence behind a record that was changed", () => {
  it("goes on, so that what happened is seen and what comes is kept", async () => {
    const store = new MemoryStore();
    const first = new Process({ store });
    first.say("aaa", verdict());
    await rest();
    await first.kill();
    const [record] = store.of("aaa");
    assert.ok(record);
    record.bytes = Buffer.from("{}");
    const second = new Process({ store });
    second.say("aaa", verdict());
    await rest();
    await second.kill();
    assert.equal(store.of("aaa").length, 2);
    const { chains } = await verifyEvidence({ store, keys: [key.public], signal: nobody });
    assert.equal(chains.find(({ chain }) => chain === "aaa")?.broken?.problem, "Unreadable");
  });
});
