import assert from "node:assert/strict";
import type { HealthVerdict } from "../../../src/health/index.ts";
import { sinkOf } from "../../../src/notify/index.ts";
import { Receivers } from "../notify/fake-receivers.ts";
import { Office } from "../notify/office.ts";
import { World, digest, rejected } from "./world.ts";

const host = "sink.test";

describe("the serving controller and those who are told", () => {
  let world: World;
  let receivers: Receivers;
  let office: Office;
  const unhealthy = new Set<string>();
  beforeEach(async () => {
    unhealthy.clear();
    receivers = new Receivers();
    office = new Office(
      receivers.sender,
      sinkOf({ namespace: "mlsecops-system", name: "all", url: `https://${host}` }),
    ).open();
    world = new World();
    world.notify = office.notifier;
    world.health = (revision): HealthVerdict =>
      unhealthy.has(revision)
        ? { state: "Unhealthy", reason: "SignalBad", message: "errors is 0.5" }
        : { state: "Healthy", reason: "SignalsGood", message: "errors is 0.01" };
    await world.settle();
  });
  afterEach(() => office.close());

  const next = async (n: number): Promise<string> => {
    world.edit((spec) => ({
      ...spec,
      source: { ...spec.source, oci: { reference: `registry.example/models/iris:v${n}` } },
    }));
    await world.settle();
    return world.model().status?.active?.revision ?? "none";
  };

  it("tell of each promotion once", async () => {
    await next(2);
    await world.settle();
    assert.deepEqual(receivers.typesAt(host), ["promoted", "promoted"]);
    assert.deepEqual(receivers.got.at(-1)?.event.data.digest, digest(2));
  });

  it("tell of a rollback once, and of no promotion with it", async () => {
    const first = world.model().status?.active?.revision;
    const second = await next(2);
    unhealthy.add(second);
    await world.settle();
    assert.deepEqual(receivers.typesAt(host), ["promoted", "promoted", "rolledback"]);
    const { data } = receivers.got.at(-1)?.event ?? {};
    assert.deepEqual([data?.from, data?.to, data?.digest, data?.reason], [second, first, digest(2), "SignalBad"]);
  });

  it("tell of a revoked key: the verdict and the quarantine, and that it is over", async () => {
    const { verify } = world;
    world.verify = (request) => rejected(request);
    await world.settle();
    assert.deepEqual(receivers.typesAt(host), ["promoted", "verdict.rejected", "quarantined"]);
    world.verify = verify;
    await world.settle();
    assert.deepEqual(receivers.typesAt(host).slice(3), ["restored"]);
  });
});
