import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Controller,
  createLogger,
  Informer,
  isKubeError,
  KubeError,
  Metrics,
  ObjectClient,
  TerminalError,
  type ControllerOptions,
  type ReconcileContext,
  type ReconcileResult,
  type Transport,
} from "../../../src/kube/index.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { configMap, configMaps, silentLog, type ConfigMap } from "./support.ts";

type Reconcile = (key: string, context: ReconcileContext) => Promise<ReconcileResult>;

describe("controller", () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let stop: AbortController;
  let running: Promise<void>[];

  beforeEach(() => {
    clock = new FakeClock();
    metrics = new Metrics();
    stop = new AbortController();
    running = [];
  });
  afterEach(async () => {
    stop.abort();
    await clock.advance(1_000_000);
    await Promise.all(running);
  });

  const create = (reconcile: Reconcile, options: Partial<ControllerOptions> = {}): Controller =>
    new Controller({
      name: "test",
      reconcile,
      clock,
      metrics,
      log: silentLog(),
      backoff: { initialMs: 100, maxMs: 1000, jitter: 0 },
      ...options,
    });
  const run = (controller: Controller): void => void running.push(controller.run(stop.signal));
  const count = async (result: string): Promise<number> => {
    const text = await metrics.registry.metrics();
    return Number(new RegExp(`reconcile_total\\{controller="test",result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };

  it("reconciles each key once, with an id and a log of its own", async () => {
    const seen: string[] = [];
    const ids = new Set<string>();
    const lines: Record<string, unknown>[] = [];
    const log = createLogger({
      level: "info",
      destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    });
    const controller = create(
      (key, context) => {
        seen.push(key);
        ids.add(context.reconcileId);
        context.log.info("hello");
        return Promise.resolve({});
      },
      { log },
    );
    for (const key of ["ns/a", "ns/b", "ns/a"]) controller.enqueue(key);
    run(controller);
    await settle();
    assert.deepEqual(seen, ["ns/a", "ns/b"]);
    assert.equal(ids.size, 2);
    assert.deepEqual(
      lines.map(({ controller: name, key, reconcileId }) => [name, key, ids.has(String(reconcileId))]),
      [
        ["test", "ns/a", true],
        ["test", "ns/b", true],
      ],
    );
    assert.equal(await count("success"), 2);
  });

  const outcomes: readonly [string, () => Promise<ReconcileResult>, number[], string][] = [
    ["nothing more after success", () => Promise.resolve({}), [0], "success"],
    ["again when it asked to", () => Promise.resolve({ requeueAfterMs: 400 }), [0, 400, 800], "requeue"],
    ["again and later each time after an error", () => Promise.reject(new Error("no")), [0, 100, 300, 700], "error"],
    ["no more after a terminal error", () => Promise.reject(new TerminalError("never")), [0], "terminal"],
    [
      "again no sooner than the server asked",
      () => Promise.reject(new KubeError("TooManyRequests", "later", { retryAfterMs: 500 })),
      [0, 500],
      "error",
    ],
    [
      "again after a delay that is not a number",
      () => Promise.resolve({ requeueAfterMs: NaN }),
      [0, 100, 300, 700],
      "error",
    ],
    ["again after a synchronous exception", () => JSON.parse("{") as never, [0, 100, 300, 700], "error"],
  ];
  for (const [what, reconcile, expected, outcome] of outcomes) {
    it(`runs ${what}`, async () => {
      const times: number[] = [];
      const controller = create(() => {
        times.push(clock.monotonic());
        return reconcile();
      });
      run(controller);
      controller.enqueue("a");
      await clock.advance(999);
      assert.deepEqual(times, expected);
      assert.equal(await count(outcome), expected.length);
    });
  }

  it("takes keys for later", async () => {
    const times: number[] = [];
    const controller = create(() => {
      times.push(clock.monotonic());
      return Promise.resolve({});
    });
    run(controller);
    controller.enqueueAfter("a", 300);
    await clock.advance(1_000);
    assert.deepEqual(times, [300]);
  });

  it("begins with a short delay again after a success", async () => {
    const times: number[] = [];
    const controller = create(() => {
      times.push(clock.monotonic());
      return times.length === 3 ? Promise.resolve({ requeueAfterMs: 100 }) : Promise.reject(new Error("no"));
    });
    run(controller);
    controller.enqueue("a");
    await clock.advance(550);
    assert.deepEqual(times, [0, 100, 300, 400, 500]);
  });

  it("aborts the signal at the deadline of the pass", async () => {
    const reasons: unknown[] = [];
    const controller = create(
      (_key, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(new Error("too late"));
          });
        }),
      { deadlineMs: 5_000 },
    );
    run(controller);
    controller.enqueue("a");
    await clock.advance(4_999);
    assert.deepEqual(reasons, []);
    await clock.advance(1);
    assert.ok(isKubeError(reasons[0], "Timeout"));
    assert.equal(await count("error"), 1);
  });

  it("says how long the oldest pass has been running", async () => {
    let finish = (): void => undefined;
    const controller = create(() => new Promise((resolve) => (finish = () => resolve({}))), { deadlineMs: 1_000 });
    run(controller);
    assert.equal(controller.busyMs(), 0);
    controller.enqueue("a");
    await clock.advance(5_000);
    assert.equal(controller.busyMs(), 5_000);
    assert.equal(controller.health(10_000).healthy, true);
    assert.deepEqual(controller.health(4_000), { healthy: false, detail: "a pass has been running for 5 s" });
    finish();
    await settle();
    assert.equal(controller.busyMs(), 0);
  });

  it("works on as many keys at once as it has workers", async () => {
    let busy = 0;
    let most = 0;
    const controller = create(
      async () => {
        busy += 1;
        most = Math.max(most, busy);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 10));
        busy -= 1;
        return {};
      },
      { workers: 3 },
    );
    for (let key = 0; key < 20; key += 1) controller.enqueue(String(key));
    run(controller);
    await clock.advance(1_000);
    assert.equal(most, 3);
    assert.equal(await count("success"), 20);
  });

  it("stops: aborts what runs, waits for it, and begins nothing new", async () => {
    const seen: string[] = [];
    const controller = create(
      (key, { signal }) => {
        seen.push(key);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            clock.setTimeout(() => reject(new Error("stopped")), 50);
          });
        });
      },
      { workers: 1 },
    );
    for (const key of ["a", "b"]) controller.enqueue(key);
    let ended = false;
    running.push(controller.run(stop.signal).then(() => void (ended = true)));
    await settle();
    stop.abort();
    await clock.advance(49);
    assert.equal(ended, false);
    await clock.advance(1);
    assert.equal(ended, true);
    assert.deepEqual(seen, ["a"]);
    assert.equal(await count("aborted"), 1);
    assert.equal(await count("error"), 0);
    await assert.rejects(controller.run(stop.signal), /started already/);
  });

  it("ends at once when it is stopped before it began", async () => {
    stop.abort();
    const controller = create(() => Promise.reject(new Error("must not run")));
    controller.enqueue("a");
    await controller.run(stop.signal);
  });

  describe("with an informer", () => {
    const informer = (): Informer<ConfigMap> => {
      // Its first list never ends.
      const transport = { request: () => new Promise(() => undefined) } as unknown as Transport;
      const client = new ObjectClient({ transport });
      return new Informer<ConfigMap>({ client, type: configMaps, clock, log: silentLog() });
    };

    it("begins when it is synced, with every object there is", async () => {
      const seen: string[] = [];
      const answers: ((value: unknown) => void)[] = [];
      const transport = {
        request: () => new Promise((resolve) => answers.push(resolve)),
        stream: () => new Promise(() => undefined),
      };
      const client = new ObjectClient({ transport: transport as unknown as Transport });
      const source = new Informer<ConfigMap>({ client, type: configMaps, clock, log: silentLog() });
      const controller = create((key) => {
        seen.push(key);
        return Promise.resolve({});
      });
      controller.watch(source);
      controller.enqueue("early");
      run(controller);
      source.start(stop.signal);
      await clock.advance(1_000);
      assert.deepEqual(seen, []);
      const items = [configMap("a", 1), configMap("b", 2)];
      answers[0]?.({ status: 200, headers: {}, body: JSON.stringify({ metadata: { resourceVersion: "2" }, items }) });
      await settle();
      assert.deepEqual(seen, ["early", "ns/a", "ns/b"]);
    });

    it("ends when it is stopped before the informer is synced", async () => {
      const controller = create(() => Promise.reject(new Error("must not run")));
      controller.watch(informer());
      const ended = controller.run(stop.signal);
      await settle();
      stop.abort();
      await ended;
    });
  });

  it("wakes the keys of an object and those it referred to before", async () => {
    const seen: string[] = [];
    const controller = create((key) => {
      seen.push(key);
      return Promise.resolve({});
    });
    type Handler = Parameters<Informer<ConfigMap>["onChange"]>[0];
    const handlers: Handler[] = [];
    const source = {
      onChange: (handler: Handler) => void handlers.push(handler),
      waitForSync: () => Promise.resolve(),
    } as unknown as Informer<ConfigMap>;
    controller.watch(source, (object) => [`owner/${object.data?.["owner"] ?? ""}`]);
    run(controller);
    handlers[0]?.({
      type: "updated",
      object: configMap("a", 2, { owner: "new" }),
      previous: configMap("a", 1, { owner: "old" }),
    });
    await settle();
    assert.deepEqual(seen, ["owner/new", "owner/old"]);
  });

  it("never runs a key twice at once, and ends with the last state", async () => {
    const key = fc.constantFrom("a", "b", "c");
    const step = fc.record({ key, after: fc.integer({ min: 0, max: 40 }) });
    const behaviour = fc.record({ ms: fc.integer({ min: 0, max: 30 }), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.array(behaviour, { minLength: 1 }),
        async (steps, behaviours) => {
          const time = new FakeClock();
          const end = new AbortController();
          const desired = new Map<string, number>();
          const actual = new Map<string, number>();
          const busy = new Set<string>();
          let passes = 0;
          const controller = new Controller({
            name: "test",
            clock: time,
            metrics: new Metrics(),
            log: silentLog(),
            workers: 2,
            reconcile: async (current) => {
              assert.ok(!busy.has(current), "twice at once");
              busy.add(current);
              const read = desired.get(current) ?? 0;
              // Failures end some time, as an outage does.
              const { ms, fails } = behaviours[passes % behaviours.length] ?? { ms: 0, fails: false };
              passes += 1;
              await new Promise<void>((resolve) => time.setTimeout(resolve, ms));
              busy.delete(current);
              if (fails && passes < 200) throw new Error("made up");
              actual.set(current, read);
              return {};
            },
          });
          const ended = controller.run(end.signal);
          for (const { key: changed, after } of steps) {
            desired.set(changed, (desired.get(changed) ?? 0) + 1);
            controller.enqueue(changed);
            await time.advance(after);
          }
          await time.advance(100_000_000);
          assert.deepEqual([...actual].sort(), [...desired].sort());
          end.abort();
          await ended;
        },
      ),
      { numRuns: 40 },
    );
  });
});
