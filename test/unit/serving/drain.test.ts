import assert from "node:assert/strict";
import type { ModelRevision, SecureModel } from "../../../src/api/index.ts";
import { outlivesQuarantine, quarantineGrace } from "../../../src/serving/drain.ts";
import { isRevisionOf, newRevision } from "../../../src/serving/revision.ts";
import { podTemplate } from "../../../src/serving/workload.ts";
import type { KubeObject, ObjectKey, ResourceType } from "../../../src/kube/index.ts";
import { World, digest, rejected } from "./world.ts";

const artifact = { repository: "registry.example/iris", digest: digest(1), platformDigests: [] };

function model(managed: Partial<SecureModel["spec"]["workload"]["managed"]> = {}, graceSeconds?: number): SecureModel {
  const { metadata, spec } = new World().model();
  const { template } = spec.workload.managed;
  const pod = {
    ...template.spec,
    ...(graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: graceSeconds }),
  };
  const workload = { managed: { ...spec.workload.managed, template: { ...template, spec: pod }, ...managed } };
  return { metadata, spec: { ...spec, workload } };
}

function podOf(revision: ModelRevision) {
  const { spec } = podTemplate(revision);
  const [container] = spec.containers;
  return { grace: spec.terminationGracePeriodSeconds, lifecycle: (container as { lifecycle?: unknown }).lifecycle };
}

/** A revision as it was made before pods drained. */
function early(revision: ModelRevision): ModelRevision {
  const { drainSeconds: _, ...spec } = revision.spec;
  return { ...revision, spec };
}

const sleepFor = (seconds: number) => ({ preStop: { sleep: { seconds } } });

describe("pods that end", () => {
  it("go on answering, within a grace that leaves them the whole of their own", () => {
    assert.deepEqual(podOf(newRevision(model(), artifact, [])), { grace: 40, lifecycle: sleepFor(10) });
    assert.deepEqual(podOf(newRevision(model({ drain: "1m" }, 5), artifact, [])), {
      grace: 65,
      lifecycle: sleepFor(60),
    });
    assert.deepEqual(podOf(newRevision(model({ drain: "1500ms" }), artifact, [])).lifecycle, sleepFor(2));
  });

  it("do not where the spec turns it off", () => {
    const off = newRevision(model({ drain: "0s" }, 5), artifact, []);
    assert.deepEqual(podOf(off), { grace: 5, lifecycle: undefined });
  });

  it("are left as they are by an operator that drains where an earlier one did not", () => {
    const before = early(newRevision(model(), artifact, []));
    assert.deepEqual(podOf(before), { grace: undefined, lifecycle: undefined });
    assert.ok(isRevisionOf(before, model(), artifact), "another revision would restart them");
  });

  it("are of another revision when the spec says something else", () => {
    const names = [model(), model({ drain: "10s" }), model({ drain: "20s" }), model({ drain: "0s" })].map(
      (one) => newRevision(one, artifact, []).metadata.name,
    );
    assert.equal(new Set(names).size, 4);
    const written = newRevision(model({ drain: "20s" }), artifact, []);
    assert.ok(isRevisionOf(written, model({ drain: "20s" }), artifact));
    assert.ok(!isRevisionOf(written, model(), artifact));
  });
});

describe("a pod that must not run any more", () => {
  const now = new Date("2026-01-01T00:00:00Z");
  const pod = (endsInSeconds: number | undefined, lifecycle?: object) => ({
    metadata: {
      name: "iris-1",
      ...(endsInSeconds === undefined
        ? {}
        : { deletionTimestamp: new Date(now.getTime() + endsInSeconds * 1_000).toISOString() }),
    },
    spec: { containers: [{ ...(lifecycle === undefined ? {} : { lifecycle }) }] },
  });

  it("does not drain: its grace is over before", () => {
    assert.equal(quarantineGrace(pod(undefined)), 10);
    assert.equal(quarantineGrace(pod(undefined, sleepFor(10))), 1);
  });

  it("is ended also while it drains, once", () => {
    assert.ok(outlivesQuarantine(pod(undefined), now));
    assert.ok(outlivesQuarantine(pod(30, sleepFor(10)), now));
    assert.ok(!outlivesQuarantine(pod(1, sleepFor(10)), now));
    assert.ok(outlivesQuarantine(pod(3_600), now));
    assert.ok(!outlivesQuarantine(pod(10), now));
  });

  it("is ended with its model, though it has begun to drain", async () => {
    const world = new World();
    await world.settle();
    const [revision] = world.revisions();
    const deletionTimestamp = new Date(world.clock.now().getTime() + 40_000).toISOString();
    world.client.add("pods", { metadata: { ...ofRevision(revision, "draining"), deletionTimestamp } });
    world.verify = rejected;
    await world.pass();
    assert.ok(world.client.writes.includes("remove pods/shop/draining"));
  });
});

describe("a pod of a version that was superseded", () => {
  async function superseded(): Promise<World> {
    const world = new World();
    await world.settle();
    const [first] = world.revisions();
    world.edit((spec) => ({
      ...spec,
      source: { ...spec.source, oci: { reference: "registry.example/models/iris:v2" } },
    }));
    await world.settle();
    world.client.add("pods", { metadata: ofRevision(first, "left") });
    return world;
  }

  it("is ended when nobody else has ended it", async () => {
    const world = await superseded();
    await world.pass();
    assert.ok(world.client.writes.includes("remove pods/shop/left"));
  });

  it("is left to drain where the cache does not know yet that it ends", async () => {
    const world = await superseded();
    const { client } = world;
    const get = client.get.bind(client);
    client.get = async <T extends KubeObject>(type: ResourceType, key: ObjectKey) => {
      const found = await get<T>(type, key);
      if (type.plural !== "pods" || found === undefined) return found;
      return { ...found, metadata: { ...found.metadata, deletionTimestamp: "2036-01-01T00:00:00Z" } };
    };
    await world.pass();
    assert.deepEqual(client.writes, []);
  });
});

function ofRevision(revision: ModelRevision | undefined, name: string) {
  const labels = { "mlsecops.io/model": "iris", "mlsecops.io/revision": revision?.metadata.name ?? "" };
  return { name, namespace: "shop", uid: name, labels };
}
