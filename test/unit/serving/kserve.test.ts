import assert from "node:assert/strict";
import { KubeError } from "../../../src/kube/index.ts";
import { World, digest, rejected, verified } from "./world.ts";

function named(world: World, plural: string): readonly string[] {
  const prefix = `${plural}/shop/`;
  return [...world.client.objects.keys()]
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
}

async function served(): Promise<World> {
  const world = new World();
  world.toKServe();
  await world.settle();
  assert.equal(world.condition(), "True/Serving");
  return world;
}

describe("a model that is served through KServe", () => {
  it("is an InferenceService, and what serves is what KServe made of it", async () => {
    const world = await served();
    assert.deepEqual(named(world, "inferenceservices"), ["iris"]);
    assert.deepEqual(named(world, "deployments"), ["iris-predictor"]);
    assert.equal(world.revisions()[0]?.spec.serving.kind, "InferenceService");
    assert.equal(world.model().status?.readyReplicas, 1);
  });

  it("says that KServe is missing, and touches nothing of what serves", async () => {
    const world = new World();
    await world.settle();
    world.toKServe();
    world.kserve = false;
    const written = await world.settle();
    assert.equal(world.condition(), "False/KServeMissing");
    assert.equal(world.condition("Serving"), "True/PodsReady");
    assert.deepEqual(named(world, "deployments"), ["iris"]);
    assert.ok(!written.some((line) => /deployments|inferenceservices|services\/shop/.test(line)), written.join());
  });

  it("says so as well when KServe's kinds are taken away while it serves", async () => {
    const world = await served();
    world.kserve = false;
    for (const name of named(world, "inferenceservices")) world.client.objects.delete(`inferenceservices/shop/${name}`);
    for (const name of named(world, "deployments")) world.client.objects.delete(`deployments/shop/${name}`);
    world.client.onWrite = (when, line) => {
      if (when === "before" && line.startsWith("apply inferenceservices"))
        throw new KubeError("NotFound", "no such kind");
    };
    world.kubernetes();
    await world.pass();
    assert.equal(world.condition(), "False/KServeMissing");
    assert.equal(world.model().status?.quarantine, undefined);
  });

  it("says that KServe does not answer, and goes on when it does", async () => {
    const world = new World();
    world.toKServe();
    const message =
      'Internal error occurred: failed calling webhook "inferenceservice.kserve-webhook-server.defaulter"';
    world.client.onWrite = (when, line) => {
      if (when !== "before" || !line.startsWith("apply inferenceservices")) return;
      throw new KubeError("Unavailable", message, { status: 500, reason: "InternalError" });
    };
    await world.pass();
    assert.equal(world.condition(), "False/WorkloadRefused");
    world.client.onWrite = () => undefined;
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
  });

  it("moves from a Deployment to an InferenceService and back, the old one serving until then", async () => {
    const world = new World();
    await world.settle();
    const { workload } = world.model().spec;
    world.healthy = false;
    world.toKServe();
    await world.pass();
    world.kubernetes();
    await world.pass();
    assert.deepEqual(named(world, "deployments"), ["iris", "iris-predictor"]);
    assert.equal(world.pods().length, 2);
    world.healthy = true;
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
    assert.deepEqual(named(world, "deployments"), ["iris-predictor"]);
    world.edit((spec) => ({ ...spec, workload }));
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
    assert.deepEqual(named(world, "deployments"), ["iris"]);
    assert.deepEqual(named(world, "inferenceservices"), []);
    assert.equal(world.revisions().length, 2);
  });

  it("loses the InferenceService, what KServe made of it, and then its pods, when it is revoked", async () => {
    const world = await served();
    world.verify = rejected;
    await world.clock.advance(3_600_000);
    const written = await world.settle();
    const taken = written.filter((line) => line.startsWith("remove"));
    assert.deepEqual(taken.slice(0, 2), [
      "remove inferenceservices/shop/iris",
      "remove deployments/shop/iris-predictor",
    ]);
    assert.match(taken[2] ?? "", /^remove pods/);
    assert.deepEqual(world.pods(), []);
    assert.deepEqual(world.granted(), []);
    assert.equal(world.condition(), "False/NoAuthorities");
    world.verify = verified;
    await world.clock.advance(3_600_000);
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
    assert.deepEqual(world.granted(), [digest(1)]);
  });

  it("ends what KServe made although its InferenceService is gone", async () => {
    const world = await served();
    world.client.objects.delete("inferenceservices/shop/iris");
    world.verify = rejected;
    await world.clock.advance(3_600_000);
    await world.pass();
    assert.ok(world.client.writes.includes("remove deployments/shop/iris-predictor"), world.client.writes.join());
  });

  it("whose spec cannot be read goes on, and is ended when it is revoked", async () => {
    const world = await served();
    world.edit((spec) => ({ ...spec, workload: {} }) as typeof spec);
    await world.settle();
    assert.equal(world.condition(), "False/InvalidSpec");
    assert.deepEqual(named(world, "inferenceservices"), ["iris"]);
    world.verify = rejected;
    await world.clock.advance(3_600_000);
    await world.settle();
    assert.deepEqual(named(world, "inferenceservices"), []);
    assert.deepEqual(world.pods(), []);
  });

  it("is not looked at before it is known what of it is there", async () => {
    const world = await served();
    world.kserveUnknown = true;
    await assert.rejects(world.pass(), /not listed yet/);
    assert.deepEqual(world.client.writes, []);
  });
});
