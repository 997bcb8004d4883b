import assert from "node:assert/strict";
import { type KubeObject, customResourceDefinitionType } from "../../../src/kube/index.ts";
import { InstalledKinds } from "../../../src/operator/served-kinds.ts";
import { reachTypes } from "../../../src/reach/index.ts";
import { FakeClock, settle } from "../kube/fake-clock.ts";
import { FakeInformer } from "./support/fake-informer.ts";

const routes = "httproutes.gateway.networking.k8s.io";
const route: KubeObject = { metadata: { name: "open", namespace: "shop", uid: "r" } };

class World {
  readonly clock = new FakeClock();
  readonly definitions = new FakeInformer(customResourceDefinitionType);
  readonly made: FakeInformer[] = [];
  readonly said: string[] = [];
  doubts = 0;
  readonly stop = new AbortController();
  readonly served = new InstalledKinds({
    definitions: this.definitions.as(),
    types: reachTypes,
    create: (type) => {
      const informer = new FakeInformer(type);
      this.made.push(informer);
      return informer.as();
    },
    clock: this.clock,
  });

  constructor() {
    this.served.follow({
      changed: ({ resource }, { type, object }) => this.said.push(`${type} ${resource.kind} ${object.metadata.name}`),
      doubted: () => (this.doubts += 1),
    });
    this.served.start(this.stop.signal);
  }

  install(name: string, changes: object = {}): void {
    this.definitions.put({ metadata: { name, uid: name, ...changes } });
  }

  get informer(): FakeInformer {
    const informer = this.made.at(-1);
    assert.ok(informer);
    return informer;
  }

  async synced(): Promise<void> {
    this.install(routes);
    this.informer.sync();
    await settle();
  }
}

describe("the kinds that a cluster serves", () => {
  it("are watched from when they are installed, and no others are", async () => {
    const world = new World();
    world.install("certificates.cert-manager.io");
    world.install("networkpolicies.crd.projectcalico.org");
    world.install(routes);
    world.install(routes, { labels: { a: "b" } });
    assert.deepEqual(
      world.made.map(({ type }) => `${type.kind}.${type.version}.${type.group}`),
      ["NetworkPolicy.v1.crd.projectcalico.org", "HTTPRoute.v1.gateway.networking.k8s.io"],
    );
    world.informer.put(route);
    assert.deepEqual(world.said, ["added HTTPRoute open"]);
    await world.clock.advance(0);
  });

  it("are gone with all of their objects when they are removed, and watched anew when they are back", async () => {
    const world = new World();
    await world.synced();
    world.informer.put(route);
    world.install(routes, { deletionTimestamp: "2030-01-01T00:00:00Z" });
    assert.ok(!world.informer.ended);
    world.definitions.delete(routes);
    assert.ok(world.informer.ended);
    assert.deepEqual(world.said, ["added HTTPRoute open", "deleted HTTPRoute open"]);
    world.informer.put(route);
    assert.equal(world.said.length, 2);
    world.install(routes);
    assert.equal(world.made.length, 2);
  });

  it("may be silent for a moment once they are installed, and no longer", async () => {
    const world = new World();
    world.install(routes);
    world.informer.refuse("NotFound");
    assert.deepEqual(world.served.problems(), []);
    await world.clock.advance(4_000);
    assert.deepEqual(world.served.problems(), []);
    const before = world.doubts;
    await world.clock.advance(1_001);
    assert.ok(world.doubts > before);
    assert.deepEqual(world.served.problems(), [`${routes} cannot be listed: httproutes: NotFound`]);
    world.informer.sync();
    world.informer.refuse(undefined);
    await settle();
    assert.deepEqual(world.served.problems(), []);
  });

  it("are asked for as another version where one is not served", async () => {
    const world = new World();
    const tls = "tlsroutes.gateway.networking.k8s.io";
    world.install(tls);
    const first = world.informer;
    assert.equal(first.type.version, "v1");
    first.refuse("NotFound");
    first.refuse("NotFound");
    await world.clock.advance(1_000);
    assert.ok(first.ended);
    assert.deepEqual(
      world.made.map(({ type }) => type.version),
      ["v1", "v1alpha2"],
    );
    world.informer.put(route);
    world.informer.sync();
    await settle();
    assert.deepEqual(world.said, ["added TLSRoute open"]);
    assert.deepEqual(world.served.problems(), []);
    await world.clock.advance(60_000);
    assert.equal(world.made.length, 2);
  });

  it("are a problem where they are served as no version that is known", async () => {
    const world = new World();
    world.install("tlsroutes.gateway.networking.k8s.io");
    for (let second = 0; second < 6; second++) {
      world.informer.refuse("NotFound");
      await world.clock.advance(1_000);
    }
    world.informer.refuse("NotFound");
    assert.equal(world.served.problems().length, 1);
  });

  it("are a problem at once where the right to list them was missing from the start", () => {
    const world = new World();
    world.install(routes);
    world.informer.refuse("Forbidden");
    assert.deepEqual(world.served.problems(), [`${routes} cannot be listed: httproutes: Forbidden`]);
    world.definitions.delete(routes);
    assert.deepEqual(world.served.problems(), []);
  });

  it("are a problem when the right is taken away, unless it is back in a moment", async () => {
    const world = new World();
    await world.synced();
    world.informer.refuse("Forbidden");
    await world.clock.advance(4_000);
    world.informer.refuse(undefined);
    assert.deepEqual(world.served.problems(), []);
    await world.clock.advance(10_000);
    const before = world.doubts;
    world.informer.refuse("Forbidden");
    await world.clock.advance(4_999);
    assert.deepEqual(world.served.problems(), []);
    await world.clock.advance(1);
    assert.deepEqual(world.served.problems(), [`${routes} cannot be listed: httproutes: Forbidden`]);
    assert.equal(world.doubts, before + 2);
  });

  it("are settled when each has answered, be it with a refusal, or has had its time", async () => {
    for (const end of ["list", "refusal", "time"] as const) {
      const world = new World();
      world.install(routes);
      world.definitions.sync();
      let settled = false;
      void world.served.settled(world.stop.signal).then(() => (settled = true));
      await settle();
      assert.equal(settled, false);
      if (end === "list") world.informer.sync();
      else if (end === "refusal") world.informer.refuse("Forbidden");
      else await world.clock.advance(5_000);
      await settle();
      assert.equal(settled, true, end);
    }
  });
});
