import assert from "node:assert/strict";
import {
  EventRecorder,
  KubeError,
  Metrics,
  type ObjectClient,
  type EventDetail,
  type EventRecorderOptions,
  type EventRegarding,
  type JsonPatchOperation,
  type KubeObject,
  type ObjectKey,
  type ResourceType,
  inPass,
} from "../../../src/kube/index.ts";
import { FakeClock } from "./fake-clock.ts";
import { silentLog } from "./support.ts";

interface RecordedEvent extends KubeObject {
  series?: { count: number; lastObservedTime: string };
  note: string;
  reason: string;
  eventTime: string;
  regarding: { name: string };
}

const model = (name: string): EventRegarding => ({
  apiVersion: "example.com/v1",
  kind: "Model",
  metadata: { namespace: "ns", name, uid: `uid-${name}`, resourceVersion: "7" },
});
const detail: EventDetail = { type: "Normal", reason: "Verified", action: "Verify", note: "signed by jane" };

describe("event recorder", () => {
  let clock: FakeClock;
  let metrics: Metrics;
  let events: Map<string, RecordedEvent>;
  let requests: string[];
  let fault: ((what: "create" | "patch") => void) | undefined;

  const client = {
    create: async (type: ResourceType, event: RecordedEvent) => {
      assert.equal(`${type.group}/${type.version}/${type.plural}`, "events.k8s.io/v1/events");
      requests.push("create");
      await Promise.resolve();
      fault?.("create");
      if (events.has(event.metadata.name)) throw new KubeError("AlreadyExists", "exists");
      events.set(event.metadata.name, JSON.parse(JSON.stringify(event)) as RecordedEvent);
    },
    patchJson: async (_type: ResourceType, key: ObjectKey, ops: readonly JsonPatchOperation[]) => {
      requests.push("patch");
      await Promise.resolve();
      fault?.("patch");
      const event = events.get(key.name);
      if (event === undefined) throw new KubeError("NotFound", "gone");
      const [op] = ops;
      assert.ok(op?.op === "add" && op.path === "/series");
      event.series = op.value as { count: number; lastObservedTime: string };
    },
  } as unknown as ObjectClient;
  const create = (options: Partial<EventRecorderOptions> = {}): EventRecorder =>
    new EventRecorder({
      client,
      reportingController: "example.com/operator",
      reportingInstance: "pod-1",
      clock,
      metrics,
      log: silentLog(),
      ...options,
    });
  const all = (): RecordedEvent[] => [...events.values()];
  const dropped = async (reason: string): Promise<number> => {
    const text = await metrics.registry.metrics();
    return Number(new RegExp(`events_dropped_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };

  beforeEach(() => {
    clock = new FakeClock();
    metrics = new Metrics();
    events = new Map();
    requests = [];
    fault = undefined;
  });

  it("says from which pass it comes, where that is wanted and there is one", async () => {
    const recorder = create({ reconcileIdAnnotation: "example.com/reconcile-id" });
    await inPass("pass-1", async () => {
      recorder.emit(model("a"), detail);
      await Promise.resolve();
    });
    recorder.emit(model("b"), detail);
    await recorder.flush();
    const annotations = all().map(({ metadata }) => metadata.annotations);
    assert.deepEqual(annotations, [{ "example.com/reconcile-id": "pass-1" }, undefined]);
  });

  it("writes the event as events.k8s.io wants it", async () => {
    const recorder = create();
    recorder.emit(model("a"), detail);
    await recorder.flush();
    const [event] = all();
    assert.ok(event);
    assert.match(event.metadata.name, /^a\.[0-9a-f]{16}$/);
    assert.deepEqual(
      { ...event, metadata: { ...event.metadata, name: "" } },
      {
        metadata: { namespace: "ns", name: "" },
        eventTime: "2026-01-01T00:00:00.000000Z",
        reportingController: "example.com/operator",
        reportingInstance: "pod-1",
        action: "Verify",
        reason: "Verified",
        regarding: { apiVersion: "example.com/v1", kind: "Model", namespace: "ns", name: "a", uid: "uid-a" },
        note: "signed by jane",
        type: "Normal",
      },
    );
  });

  it("puts events about cluster-scoped objects into the default namespace, under a valid name", async () => {
    const recorder = create();
    recorder.emit({ apiVersion: "v1", kind: "ClusterRole", metadata: { name: "System:My:Role" } }, detail);
    recorder.emit({ apiVersion: "v1", kind: "X", metadata: { name: "::" } }, detail);
    await recorder.flush();
    const [first, second] = all();
    assert.equal(first?.metadata.namespace, "default");
    assert.match(first.metadata.name, /^system-my-role\.[0-9a-f]{16}$/);
    assert.match(second?.metadata.name ?? "", /^event\.[0-9a-f]{16}$/);
  });

  it("cuts what is too long", async () => {
    const recorder = create();
    recorder.emit(model("a"), { ...detail, note: "ä".repeat(2_000), reason: "R".repeat(500) });
    await recorder.flush();
    const [event] = all();
    assert.ok(Buffer.byteLength(event?.note ?? "") <= 1024);
    assert.ok(Buffer.byteLength(event?.reason ?? "") <= 128);
  });

  it("counts a repetition on the first event, and writes the count now and then", async () => {
    const recorder = create();
    for (let count = 0; count < 100; count += 1) {
      recorder.emit(model("a"), detail);
      await clock.advance(200);
    }
    await recorder.flush();
    assert.equal(all().length, 1);
    assert.equal(all()[0]?.series?.count, 100);
    assert.equal(all()[0]?.series?.lastObservedTime, "2026-01-01T00:00:19.800000Z");
    assert.ok(requests.length <= 4, requests.join());
  });

  it("tells apart what differs in object, type, reason, action or note", async () => {
    const recorder = create();
    const variants: [EventRegarding, EventDetail][] = [
      [model("a"), detail],
      [model("b"), detail],
      [model("a"), { ...detail, type: "Warning" }],
      [model("a"), { ...detail, reason: "Rejected" }],
      [model("a"), { ...detail, action: "Reject" }],
      [model("a"), { ...detail, note: "signed by joe" }],
    ];
    for (const [regarding, what] of [...variants, ...variants]) recorder.emit(regarding, what);
    await recorder.flush();
    assert.equal(all().length, variants.length);
    assert.ok(all().every((event) => event.series?.count === 2));
  });

  it("begins a new event after a long silence", async () => {
    const recorder = create();
    recorder.emit(model("a"), detail);
    await clock.advance(361_000);
    recorder.emit(model("a"), detail);
    await recorder.flush();
    assert.equal(all().length, 2);
  });

  it("limits what one object can cause", async () => {
    const recorder = create();
    for (let count = 0; count < 40; count += 1) recorder.emit(model("a"), { ...detail, note: `note ${count}` });
    recorder.emit(model("b"), detail);
    await recorder.flush();
    assert.equal(all().filter((event) => event.regarding.name === "a").length, 25);
    assert.equal(all().filter((event) => event.regarding.name === "b").length, 1);
    assert.equal(await dropped("rate"), 15);
    await clock.advance(300_000);
    recorder.emit(model("a"), { ...detail, note: "later" });
    await recorder.flush();
    assert.equal(all().filter((event) => event.note === "later").length, 1);
  });

  it("limits its rate and what waits", async () => {
    const recorder = create({ rateLimit: { perSecond: 5, burst: 1 }, maxPending: 10 });
    for (let count = 0; count < 30; count += 1) recorder.emit(model(`m${count}`), detail);
    await clock.advance(1_000);
    assert.ok(all().length <= 6);
    await clock.advance(60_000);
    // One is being written, ten wait.
    assert.equal(all().length, 11);
    assert.equal(await dropped("full"), 19);
  });

  it("tries again when the API server is not there for a moment, without doubling the event", async () => {
    const recorder = create();
    let failures = 0;
    fault = () => {
      failures += 1;
      // The first was received, though the answer was lost.
      if (failures === 1) throw new KubeError("Unavailable", "lost");
    };
    recorder.emit(model("a"), detail);
    await clock.advance(60_000);
    assert.equal(all().length, 1);
    assert.deepEqual(requests, ["create", "create"]);
    assert.equal(await dropped("failed"), 0);
  });

  it("takes its own event that is there already for written", async () => {
    const recorder = create();
    const original = fault;
    fault = (what) => {
      if (what === "create" && requests.length === 1) throw new KubeError("Timeout", "lost");
      if (what === "create") throw new KubeError("AlreadyExists", "exists");
    };
    recorder.emit(model("a"), detail);
    await clock.advance(60_000);
    fault = original;
    assert.equal(await dropped("failed"), 0);
  });

  it("gives an event up after a few attempts, or at once when it is refused, and begins anew", async () => {
    const recorder = create();
    fault = () => {
      throw new KubeError("Unavailable", "down");
    };
    recorder.emit(model("a"), detail);
    await clock.advance(60_000);
    assert.equal(requests.length, 3);
    fault = () => {
      throw new KubeError("Forbidden", "no");
    };
    recorder.emit(model("b"), detail);
    await clock.advance(60_000);
    assert.equal(requests.length, 4);
    assert.equal(await dropped("failed"), 2);
    fault = undefined;
    recorder.emit(model("a"), detail);
    await recorder.flush();
    assert.equal(all().length, 1);
    assert.equal(all()[0]?.series, undefined);
  });

  it("begins a new event when the first has expired on the server", async () => {
    const recorder = create();
    recorder.emit(model("a"), detail);
    await recorder.flush();
    events.clear();
    recorder.emit(model("a"), detail);
    await recorder.flush();
    assert.equal(all().length, 0, "this one found the event gone");
    recorder.emit(model("a"), detail);
    await recorder.flush();
    assert.equal(all().length, 1);
  });

  it("loses no event that is emitted at the very moment the last one was sent", async () => {
    for (let depth = 0; depth < 20; depth += 1) {
      const recorder = create();
      const emitAfter = (turns: number): void => {
        if (turns > 0) queueMicrotask(() => emitAfter(turns - 1));
        else recorder.emit(model("second"), { ...detail, note: `at ${depth}` });
      };
      fault = () => {
        fault = undefined;
        emitAfter(depth);
      };
      recorder.emit(model("first"), { ...detail, note: `at ${depth}` });
      await clock.advance(0);
      await clock.advance(0);
      const found = all().filter((event) => event.note === `at ${depth}`);
      assert.equal(found.length, 2, `lost when emitted ${depth} turns later`);
    }
  });

  it("never throws", () => {
    const recorder = create();
    const hostile = {
      get apiVersion() {
        throw new Error("hostile");
      },
    } as unknown as EventRegarding;
    assert.doesNotThrow(() => recorder.emit(hostile, detail));
    assert.doesNotThrow(() => recorder.emit(undefined as unknown as EventRegarding, detail));
  });

  it("stops", async () => {
    const recorder = create({ rateLimit: { perSecond: 1, burst: 1 } });
    for (let count = 0; count < 5; count += 1) recorder.emit(model(`m${count}`), detail);
    await clock.advance(10);
    recorder.emit(model("m0"), detail);
    recorder.close();
    recorder.emit(model("z"), detail);
    await clock.advance(60_000);
    assert.equal(all().length, 1);
    assert.equal(clock.timers, 0);
  });
});
