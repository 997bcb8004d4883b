import assert from "node:assert/strict";
import {
  ensureFinalizer,
  Metrics,
  createTransport,
  ObjectClient,
  removeFinalizer,
  type Condition,
  type KubeObject,
  type ResourceType,
} from "../../../src/kube/index.ts";
import {
  configMaps,
  eventually,
  forEachOf,
  loadKubeConfig,
  randomName,
  TestNamespace,
  until,
  type ConfigMap,
} from "./support.ts";

interface Widget extends KubeObject {
  spec?: Record<string, unknown>;
  status?: { conditions?: Condition[]; phase?: string };
}
interface Pod extends KubeObject {
  spec?: object;
  status?: object;
}

const definitions: ResourceType = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};
const pods: ResourceType = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };
const budgets: ResourceType = {
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  namespaced: true,
};

describe("object client on a real API server", function () {
  this.timeout(60_000);
  const space = new TestNamespace();
  const { client } = space;
  const key = (name: string): { namespace: string; name: string } => ({ namespace: space.name, name });

  before(() => space.create());
  after(() => space.remove());

  it("creates, reads, replaces, patches and deletes", async () => {
    const created = await client.create(configMaps, space.configMap("crud", { a: "1" }));
    assert.ok(created.metadata.uid);
    await assert.rejects(client.create(configMaps, space.configMap("crud")), { code: "AlreadyExists", status: 409 });

    const read = await client.get<ConfigMap>(configMaps, key("crud"));
    assert.deepEqual(read?.data, { a: "1" });
    assert.equal(typeof read.metadata.creationTimestamp, "string");

    const replaced = await client.replace(configMaps, { ...created, data: { a: "2" } });
    assert.deepEqual(replaced.data, { a: "2" });
    await assert.rejects(client.replace(configMaps, { ...created, data: { a: "3" } }), { code: "Conflict" });

    const patched = await client.patchJson<ConfigMap>(configMaps, key("crud"), [
      { op: "test", path: "/data/a", value: "2" },
      { op: "add", path: "/data/b", value: "x" },
    ]);
    assert.deepEqual(patched.data, { a: "2", b: "x" });
    const failing = client.patchJson(configMaps, key("crud"), [{ op: "test", path: "/data/a", value: "other" }]);
    await assert.rejects(failing, { code: "Invalid", status: 422 });

    await assert.rejects(client.remove(configMaps, key("crud"), { uid: "another" }), { code: "Conflict" });
    await client.remove(configMaps, key("crud"), { uid: created.metadata.uid });
    await client.remove(configMaps, key("crud"));
    assert.equal(await client.get(configMaps, key("crud")), undefined);
    await assert.rejects(client.replace(configMaps, replaced), { code: "NotFound" });
    await assert.rejects(client.patchJson(configMaps, key("crud"), []), { code: "NotFound" });
  });

  it("changes nothing in a dry run", async () => {
    const created = await client.create(configMaps, space.configMap("dry"), { dryRun: true });
    assert.ok(created.metadata.uid);
    await client.apply(configMaps, space.configMap("dry"), { fieldManager: "a", dryRun: true });
    assert.equal(await client.get(configMaps, key("dry")), undefined);
  });

  it("makes up a name", async () => {
    const object = { metadata: { name: "", generateName: "made-up-", namespace: space.name } };
    const created = await client.create<KubeObject>(configMaps, object);
    assert.match(created.metadata.name, /^made-up-.+/);
  });

  it("says what is invalid and what the server will not do", async () => {
    await assert.rejects(client.create(configMaps, space.configMap("Not_A_Name")), {
      code: "Invalid",
      reason: "Invalid",
    });
    const unknown = { ...configMaps, group: "no.such.group", plural: "things" };
    await assert.rejects(client.create(unknown, space.configMap("a")), { code: "NotFound" });
    await assert.rejects(client.create(configMaps, { metadata: { namespace: "no-such-namespace", name: "a" } }), {
      code: "NotFound",
    });
  });

  it("shares an object between two managers by server-side apply", async () => {
    const apply = (manager: string, data: Record<string, string>, force?: boolean): Promise<ConfigMap> =>
      client.apply(configMaps, space.configMap("shared", data), {
        fieldManager: manager,
        ...(force === undefined ? {} : { force }),
      });
    await apply("a", { mine: "a", contested: "a" });
    assert.deepEqual((await apply("b", { theirs: "b" })).data, { mine: "a", contested: "a", theirs: "b" });
    await assert.rejects(apply("b", { theirs: "b", contested: "b" }, false), { code: "Conflict" });
    assert.equal((await apply("b", { theirs: "b", contested: "b" })).data?.["contested"], "b");
    // What a manager no longer mentions goes, unless another one has it.
    assert.deepEqual((await apply("a", {})).data, { theirs: "b", contested: "b" });
    const before = await apply("b", { theirs: "b" });
    const again = await apply("b", { theirs: "b" });
    assert.equal(
      again.metadata.resourceVersion,
      before.metadata.resourceVersion,
      "an apply without change writes nothing",
    );
    // What was read can be applied, though it has managed fields.
    await client.apply(configMaps, { ...again, data: { c: "c" } }, { fieldManager: "c" });
  });

  it("lists 1,200 objects page by page in one snapshot", async () => {
    const names = Array.from({ length: 1_200 }, (_, index) => `many-${String(index).padStart(4, "0")}`);
    await forEachOf(names, 16, (name) =>
      client.create(configMaps, { ...space.configMap(name), metadata: { ...key(name), labels: { many: "yes" } } }),
    );
    const metrics = new Metrics();
    const transport = createTransport({ kubeConfig: loadKubeConfig(), metrics });
    const counted = new ObjectClient({ transport });
    const found = await counted.list<ConfigMap>(configMaps, { namespace: space.name, labelSelector: "many=yes" });
    transport.close();
    assert.deepEqual(found.map((object) => object.metadata.name).sort(), names);
    assert.ok(found.every((object) => object.kind === "ConfigMap" && object.apiVersion === "v1"));
    assert.match(await metrics.registry.metrics(), /verb="list",resource="configmaps",code="200"\} 3/);
    const one = await client.list(configMaps, { namespace: space.name, fieldSelector: "metadata.name=many-0007" });
    assert.equal(one.length, 1);
  });

  it("removes a finalizer while others come and go", async () => {
    const mine = "example.com/mine";
    const created = await client.create(configMaps, space.configMap("finalized"));
    const first = await ensureFinalizer(client, configMaps, created, mine);
    assert.deepEqual(first?.metadata.finalizers, [mine]);

    // Two writers add and remove their own at the same time as we do, from the same stale object.
    const others = ["example.com/a", "example.com/b"];
    await Promise.all(others.map((name) => ensureFinalizer(client, configMaps, first, name)));
    const withAll = await client.get<ConfigMap>(configMaps, key("finalized"));
    assert.deepEqual([...(withAll?.metadata.finalizers ?? [])].sort(), [...others, mine].sort());

    await client.remove(configMaps, key("finalized"));
    const dying = await client.get<ConfigMap>(configMaps, key("finalized"));
    assert.ok(dying?.metadata.deletionTimestamp);
    assert.deepEqual(await ensureFinalizer(client, configMaps, dying, "example.com/late"), dying);
    await Promise.all([...others, mine].map((name) => removeFinalizer(client, configMaps, dying, name)));
    assert.equal(await client.get(configMaps, key("finalized")), undefined);
    assert.equal(await removeFinalizer(client, configMaps, dying, mine), undefined);
  });

  it("leaves the finalizer of another object of the same name alone", async () => {
    const old = await client.create(configMaps, space.configMap("again"));
    await client.remove(configMaps, key("again"));
    const created = await client.create(configMaps, space.configMap("again"));
    const next = await ensureFinalizer(client, configMaps, created, "example.com/mine");
    const stale = { ...old, metadata: { ...old.metadata, finalizers: ["example.com/mine"] } };
    assert.equal(await removeFinalizer(client, configMaps, stale, "example.com/mine"), undefined);
    const after = await client.get(configMaps, key("again"));
    assert.deepEqual(after?.metadata.finalizers, ["example.com/mine"]);
    assert.ok(next);
    await removeFinalizer(client, configMaps, next, "example.com/mine");
  });

  describe("with a custom resource", () => {
    const group = `${randomName("kube-test")}.example.com`;
    const widgets: ResourceType = { group, version: "v1", kind: "Widget", plural: "widgets", namespaced: true };

    before(async () => {
      const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
      const version = {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", properties: { spec: schema, status: schema } } },
      };
      const spec = {
        group,
        names: { kind: "Widget", plural: "widgets", singular: "widget", listKind: "WidgetList" },
        scope: "Namespaced",
        versions: [version],
      };
      const definition = { metadata: { name: `widgets.${group}` }, spec };
      await client.create<KubeObject>(definitions, definition);
      await eventually(() => client.create<Widget>(widgets, { metadata: key("probe"), spec: {} }));
    });
    after(() => client.remove(definitions, { name: `widgets.${group}` }));

    it("keeps fields that nobody here knows", async () => {
      const spec = { future: { deep: [1, { x: null }] } };
      await client.create<Widget>(widgets, { metadata: key("future"), spec });
      assert.deepEqual((await client.get<Widget>(widgets, key("future")))?.spec, {
        future: { deep: [1, { x: null }] },
      });
    });

    it("keeps spec and status apart", async () => {
      await client.create<Widget>(widgets, { metadata: key("split"), spec: { size: 1 }, status: { phase: "ignored" } });
      const status = { phase: "Ready" };
      const applied = await client.apply<Widget>(
        widgets,
        { metadata: key("split"), spec: { size: 99 }, status },
        { fieldManager: "status-writer", subresource: "status" },
      );
      assert.deepEqual([applied.spec, applied.status], [{ size: 1 }, { phase: "Ready" }]);
      const specOnly = await client.apply<Widget>(
        widgets,
        { metadata: key("split"), spec: { size: 2 }, status: { phase: "Hacked" } },
        { fieldManager: "spec-writer" },
      );
      assert.deepEqual([specOnly.spec, specOnly.status], [{ size: 2 }, { phase: "Ready" }]);
      await client.patchJson(widgets, key("split"), [{ op: "replace", path: "/status/phase", value: "Patched" }], {
        subresource: "status",
      });
      const stale = client.replace(widgets, specOnly, { subresource: "status" });
      await assert.rejects(stale, { code: "Conflict" });
      assert.equal((await client.get<Widget>(widgets, key("split")))?.status?.phase, "Patched");
    });
  });

  describe("with pods", () => {
    // No scheduler knows that name, so the pod stays where it is and needs no node.
    const pod = (name: string, labels: Record<string, string> = {}): Pod => ({
      metadata: { ...key(name), labels },
      spec: { schedulerName: "nobody", containers: [{ name: "c", image: "no.such.registry/image" }] },
    });

    before(() => eventually(() => client.create(pods, pod("probe"))));

    it("evicts, and finds nothing wrong with a pod that is gone", async () => {
      await client.create(pods, pod("evicted"));
      await client.evict(key("evicted"));
      await until(async () => {
        const found = await client.get(pods, key("evicted"));
        return found === undefined || found.metadata.deletionTimestamp !== undefined;
      });
      await client.evict(key("no-such-pod"));
    });

    it("is told that a disruption budget forbids the eviction", async () => {
      await client.create(pods, pod("guarded", { app: "guarded" }));
      const now = new Date().toISOString().replace(/\.\d+/, "");
      const ready = { type: "Ready", status: "True", lastTransitionTime: now };
      await client.patchJson(
        pods,
        key("guarded"),
        [{ op: "add", path: "/status", value: { phase: "Running", conditions: [ready] } }],
        {
          subresource: "status",
        },
      );
      const selector = { matchLabels: { app: "guarded" } };
      const budget = { metadata: key("guarded"), spec: { minAvailable: 1, selector } };
      await client.create<KubeObject>(budgets, budget);
      await assert.rejects(client.evict(key("guarded")), { code: "TooManyRequests" });
      assert.equal((await client.get(pods, key("guarded")))?.metadata.deletionTimestamp, undefined);
    });

    it("has no log of a pod that has not begun, nor of one that is not there", async () => {
      assert.equal(await client.logs(key("probe"), { tailLines: 1, limitBytes: 10 }), "");
      await assert.rejects(client.logs(key("probe"), { container: "no-such-container" }), { code: "BadRequest" });
      await assert.rejects(client.logs(key("no-such-pod"), {}), { code: "NotFound" });
    });
  });
});
