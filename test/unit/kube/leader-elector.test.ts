import assert from "node:assert/strict";
import fc from "fast-check";
import {
  KubeError,
  LeaderElector,
  Metrics,
  ObjectClient,
  type Clock,
  type LeaderElectorOptions,
  type Timer,
  type TransportRequest,
} from "../../../src/kube/index.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { FakeLeaseServer } from "./fake-lease-server.ts";
import { silentLog } from "./support.ts";

const timings = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, random: () => 0 };
const broken = (): never => {
  throw new KubeError("Unavailable", "broken");
};

/** The clock of one process: while it is paused time passes, but its timers fire late. */
class ProcessClock implements Clock {
  readonly #base: FakeClock;
  #paused = false;
  #late: (() => void)[] = [];

  constructor(base: FakeClock) {
    this.#base = base;
  }

  now(): Date {
    return this.#base.now();
  }

  monotonic(): number {
    return this.#base.monotonic();
  }

  setTimeout(callback: () => void, ms: number): Timer {
    return this.#base.setTimeout(() => {
      if (this.#paused) this.#late.push(callback);
      else callback();
    }, ms);
  }

  clearTimeout(timer: Timer): void {
    this.#base.clearTimeout(timer);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const callback of this.#late.splice(0)) callback();
  }
}

describe("leader election", () => {
  let clock: FakeClock;
  let server: FakeLeaseServer;
  let ends: (() => Promise<void>)[];

  beforeEach(() => {
    clock = new FakeClock();
    server = new FakeLeaseServer();
    ends = [];
  });
  afterEach(async () => {
    for (const end of ends) await end();
  });

  interface Candidate {
    readonly elector: LeaderElector;
    readonly log: string[];
    readonly stop: AbortController;
    readonly ended: Promise<void>;
    signal: AbortSignal | undefined;
    fault: (request: TransportRequest) => void | Promise<void>;
  }
  const join = (
    identity: string,
    options: Partial<LeaderElectorOptions> & { work?: (signal: AbortSignal) => Promise<void> } = {},
  ): Candidate => {
    const stop = new AbortController();
    const log: string[] = [];
    const { work, ...rest } = options;
    const transport = server.transport((request) => candidate.fault(request));
    const elector = new LeaderElector({
      client: new ObjectClient({ transport }),
      namespace: "ns",
      name: "lock",
      identity,
      clock,
      log: silentLog(),
      ...timings,
      ...rest,
    });
    const candidate: Candidate = {
      elector,
      log,
      stop,
      signal: undefined,
      fault: () => undefined,
      ended: Promise.resolve(),
    };
    const onStarted = (signal: AbortSignal): void | Promise<void> => {
      log.push("started");
      candidate.signal = signal;
      return work?.(signal);
    };
    const ended = elector.run({ onStarted, onStopped: () => void log.push("stopped") }, stop.signal);
    ends.push(async () => {
      candidate.fault = () => undefined;
      stop.abort();
      await clock.advance(60_000);
      await ended.catch(() => undefined);
    });
    return Object.assign(candidate, { ended });
  };

  it("gives the lease to the first, who keeps it", async () => {
    const a = join("a");
    await settle();
    const b = join("b");
    await clock.advance(600_000);
    assert.deepEqual([a.log, b.log], [["started"], []]);
    assert.equal(a.elector.isLeader(), true);
    assert.equal(b.elector.isLeader(), false);
    a.elector.fence.assertHeld();
    assert.equal(a.elector.fence.signal.aborted, false);
    assert.throws(() => b.elector.fence.assertHeld(), { code: "Fenced" });
    assert.equal(b.elector.fence.signal.aborted, true);
    assert.equal(server.lease?.spec.leaseDurationSeconds, 15);
    assert.equal(server.lease.spec.leaseTransitions, 0);
  });

  it("hands the lease over at once in a graceful stop, after the work has ended", async () => {
    let finish = (): void => undefined;
    const a = join("a", { work: () => new Promise((resolve) => (finish = resolve)) });
    await settle();
    const b = join("b");
    await clock.advance(5_000);
    a.stop.abort();
    await clock.advance(4_000);
    assert.equal(a.signal?.aborted, true, "the work is told to stop");
    a.elector.fence.assertHeld();
    assert.deepEqual(b.log, [], "while the work ends, the lease is still held");
    finish();
    await clock.advance(2_000);
    assert.deepEqual([a.log, b.log], [["started", "stopped"], ["started"]]);
    assert.throws(() => a.elector.fence.assertHeld(), { code: "Fenced" });
    assert.equal(server.lease?.spec.leaseTransitions, 1);
    await a.ended;
  });

  it("gives the lease back also when it stops in the middle of a renewal", async () => {
    const a = join("a");
    await settle();
    const delays = [3_000, 4_000];
    a.fault = async (request) => {
      if (request.method === "PUT")
        await new Promise<void>((resolve) => clock.setTimeout(resolve, delays.shift() ?? 0));
    };
    await clock.advance(2_500);
    a.stop.abort();
    await clock.advance(10_000);
    await a.ended;
    assert.deepEqual(delays, []);
    assert.equal(server.holder, "");
  });

  it("does not wait for ever for work that does not end", async () => {
    const a = join("a", { work: () => new Promise(() => undefined) });
    await settle();
    a.stop.abort();
    await clock.advance(9_999);
    assert.deepEqual(a.log, ["started"]);
    await clock.advance(1);
    await a.ended;
    assert.deepEqual(a.log, ["started", "stopped"]);
    assert.equal(server.holder, "");
  });

  it("gives the lease back when the work fails, and passes the error on", async () => {
    const a = join("a", { work: () => Promise.reject(new Error("the work failed")) });
    await assert.rejects(a.ended, /the work failed/);
    assert.deepEqual(a.log, ["started", "stopped"]);
    assert.equal(server.holder, "");
  });

  it("gives up before anybody else can take over when it cannot renew", async () => {
    const a = join("a");
    await settle();
    const b = join("b");
    await clock.advance(20_000);
    const lastRenewal = clock.monotonic();
    a.fault = broken;
    await clock.advance(9_999);
    assert.equal(a.elector.isLeader(), true);
    await clock.advance(1);
    assert.equal(a.elector.isLeader(), false);
    assert.deepEqual(a.log, ["started", "stopped"]);
    assert.equal(a.signal?.aborted, true);
    assert.equal(a.elector.fence.signal.reason instanceof KubeError, true);
    assert.deepEqual(b.log, []);
    while (b.log.length === 0) await clock.advance(100);
    assert.ok(clock.monotonic() - lastRenewal >= 13_000, "b has seen the lease unchanged for 15 s");
    assert.ok(clock.monotonic() - lastRenewal <= 19_000);
  });

  it("survives failures that are shorter than the deadline", async () => {
    const a = join("a");
    await settle();
    for (let count = 0; count < 10; count += 1) {
      a.fault = broken;
      await clock.advance(7_000);
      a.fault = () => undefined;
      await clock.advance(3_000);
    }
    assert.deepEqual(a.log, ["started"]);
  });

  it("counts from the moment the renewal was sent, not from its answer", async () => {
    const a = join("a");
    await settle();
    // The answer takes four seconds, so the renewal is that much older.
    a.fault = () => new Promise((resolve) => clock.setTimeout(resolve, 4_000));
    await clock.advance(6_000);
    a.fault = broken;
    await clock.advance(5_999);
    assert.equal(a.elector.isLeader(), true);
    await clock.advance(1);
    assert.equal(a.elector.isLeader(), false);
  });

  it("stops at once when it finds the lease with another", async () => {
    const a = join("a");
    await settle();
    server.edit((lease) => (lease.spec.holderIdentity = "intruder"));
    await clock.advance(2_000);
    assert.deepEqual(a.log, ["started", "stopped"]);
    assert.equal(a.elector.isLeader(), false);
    assert.equal(server.holder, "intruder");
  });

  it("stops when the lease is deleted", async () => {
    const a = join("a");
    await settle();
    server.lease = undefined;
    await clock.advance(2_000);
    assert.deepEqual(a.log, ["started", "stopped"]);
  });

  it("keeps the lease when somebody edits it but not its holder", async () => {
    const a = join("a");
    await settle();
    for (let count = 0; count < 10; count += 1) {
      server.edit(() => undefined);
      await clock.advance(2_000);
    }
    assert.deepEqual(a.log, ["started"]);
  });

  it("keeps the lease when the answer to a renewal is lost", async () => {
    const a = join("a");
    await settle();
    const transport = server.transport();
    let lost = 0;
    a.fault = async (request) => {
      if (request.method !== "PUT" || lost >= 3) return;
      lost += 1;
      await transport.request(request);
      broken();
    };
    await clock.advance(60_000);
    assert.deepEqual(a.log, ["started"]);
    assert.equal(lost, 3);
  });

  it("refuses writes after a pause, before any timer has fired", async () => {
    const time = new ProcessClock(clock);
    const a = join("a", { clock: time });
    await settle();
    time.pause();
    clock.jump(10_000);
    assert.throws(() => a.elector.fence.assertHeld(), { code: "Fenced" });
    assert.equal(a.elector.isLeader(), false);
    time.resume();
    await clock.advance(0);
    assert.deepEqual(a.log, ["started", "stopped"]);
    assert.equal(a.elector.fence.signal.aborted, true);
  });

  it("notices the suspension of a machine by the wall clock", async () => {
    const a = join("a");
    await settle();
    clock.setWall(new Date(clock.now().getTime() + 10_000));
    assert.throws(() => a.elector.fence.assertHeld(), { code: "Fenced" });
    assert.equal(a.elector.isLeader(), false);
  });

  it("does not trust the other's clock", async () => {
    await clock.advance(1);
    const a = join("a");
    await settle();
    // A candidate whose clock is a day ahead: every renewal of a looks ancient to it.
    const ahead = new FakeClock();
    ahead.setWall(new Date("2026-01-02T00:00:00Z"));
    const b = join("b", { clock: { ...bind(clock), now: () => ahead.now() } });
    await clock.advance(60_000);
    assert.deepEqual([a.log, b.log], [["started"], []]);
  });

  it("takes a lease that was given back, or that names nobody, at once", async () => {
    const a = join("a");
    await settle();
    server.edit((lease) => (lease.spec = {}));
    const b = join("b");
    await settle();
    assert.equal(server.holder, "b");
    assert.deepEqual(b.log, ["started"]);
    await clock.advance(2_000);
    assert.deepEqual(a.log, ["started", "stopped"]);
  });

  it("waits without harm while the API server is down", async () => {
    const a = join("a");
    a.fault = broken;
    await clock.advance(60_000);
    assert.deepEqual(a.log, []);
    a.fault = () => undefined;
    await clock.advance(2_000);
    assert.deepEqual(a.log, ["started"]);
  });

  it("ends when it is stopped while it waits, and calls nobody", async () => {
    join("a");
    await settle();
    const b = join("b");
    await clock.advance(5_000);
    b.stop.abort();
    await settle();
    await b.ended;
    assert.deepEqual(b.log, []);
    assert.equal(server.holder, "a");
  });

  it("gives back a lease that it won after it was stopped", async () => {
    const a = join("a");
    a.stop.abort();
    await settle();
    await a.ended;
    assert.deepEqual(a.log, []);
    assert.equal(server.holder, "");
  });

  it("can lead again after a term", async () => {
    const metrics = new Metrics();
    const a = join("a", { metrics });
    await settle();
    assert.match(await metrics.registry.metrics(), /operator_leader\{name="lock"\} 1/);
    a.fault = broken;
    await clock.advance(11_000);
    await a.ended;
    assert.match(await metrics.registry.metrics(), /operator_leader\{name="lock"\} 0/);
    a.fault = () => undefined;
    const stop = new AbortController();
    const again = a.elector.run({ onStarted: () => void a.log.push("again"), onStopped: () => undefined }, stop.signal);
    await clock.advance(1_000);
    assert.equal(a.log.at(-1), "again");
    a.elector.fence.assertHeld();
    stop.abort();
    await clock.advance(1);
    await again;
  });

  it("refuses timings that cannot be safe", () => {
    for (const wrong of [{ renewDeadlineMs: 15_000 }, { retryPeriodMs: 9_000 }, { leaseDurationMs: NaN }]) {
      const options = { ...timings, ...wrong, namespace: "ns", name: "lock", identity: "a", clock, log: silentLog() };
      const client = new ObjectClient({ transport: server.transport() });
      assert.throws(() => new LeaderElector({ ...options, client }), RangeError);
    }
  });

  it("never lets two lead at once, whatever fails or pauses", async () => {
    const who = fc.constantFrom(0, 1, 2);
    const step = fc.oneof(
      fc.record({ what: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 6_000 }) }),
      fc.record({ what: fc.constantFrom("cut", "heal", "pause", "resume", "slow", "lose"), who }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        clock = new FakeClock();
        server = new FakeLeaseServer();
        const times = [0, 1, 2].map(() => new ProcessClock(clock));
        const candidates = times.map((time, index) => join(`c${index}`, { clock: time }));
        const check = (): void => {
          const leaders = candidates.filter((candidate) => candidate.elector.isLeader());
          assert.ok(leaders.length <= 1, "two lead at once");
          for (const leader of leaders) assert.equal(server.holder, leader.elector.identity);
        };
        for (const action of steps) {
          if ("ms" in action) {
            // In small steps, to look at every moment.
            for (let left = action.ms; left > 0; left -= 500) {
              await clock.advance(Math.min(500, left));
              check();
            }
            continue;
          }
          const candidate = candidates[action.who];
          const time = times[action.who];
          if (candidate === undefined || time === undefined) continue;
          if (action.what === "cut") candidate.fault = broken;
          if (action.what === "heal") candidate.fault = () => undefined;
          if (action.what === "slow")
            candidate.fault = () => new Promise((resolve) => clock.setTimeout(resolve, 3_000));
          if (action.what === "lose") {
            const transport = server.transport();
            candidate.fault = async (request) => {
              await transport.request(request);
              broken();
            };
          }
          if (action.what === "pause") time.pause();
          if (action.what === "resume") time.resume();
          await settle();
          check();
        }
        for (const time of times) time.resume();
        for (const end of ends.splice(0)) await end();
      }),
      { numRuns: 60 },
    );
  }).timeout(60_000);
});

function bind(clock: FakeClock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
}
