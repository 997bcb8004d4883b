import assert from "node:assert/strict";
import { serviceType } from "../../../src/kube/index.ts";
import { type TrafficSplit, httpRoute, httpRouteType } from "../../../src/traffic/index.ts";
import { Gateway, type StandIn, send, sendMany } from "../../support/gateway/index.ts";
import { until } from "../kube/support.ts";
import { Shop } from "./support.ts";

const host = "iris.example.com";

/** Within five standard deviations: a fair draw is outside once in more than a million runs. */
function assertShare(count: number, of: number, share: number): void {
  const bound = 5 * Math.sqrt(of * share * (1 - share));
  assert.ok(Math.abs(count - of * share) <= bound, `${count} of ${of} is not ${100 * share}% (± ${bound.toFixed(0)})`);
}

describe("requests through a Gateway, by the weights of an HTTPRoute", function () {
  this.timeout(120_000);
  const shop = new Shop();
  const { one, two } = shop;
  const driver = httpRoute({
    parentRefs: [{ name: "public", namespace: "gateways" }],
    hostnames: [host],
  });
  const split = (parts: Partial<TrafficSplit>): TrafficSplit => ({
    ...{ active: one, candidate: two, weight: 0, mirror: false },
    ...parts,
  });
  let gateway: Gateway;
  let old: readonly StandIn[];
  let fresh: StandIn;

  before(async () => {
    await shop.open();
    old = [await shop.addPod(one, "10.99.0.1"), await shop.addPod(one, "10.99.0.2")];
    fresh = await shop.addPod(two, "10.99.0.3");
    gateway = await Gateway.start({
      client: shop.client,
      namespace: "gateways",
      name: "public",
      routesFrom: shop.namespace,
      podAt: shop.podAt,
    });
  });
  after(async () => {
    await gateway.stop();
    await shop.close();
  });

  /** As the operator does it, and the Gateway is not late. */
  const shift = async (to: TrafficSplit | "Quarantine"): Promise<void> => {
    await shop.apply(driver, to);
    await gateway.sync();
  };
  const progress = async (of: TrafficSplit) => driver.progress(await shop.living(driver), of);
  const ask = () => send(gateway.port, "/v2/models/iris/infer", host, '{"inputs":[]}');
  const counted = async (count: number) => Object.fromEntries(await sendMany(count, 16, ask));

  it("is done once the Gateway has said so, and not before", async () => {
    const first = split({ candidate: undefined });
    await shop.apply(driver, first);
    assert.deepEqual(await progress(first), {
      done: false,
      message: "Gateway gateways/public has not answered for HTTPRoute iris yet: is there one of that name?",
    });
    await gateway.sync();
    assert.deepEqual(await progress(first), {
      done: true,
      message: "Gateways have accepted HTTPRoute iris: 100% to iris-active, 0% to iris-candidate",
    });
    const next = split({ weight: 1 });
    await shop.apply(driver, next);
    assert.match((await progress(next)).message, /it has not looked at generation 2 yet/);
    await gateway.sync();
    assert.equal((await progress(next)).done, true);
  });

  it("says what the Gateway does not find", async () => {
    const now = split({ weight: 1 });
    await shop.client.remove(serviceType, { namespace: shop.namespace, name: "iris-candidate" });
    await gateway.sync();
    assert.match((await progress(now)).message, /Service iris-candidate does not select its pods yet/);
    await shop.apply(driver, now);
    assert.deepEqual(await progress(now), {
      done: false,
      message:
        "Gateway gateways/public does not find what HTTPRoute iris leads to: BackendNotFound: Service iris-candidate not found",
    });
    await gateway.sync();
    assert.equal((await progress(now)).done, true);
  });

  it("none of them come to the candidate at 0, and all at 100", async () => {
    await shift(split({ weight: 0 }));
    assert.deepEqual(await counted(300), { "200 iris-one": 300 });
    await shift(split({ weight: 100 }));
    assert.deepEqual(await counted(300), { "200 iris-two": 300 });
  });

  it("a tenth and a half of them come to the candidate, whose pods are the fewer", async () => {
    for (const weight of [10, 50]) {
      await shift(split({ weight }));
      const counts = await counted(2_000);
      assert.deepEqual(Object.keys(counts).sort(), ["200 iris-one", "200 iris-two"]);
      assertShare(counts["200 iris-two"] ?? 0, 2_000, weight / 100);
    }
  });

  it("all are copied to the candidate, whose answers are dropped, be they wrong or late", async () => {
    await shift(split({ mirror: true }));
    fresh.behaviour = { status: 500, afterMs: 20 };
    fresh.asked.length = 0;
    for (const standIn of old) standIn.asked.length = 0;
    assert.deepEqual(await counted(300), { "200 iris-one": 300 });
    assert.equal(old.flatMap(({ asked }) => asked).length, 300);
    // A copy may still be on its way when the answer is there.
    await until(() => fresh.asked.length >= 300);
    assert.deepEqual(fresh.asked, Array<string>(300).fill('POST /v2/models/iris/infer {"inputs":[]}'));
    fresh.behaviour = { status: 200, afterMs: 0 };
    await shift(split({}));
    await counted(50);
    assert.equal(fresh.asked.length, 300);
  });

  it("none is lost while a revision comes and takes over, nor while it is left", async () => {
    let isOver = false;
    const load = (async () => {
      const failed: string[] = [];
      while (!isOver) {
        const { status, body } = await ask();
        if (status !== 200) failed.push(`${status} ${body}`);
      }
      return failed;
    })();
    for (const weight of [10, 50, 100]) await shift(split({ weight }));
    await shift(split({ active: two, candidate: undefined }));
    for (const weight of [10, 50, 0]) await shift(split({ active: two, candidate: one, weight }));
    await shift(split({ active: two, candidate: undefined }));
    isOver = true;
    assert.deepEqual(await load, []);
  });

  it("a Gateway that has not seen that a candidate has gone sends its share to what serves", async () => {
    await shift(split({ weight: 50 }));
    await shop.apply(driver, split({ candidate: undefined }));
    await gateway.syncEndpoints();
    assert.deepEqual(await counted(200), { "200 iris-one": 200 });
  });

  it("nothing answers in quarantine, and no request comes to a pod", async () => {
    await shift(split({ weight: 50 }));
    await shift("Quarantine");
    for (const standIn of [...old, fresh]) standIn.asked.length = 0;
    const counts = await counted(100);
    assert.deepEqual(Object.values(counts), [100]);
    assert.match(Object.keys(counts)[0] ?? "", /^503 /);
    assert.deepEqual(
      [...old, fresh].flatMap(({ asked }) => asked),
      [],
    );
    await shift(split({ candidate: undefined }));
    assert.deepEqual(await counted(100), { "200 iris-one": 100 });
  });

  it("those for other hosts are not the model's", async () => {
    assert.equal((await send(gateway.port, "/v2/models/iris/infer", "other.example.com")).status, 404);
  });

  it("nothing is written where nothing has changed", async () => {
    const versions = async () => (await shop.living(driver)).map(({ metadata }) => metadata.resourceVersion);
    const now = split({ weight: 20, mirror: true });
    await shop.apply(driver, now);
    const before = await versions();
    await shop.apply(driver, now);
    assert.deepEqual(await versions(), before);
  });

  it("the API server takes the longest names, and as many Gateways and hosts as may be written", async () => {
    const long = httpRoute({
      parentRefs: Array.from({ length: 8 }, (_, n) => ({
        name: `gateway-${n}`,
        namespace: "gateways",
        sectionName: "a",
      })),
      hostnames: Array.from({ length: 16 }, (_, n) => `iris-${n}.example.com`),
    });
    const named = { ...shop.model, metadata: { ...shop.model.metadata, name: "m".repeat(52) } };
    for (const object of long.objects(named, split({ weight: 10, mirror: true }))) {
      const type = long.kinds.find(({ kind }) => kind === object.kind) ?? httpRouteType;
      await shop.client.apply(type, object, { fieldManager: "test", dryRun: true });
    }
  });
});
