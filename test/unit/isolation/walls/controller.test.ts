import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { SecureNamespace } from "../../../../src/api/index.ts";
import {
  type ApplyOptions,
  type EventDetail,
  KubeError,
  type KubeObject,
  type ListOptions,
  type ResourceType,
  Store,
  createLogger,
  limitRangeType,
  networkPolicyType,
  resourceQuotaType,
  roleBindingType,
  serviceAccountType,
} from "../../../../src/kube/index.ts";
import {
  LivingWalls,
  type RoleBinding,
  WallsView,
  adminNetworkPolicyType,
  wallsReconciler,
} from "../../../../src/isolation/index.ts";
import type { ConsumingPod } from "../../../../src/isolation/walls/quota-use.ts";
import { FakeClient } from "../../../support/fake-client.ts";
import { options } from "./support.ts";

const types = [
  networkPolicyType,
  resourceQuotaType,
  limitRangeType,
  serviceAccountType,
  roleBindingType,
  adminNetworkPolicyType,
];
const binding = "rolebindings/shop/mlsecops-operator-workloads";
const deny = "networkpolicies/shop/mlsecops-default-deny";
const dns = "networkpolicies/shop/mlsecops-dns";

/** Gives versions to what changes, and lists by labels. */
class Client extends FakeClient {
  #version = 1;

  override async apply<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T> {
    const before = await this.get<T>(type, object.metadata);
    const merged = { ...before, ...object, metadata: { ...before?.metadata, ...object.metadata } };
    if (!isDeepStrictEqual(merged, before)) this.#version += 1;
    const resourceVersion = isDeepStrictEqual(merged, before)
      ? before?.metadata.resourceVersion
      : String(this.#version);
    const metadata = { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    return super.apply(type, { ...object, metadata }, options);
  }

  override async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<T[]> {
    const [key = "", value] = options.labelSelector?.split("=") ?? [];
    const all = await super.list<T>(type, options);
    return all.filter(({ metadata }) => key === "" || metadata.labels?.[key] === value);
  }
}

class World {
  readonly client = new Client();
  readonly view = new WallsView();
  readonly namespaces = new Store<SecureNamespace>();
  readonly events: EventDetail[] = [];
  readonly changed: string[] = [];
  readonly pods = new Store<ConsumingPod>();
  readonly #stores = types.map((type) => ({ type, store: new Store<KubeObject>() }));
  admin = false;
  repairs = 0;
  readonly #reconcile;
  readonly #living = new Store<KubeObject>();
  readonly #bindings = new Store<RoleBinding>();

  constructor(spec: Record<string, unknown> = {}) {
    this.secure("shop", spec);
    this.client.add("namespaces", { metadata: { name: "shop", uid: "n1", labels: { team: "a" } } });
    this.client.add("serviceaccounts", {
      metadata: { name: "default", namespace: "shop", uid: "d1", resourceVersion: "1" },
    });
    this.#reconcile = wallsReconciler({
      client: this.client,
      namespaces: this.namespaces,
      living: this.#living,
      pods: this.pods,
      bindings: this.#bindings,
      walls: new LivingWalls(() => this.#stores),
      view: this.view,
      served: () => ({
        names: false,
        admin: this.admin ? { type: adminNetworkPolicyType, networks: true } : undefined,
      }),
      dns: options.dns,
      probes: () => undefined,
      people: () => [{ metadata: { name: "people" }, roleRef: { name: "r" }, subjects: [] } as KubeObject],
      events: { emit: (_regarding, detail) => this.events.push(detail) },
      identity: { namespace: "mlsecops-system", serviceAccount: "mlsecops-operator" },
      changed: (name) => this.changed.push(name),
      onRepair: () => (this.repairs += 1),
      now: () => new Date("2030-01-01T00:00:00Z"),
    });
  }

  secure(name: string, spec: Record<string, unknown>, metadata: Partial<KubeObject["metadata"]> = {}) {
    this.client.add("securenamespaces", {
      metadata: { name, uid: "u1", resourceVersion: "1", generation: 1, ...metadata },
      spec: { profile: "training", enforcement: "Enforce", ...spec },
    } as KubeObject);
  }

  /** What the informers would bring, and then one pass. `stale`: they bring nothing new. */
  async pass({ stale = false } = {}) {
    if (!stale) {
      this.#sync("securenamespaces", this.namespaces);
      this.#sync("namespaces", this.#living);
      this.#sync("rolebindings", this.#bindings);
      for (const { type, store } of this.#stores) this.#sync(type.plural, store);
    }
    this.client.writes.length = 0;
    const log = createLogger({ level: "silent" });
    return this.#reconcile("shop", { log, signal: new AbortController().signal, reconcileId: "test" });
  }

  #sync<T extends KubeObject>(plural: string, store: Store<T>) {
    for (const key of store.keys()) store.delete(key);
    for (const [key, object] of this.client.objects)
      if (key.startsWith(`${plural}/`)) store.put(structuredClone(object) as T);
  }

  problems() {
    return this.view.state("shop", "u1")?.problems.map(({ reason }) => reason);
  }

  label(key: string) {
    return this.client.objects.get("namespaces/shop")?.metadata.labels?.[`pod-security.kubernetes.io/${key}`];
  }
}

const first = [
  "patch securenamespaces/shop",
  `apply ${binding}`,
  `apply ${deny}`,
  "apply resourcequotas/shop/mlsecops",
  "apply limitranges/shop/mlsecops",
  "apply serviceaccounts/shop/default",
  "apply rolebindings/shop/people",
  `apply ${dns}`,
  "patch namespaces/shop",
];

describe("the keeper of walls", () => {
  it("makes what closes first and what opens last, says so, and then has nothing to do", async () => {
    const world = new World();
    assert.deepEqual(await world.pass(), {});
    assert.deepEqual(world.client.writes, first);
    assert.deepEqual(world.changed, ["shop"]);
    const state = world.view.state("shop", "u1");
    assert.deepEqual([state?.objects, state?.repaired, state?.problems], [6, 0, []]);
    await world.pass();
    assert.deepEqual(world.client.writes, []);
    assert.deepEqual(world.changed, ["shop"]);
  });

  it("does not take what its informers have not brought yet for a deletion", async () => {
    const world = new World();
    await world.pass();
    await world.pass({ stale: true });
    assert.equal(world.view.state("shop", "u1")?.repaired, 0);
  });

  it("brings back what is deleted or changed, counts it, and says so", async () => {
    const world = new World();
    await world.pass();
    world.client.objects.delete(deny);
    await world.pass();
    assert.deepEqual(world.client.writes, [`apply ${deny}`]);
    const found = world.client.objects.get(dns);
    assert.ok(found !== undefined);
    world.client.add("networkpolicies", { ...found, metadata: { ...found.metadata, labels: {} } });
    await world.pass();
    assert.deepEqual(world.client.writes, [`apply ${dns}`]);
    const state = world.view.state("shop", "u1");
    assert.equal(state?.repaired, 2);
    assert.equal(world.repairs, 2);
    assert.equal(state.lastRepair?.object, "NetworkPolicy/mlsecops-dns");
    assert.deepEqual(
      world.events.map(({ reason }) => reason),
      ["WallRepaired", "WallRepaired"],
    );
  });

  it("counts no repair where the spec has changed, and goes on from the status", async () => {
    const world = new World();
    world.secure("shop", {});
    const raw = world.client.objects.get("securenamespaces/shop") as SecureNamespace;
    world.client.add("securenamespaces", { ...raw, status: { walls: { objects: 1, repaired: 5 } } } as KubeObject);
    await world.pass();
    const again = world.client.objects.get("securenamespaces/shop") as SecureNamespace;
    world.client.add("securenamespaces", { ...again, spec: { ...again.spec, quota: { pods: "3" } } } as KubeObject);
    await world.pass();
    assert.deepEqual(world.client.writes, ["apply resourcequotas/shop/mlsecops"]);
    assert.equal(world.view.state("shop", "u1")?.repaired, 5);
  });

  it("WallsIncomplete: what closes and cannot be written keeps what opens from being made", async () => {
    const world = new World();
    world.client.onWrite = (when, line) => {
      if (when === "before" && line === `apply ${deny}`) throw new KubeError("Forbidden", "not for you");
    };
    await assert.rejects(world.pass(), /not for you/);
    assert.ok(world.client.writes.includes("apply resourcequotas/shop/mlsecops"));
    assert.ok(!world.client.writes.includes(`apply ${dns}`));
    assert.deepEqual(world.problems(), ["WallsIncomplete"]);
    assert.match(
      world.view.state("shop", "u1")?.problems[0]?.message ?? "",
      /mlsecops-default-deny cannot be written: not for you/,
    );
    world.client.onWrite = () => undefined;
    await world.pass();
    assert.ok(world.client.objects.has(dns));
    assert.deepEqual(world.problems(), []);
  });

  it("writes nothing more when it must not write at all", async () => {
    const world = new World();
    world.client.onWrite = (when, line) => {
      if (when === "before" && line === `apply ${deny}`) throw new KubeError("Fenced", "somebody else leads");
    };
    await assert.rejects(world.pass(), /somebody else leads/);
    assert.equal(world.client.writes.at(-1), `apply ${binding}`);
    assert.equal(world.problems(), undefined);
  });

  it("Audit makes what cuts nothing, and takes the rest away: what keeps all apart last", async () => {
    const world = new World({ enforcement: "Audit" });
    assert.deepEqual(await world.pass(), { requeueAfterMs: 60_000 });
    assert.deepEqual(world.client.writes.slice(2), ["apply rolebindings/shop/people", "patch namespaces/shop"]);
    assert.equal(world.label("enforce"), undefined);
    assert.equal(world.label("warn"), "restricted");
    world.secure("shop", {}, { finalizers: ["mlsecops.io/namespace"] });
    await world.pass();
    assert.equal(world.label("enforce"), "restricted");
    world.secure("shop", { enforcement: "Audit" }, { finalizers: ["mlsecops.io/namespace"] });
    await world.pass();
    assert.deepEqual(world.client.writes, [
      `remove ${dns}`,
      "remove resourcequotas/shop/mlsecops",
      "remove limitranges/shop/mlsecops",
      "apply serviceaccounts/shop/default",
      `remove ${deny}`,
      "patch namespaces/shop",
    ]);
    assert.equal(world.label("enforce"), undefined);
  });

  it("Audit leaves ServiceAccounts alone that were there before, and Enforce takes their token", async () => {
    const world = new World({ enforcement: "Audit", serviceAccounts: [{ name: "trainer" }] });
    world.client.add("serviceaccounts", {
      metadata: { name: "trainer", namespace: "shop", uid: "t1", resourceVersion: "1" },
    });
    const token = () =>
      (world.client.objects.get("serviceaccounts/shop/trainer") as { automountServiceAccountToken?: boolean })
        .automountServiceAccountToken;
    await world.pass();
    await world.pass();
    assert.equal(token(), undefined);
    assert.equal(world.view.state("shop", "u1")?.repaired, 0);
    world.secure("shop", { serviceAccounts: [{ name: "trainer" }] }, { generation: 2 });
    await world.pass();
    assert.equal(token(), false);
  });

  it("deletes ServiceAccounts that it made, and gives those back that it found", async () => {
    const world = new World({ serviceAccounts: [{ name: "made" }, { name: "found" }] });
    world.client.add("serviceaccounts", { metadata: { name: "found", namespace: "shop", uid: "f" } });
    await world.pass();
    assert.ok(world.client.writes.includes("create serviceaccounts/shop/made"));
    assert.ok(!world.client.writes.includes("create serviceaccounts/shop/found"));
    world.secure("shop", {}, { finalizers: ["mlsecops.io/namespace"] });
    await world.pass();
    assert.deepEqual(world.client.writes.toSorted(), [
      "apply serviceaccounts/shop/found",
      "remove serviceaccounts/shop/made",
    ]);
  });

  it("makes what tenants cannot override where the cluster serves it, and takes it away when the Namespace is gone", async () => {
    const world = new World();
    world.admin = true;
    await world.pass();
    const policy = "adminnetworkpolicies/mlsecops-shop";
    assert.ok(world.client.objects.has(policy));
    assert.ok(world.client.writes.indexOf(`apply ${policy}`) < world.client.writes.indexOf(`apply ${dns}`));
    world.client.objects.delete("namespaces/shop");
    world.secure("shop", {}, { finalizers: ["mlsecops.io/namespace"], deletionTimestamp: "2030-01-01T00:00:00Z" });
    await world.pass();
    assert.deepEqual(world.client.writes, [`remove ${policy}`]);
    assert.equal(world.view.leaving("shop", "u1")?.state, "Done");
  });

  it("KeepClosed leaves what is not in the Namespace to go with it", async () => {
    const world = new World();
    world.admin = true;
    await world.pass();
    const policy = "adminnetworkpolicies/mlsecops-shop";
    const before = world.client.objects.get(policy);
    const leaving = { finalizers: ["mlsecops.io/namespace"], deletionTimestamp: "2030-01-01T00:00:00Z" };
    world.secure("shop", {}, leaving);
    await world.pass();
    assert.deepEqual(world.client.writes, [`apply ${policy}`]);
    const { metadata, ...rest } = world.client.objects.get(policy) ?? {};
    assert.deepEqual(metadata?.ownerReferences, [{ apiVersion: "v1", kind: "Namespace", name: "shop", uid: "n1" }]);
    assert.deepEqual(rest, { spec: (before as { spec?: unknown } | undefined)?.spec });
    assert.equal(world.view.leaving("shop", "u1")?.state, "Done");
  });

  it("QuotaBelowUse: from the pods where nobody has counted yet", async () => {
    const world = new World({ quota: { pods: "1" } });
    for (const name of ["a", "b"])
      world.pods.put({ metadata: { name, namespace: "shop" }, spec: { containers: [] }, status: { phase: "Running" } });
    await world.pass();
    assert.deepEqual(world.problems(), ["QuotaBelowUse"]);
  });

  for (const [what, change] of [
    ["is suspended", (world: World) => world.secure("shop", { suspend: true })],
    ["cannot be read", (world: World) => world.secure("shop", { profile: "other" })],
    ["has no Namespace", (world: World) => world.client.objects.delete("namespaces/shop")],
  ] as const)
    it(`leaves all as it is while the SecureNamespace ${what}`, async () => {
      const world = new World();
      change(world);
      assert.deepEqual(await world.pass(), {});
      assert.deepEqual(world.client.writes, []);
    });

  it("Farewell: KeepClosed keeps all, Open takes all of it away, and says what fails", async () => {
    const leaving = { finalizers: ["mlsecops.io/namespace"], deletionTimestamp: "2030-01-01T00:00:00Z" };
    const closed = new World();
    await closed.pass();
    closed.secure("shop", {}, leaving);
    await closed.pass();
    assert.deepEqual(closed.client.writes, []);
    assert.equal(closed.view.leaving("shop", "u1")?.state, "Done");

    const open = new World({ deletionPolicy: "Open" });
    await open.pass();
    open.secure("shop", { deletionPolicy: "Open" }, leaving);
    open.client.onWrite = (when, line) => {
      if (when === "before" && line === `remove ${dns}`) throw new KubeError("Forbidden", "not today");
    };
    await assert.rejects(open.pass(), /not today/);
    assert.deepEqual(open.view.leaving("shop", "u1"), {
      uid: "u1",
      state: "Failed",
      message: "a wall cannot be taken away: not today",
    });
    assert.ok(open.client.objects.has(deny));
    open.client.onWrite = () => undefined;
    await open.pass();
    assert.equal(open.view.leaving("shop", "u1")?.state, "Done");
    assert.ok(!open.client.objects.has(deny));
    assert.equal(open.label("enforce"), undefined);
    assert.deepEqual(open.changed.slice(-2), ["shop", "shop"]);
  });
});
