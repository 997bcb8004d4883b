import assert from "node:assert/strict";
import { customResourceDefinitionType, KubeError, type ObjectClient } from "../../../src/kube/index.ts";
import { InstalledKinds } from "../../../src/operator/served-kinds.ts";
import { WallKinds } from "../../../src/operator/wall-kinds.ts";
import { reachTypes } from "../../../src/reach/index.ts";
import { FakeClock, settle } from "../kube/fake-clock.ts";
import { silentLog } from "../kube/support.ts";
import { FakeInformer } from "./support/fake-informer.ts";

const names = "ciliumnetworkpolicies.cilium.io";
const older = "adminnetworkpolicies.policy.networking.k8s.io";
const newer = "clusternetworkpolicies.policy.networking.k8s.io";

class World {
  readonly clock = new FakeClock();
  readonly definitions = new FakeInformer(customResourceDefinitionType);
  readonly made: FakeInformer[] = [];
  readonly said: string[] = [];
  /** What the API server says of AdminNetworkPolicies. */
  schema: object | KubeError = { spec: { egress: [{ to: [{ networks: [] }] }] } };
  readonly kinds: WallKinds;

  constructor() {
    const { clock } = this;
    const installed = new InstalledKinds({
      definitions: this.definitions.as(),
      types: reachTypes,
      create: (type) => {
        const informer = new FakeInformer(type);
        this.made.push(informer);
        return informer.as();
      },
      clock,
    });
    const { signal } = new AbortController();
    const request = () => {
      if (this.schema instanceof KubeError) return Promise.reject(this.schema);
      const schemas = { "io.k8s.networking.policy.v1alpha1.AdminNetworkPolicy": this.schema };
      return Promise.resolve({ body: JSON.stringify({ components: { schemas } }) });
    };
    const client = { transport: { request } } as unknown as ObjectClient;
    this.kinds = new WallKinds({ installed, client, clock, log: silentLog(), signal });
    this.kinds.onServed((informer) => this.said.push(informer?.type.kind ?? "gone"));
    installed.start(signal);
  }

  async install(name: string): Promise<void> {
    this.definitions.put({ metadata: { name, uid: name } });
    await settle();
  }

  async serve(name: string): Promise<void> {
    await this.install(name);
    this.made.at(-1)?.sync();
    await settle();
  }

  async remove(name: string): Promise<void> {
    this.definitions.delete(name);
    await settle();
  }

  get admin(): readonly [kind: string, networks: boolean] | undefined {
    const { admin } = this.kinds.served;
    return admin === undefined ? undefined : [admin.type.kind, admin.networks];
  }
}

describe("the kinds of policy that walls are made of", () => {
  it("are used from when they were listed until they are removed", async () => {
    const world = new World();
    await world.install(names);
    assert.equal(world.kinds.served.names, false);
    await world.serve(names);
    world.made.at(-1)?.sync();
    await settle();
    assert.equal(world.kinds.served.names, true);
    assert.deepEqual(
      world.kinds.sources.map(({ type }) => type.kind),
      ["CiliumNetworkPolicy"],
    );
    await world.remove(names);
    assert.equal(world.kinds.served.names, false);
    assert.deepEqual(world.kinds.sources, []);
    assert.deepEqual(world.said, ["CiliumNetworkPolicy", "gone"]);
    await world.serve(names);
    assert.deepEqual(world.said, ["CiliumNetworkPolicy", "gone", "CiliumNetworkPolicy"]);
  });

  it("are the newer one of two that tenants cannot override", async () => {
    const world = new World();
    await world.serve(newer);
    assert.deepEqual(world.admin, ["ClusterNetworkPolicy", true]);
    await world.serve(older);
    assert.deepEqual(world.admin, ["ClusterNetworkPolicy", true]);
    await world.remove(newer);
    assert.deepEqual(world.admin, ["AdminNetworkPolicy", true]);
  });

  it("are told what an older policy does not know", async () => {
    const world = new World();
    world.schema = { spec: { egress: [{ to: [{ namespaces: {} }] }] } };
    await world.serve(older);
    assert.deepEqual(world.admin, ["AdminNetworkPolicy", false]);
  });

  it("wait for a schema that cannot be read now, and ask for it no more once the kind is gone", async () => {
    const world = new World();
    world.schema = new KubeError("Unavailable", "not now");
    await world.serve(older);
    assert.equal(world.admin, undefined);
    world.schema = {};
    await world.clock.advance(60_000);
    await settle();
    assert.deepEqual(world.admin, ["AdminNetworkPolicy", false]);

    const gone = new World();
    gone.schema = new KubeError("Unavailable", "not now");
    await gone.serve(older);
    await gone.remove(older);
    gone.schema = {};
    await gone.clock.advance(60_000);
    await settle();
    assert.equal(gone.admin, undefined);
    assert.deepEqual(gone.said, []);
  });
});
