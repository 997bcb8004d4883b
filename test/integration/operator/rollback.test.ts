import assert from "node:assert/strict";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Condition, KubeObject } from "../../../src/kube/index.ts";
import { type Lane, modelName, models, revisions } from "./support/lane.ts";
import { type OperatorProcess, quiet } from "./support/operator-process.ts";
import { Stage, inParallel, reach } from "./support/stage.ts";

/** Of the local cluster's registry: an address of this machine that is not loopback. */
const host = "registry.test";

interface Model extends KubeObject {
  readonly spec: unknown;
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly active?: { readonly digest?: string; readonly revision?: string };
    readonly rollback?: { readonly from?: string; readonly to?: string; readonly reason?: string };
  };
}

/** The API of Prometheus, as far as one number goes: a share of errors for each namespace that a query names. */
class MetricsServer {
  readonly errors = new Map<string, string>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      let form = "";
      request.setEncoding("utf8").on("data", (text: string) => (form += text));
      request.on("end", () => {
        const query = new URLSearchParams(form).get("query") ?? "";
        const value = this.errors.get(/namespace="([^"]+)"/.exec(query)?.[1] ?? "");
        const result = value === undefined ? [] : [{ metric: {}, value: [Date.now() / 1000, value] }];
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
      });
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, "0.0.0.0");
    await once(this.#server, "listening");
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe("the operator, when what serves is unhealthy", function () {
  this.timeout(300_000);
  const stage = new Stage();
  const metrics = new MetricsServer();
  let operator: OperatorProcess;
  let lanes: readonly Lane[] = [];
  let health: object;

  const modelOf = async (lane: Lane): Promise<Model> => {
    const found = await stage.installation.admin.get<Model>(models, { namespace: lane.name, name: modelName });
    assert.ok(found);
    return found;
  };
  const says = async (lane: Lane, type: string): Promise<string> => {
    const found = (await modelOf(lane)).status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status ?? "none"}/${found?.reason ?? "none"}`;
  };
  const becomes = (lane: Lane, type: string, wanted: string) =>
    reach([lane], async () => (await says(lane, type)) === wanted, { operator, withinMs: 90_000 });
  /** Another user's field manager: what the first one wrote stays theirs. */
  const watch = async (lane: Lane, rollback: object = {}): Promise<void> => {
    const object = {
      apiVersion: "mlsecops.io/v1alpha1",
      kind: models.kind,
      metadata: { namespace: lane.name, name: modelName },
      spec: { health, rollback: { coolDown: "1s", ...rollback } },
    };
    await stage.installation.admin.apply(models, object, { fieldManager: "watcher" });
  };
  const served = async (lane: Lane): Promise<void> => {
    metrics.errors.set(lane.name, "0.01");
    await lane.create();
    await reach([lane], () => lane.serves("v1"), { operator, withinMs: 90_000 });
  };

  before(async () => {
    const url = await metrics.start();
    health = {
      interval: "5s",
      warmUp: "0s",
      prometheus: { url },
      signals: [{ name: "errors", inference: "ErrorRatio", max: 0.05, window: { looks: 2, failures: 2 } }],
    };
    await stage.set();
    operator = await stage.operator({ args: [`--plain-http-metrics=${host}`] });
    lanes = stage.lanes(4);
    await inParallel(lanes, served);
  });
  after(async () => {
    await operator.kill();
    await stage.strike();
    await metrics.stop();
  });

  it("goes back to the version before, says why with the numbers, and writes no spec", async () => {
    const [lane] = lanes as [Lane];
    await watch(lane);
    await becomes(lane, "Healthy", "True/SignalsGood");
    await lane.serve("v2");
    await reach([lane], () => lane.serves("v2"), { operator, withinMs: 90_000 });
    await becomes(lane, "Healthy", "True/SignalsGood");
    const before = await modelOf(lane);
    metrics.errors.set(lane.name, "0.5");
    const began = performance.now();
    await becomes(lane, "Ready", "False/RolledBack");
    metrics.errors.set(lane.name, "0.01");
    const rolledBackMs = performance.now() - began;
    const { v1 } = stage.artifacts;
    await reach([lane], async () => (await modelOf(lane)).status?.active?.digest === v1.split("@")[1], { operator });
    const after = await modelOf(lane);
    assert.equal(await says(lane, "Serving"), "True/PodsReady");
    const message = after.status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "";
    assert.match(
      message,
      /is unhealthy, back to .*: errors is 0\.5, above the maximum 0\.05, in 2 of the last 2 looks/,
    );
    assert.deepEqual(after.spec, before.spec);
    assert.equal(after.metadata.generation, before.metadata.generation);
    console.log(`      rolled back within ${(rolledBackMs / 1000).toFixed(1)} s, of looks every 5 s`);
  });

  it("finds no difference between the spec that a user applied and the one that is there", async () => {
    const [lane] = lanes as [Lane];
    const before = await modelOf(lane);
    await lane.serve("v2");
    const after = await modelOf(lane);
    assert.equal(after.metadata.generation, before.metadata.generation);
    assert.deepEqual(after.spec, before.spec);
  });

  it("keeps what it cannot tell anything of", async () => {
    const lane = lanes[1] as Lane;
    await watch(lane);
    await becomes(lane, "Healthy", "True/SignalsGood");
    metrics.errors.delete(lane.name);
    await becomes(lane, "Healthy", "Unknown/NoData");
    assert.equal(await says(lane, "Ready"), "True/Serving");
    assert.equal((await modelOf(lane)).status?.rollback, undefined);
    metrics.errors.set(lane.name, "NaN");
    await quiet(operator, 6_000);
    assert.equal(await says(lane, "Healthy"), "Unknown/NoData");
    metrics.errors.set(lane.name, "0");
    await becomes(lane, "Healthy", "True/SignalsGood");
  });

  it("leaves a version whose containers end again and again, without a word in the spec", async () => {
    const lane = lanes[2] as Lane;
    const { admin } = stage.installation;
    await lane.serve("v2");
    await reach([lane], () => lane.serves("v2"), { operator, withinMs: 90_000 });
    const failed = await lane.fail();
    await becomes(lane, "Ready", "False/RolledBack");
    const banned = await admin.get<KubeObject & { status?: { ban?: { reason?: string } } }>(revisions, {
      namespace: lane.name,
      name: failed ?? "",
    });
    assert.equal(banned?.status?.ban?.reason, "CrashLoop");
  });

  it("stops the only version there is where the spec says so", async () => {
    const lane = lanes[3] as Lane;
    await watch(lane, { onNoSafeRevision: "ScaleToZero" });
    await becomes(lane, "Healthy", "True/SignalsGood");
    metrics.errors.set(lane.name, "1");
    await becomes(lane, "Ready", "False/NoSafeRevision");
    await reach([lane], () => lane.isCleared(), { operator });
  });

  it("is at rest afterwards, and looks on", async () => {
    await quiet(operator, 11_000);
    const [lane] = lanes as [Lane];
    assert.equal(await says(lane, "Healthy"), "True/SignalsGood");
  });
});
