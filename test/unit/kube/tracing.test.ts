import assert from "node:assert/strict";
import { type Attributes, type Span, type SpanOptions, type Tracer, trace } from "@opentelemetry/api";
import {
  Controller,
  KubeError,
  Metrics,
  ObjectClient,
  type Transport,
  currentReconcileId,
  traced,
} from "../../../src/kube/index.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { configMaps, silentLog } from "./support.ts";

interface Recorded {
  readonly name: string;
  readonly attributes: Attributes;
  ended: boolean;
  problem: string | undefined;
}

/** What an SDK does of the interface, as far as it is used. */
class MemoryTracer {
  readonly spans: Recorded[] = [];

  startActiveSpan<T>(name: string, options: SpanOptions, action: (span: Span) => T): T {
    const recorded: Recorded = { name, attributes: { ...options.attributes }, ended: false, problem: undefined };
    this.spans.push(recorded);
    const span = {
      setAttributes: (more: Attributes) => void Object.assign(recorded.attributes, more),
      recordException: () => undefined,
      setStatus: ({ message }: { message: string }) => void (recorded.problem = message),
      end: () => void (recorded.ended = true),
    };
    return action(span as unknown as Span);
  }
}

describe("traces", () => {
  let memory: MemoryTracer;
  beforeEach(() => (memory = new MemoryTracer()));
  afterEach(() => trace.disable());
  const install = (): boolean => trace.setGlobalTracerProvider({ getTracer: () => memory as unknown as Tracer });

  it("are nothing but the action where no SDK is loaded", async () => {
    assert.equal(await traced("verify", { a: 1 }, () => Promise.resolve("done")), "done");
    await assert.rejects(
      traced("verify", {}, () => Promise.reject(new KubeError("Conflict", "raced"))),
      /raced/,
    );
  });

  it("are of each pass, with its id, and of each write in it", async () => {
    install();
    const clock = new FakeClock();
    const stop = new AbortController();
    const transport = {
      request: () => Promise.resolve({ body: "{}" }),
    } as unknown as Transport;
    const client = new ObjectClient({ transport });
    const ids: (string | undefined)[] = [];
    const controller = new Controller({
      name: "serving",
      clock,
      metrics: new Metrics(),
      log: silentLog(),
      reconcile: async (_key, { reconcileId }) => {
        assert.equal(currentReconcileId(), reconcileId);
        ids.push(reconcileId);
        await client.get(configMaps, { namespace: "shop", name: "iris" });
        await client.remove(configMaps, { namespace: "shop", name: "iris" });
        return {};
      },
    });
    const running = controller.run(stop.signal);
    controller.enqueue("shop/iris");
    await settle();
    stop.abort();
    await running;
    const [pass, write] = memory.spans;
    assert.deepEqual(
      memory.spans.map(({ name, ended }) => `${name} ${ended}`),
      ["reconcile true", "delete true"],
    );
    assert.deepEqual(pass?.attributes, {
      "controller.name": "serving",
      "controller.key": "shop/iris",
      "reconcile.id": ids[0],
    });
    assert.deepEqual(write?.attributes, {
      "k8s.resource": "configmaps",
      "k8s.namespace": "shop",
      "k8s.name": "iris",
      "k8s.subresource": "",
    });
    assert.equal(currentReconcileId(), undefined);
  });

  it("say what went wrong", async () => {
    install();
    const conflict = (): Promise<never> => Promise.reject(new KubeError("Conflict", "raced"));
    await assert.rejects(traced("apply", {}, conflict), /raced/);
    assert.deepEqual(
      memory.spans.map(({ problem, ended }) => [problem, ended]),
      [["raced", true]],
    );
  });
});
