import assert from "node:assert/strict";
import {
  Informer,
  KubeError,
  Metrics,
  ObjectClient,
  sleep,
  systemClock,
  type InformerOptions,
  type KubeObject,
  type ResourceType,
  type Transport,
} from "../../../src/kube/index.ts";
import { watchEvents } from "../../../src/kube/watch-stream.ts";
import { FaultProxy, type ProxiedRequest } from "../../support/fault-proxy.ts";
import {
  configMaps,
  connect,
  eventually,
  loadKubeConfig,
  randomName,
  silentLog,
  TestNamespace,
  until,
  type ConfigMap,
} from "./support.ts";

const definitions: ResourceType = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

describe("informer on a real API server", function () {
  this.timeout(60_000);
  const space = new TestNamespace();
  const { client } = space;
  let proxy: FaultProxy;
  let transport: Transport;
  let metrics: Metrics;
  let stop: AbortController;

  before(async () => {
    await space.create();
    proxy = await FaultProxy.start(loadKubeConfig());
  });
  beforeEach(() => {
    proxy.resume();
    proxy.requests.length = 0;
    transport = connect(proxy.kubeConfig(), { attemptTimeoutMs: 2_000 });
    metrics = new Metrics();
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    transport.close();
  });
  after(async () => {
    await proxy.close();
    await space.remove();
  });

  const start = async (options: Partial<InformerOptions<ConfigMap>> = {}): Promise<Informer<ConfigMap>> => {
    const informer = new Informer<ConfigMap>({
      client: new ObjectClient({ transport }),
      type: configMaps,
      namespace: space.name,
      clock: systemClock,
      log: silentLog(),
      metrics,
      backoff: { initialMs: 50, maxMs: 500 },
      ...options,
    });
    informer.start(stop.signal);
    await informer.waitForSync(stop.signal);
    await until(() => watches() > 0);
    return informer;
  };
  const write = (name: string, data: Record<string, string> = {}): Promise<ConfigMap> =>
    client.apply(configMaps, space.configMap(name, data), { fieldManager: "test" });
  const has = (informer: Informer<ConfigMap>, name: string): boolean =>
    informer.store.get(`${space.name}/${name}`) !== undefined;
  const seen = (informer: Informer<ConfigMap>, name: string): Promise<void> => until(() => has(informer, name));
  const lists = (): number => proxy.requests.filter(({ method, isWatch }) => method === "GET" && !isWatch).length;
  const watches = (): number => proxy.requests.filter(({ isWatch }) => isWatch).length;
  const isWatch = (request: ProxiedRequest): boolean => request.isWatch;

  it("follows what happens", async () => {
    await write("there-before", { a: "1" });
    const informer = await start();
    const told: string[] = [];
    informer.onChange(({ type, object }) => {
      if (object.metadata.name.startsWith("followed")) told.push(`${type} ${object.data?.["n"] ?? ""}`);
    });
    assert.ok(has(informer, "there-before"));
    await write("followed", { n: "1" });
    await write("followed", { n: "2" });
    await client.remove(configMaps, { namespace: space.name, name: "followed" });
    await until(() => told.length === 3);
    assert.deepEqual(told, ["added 1", "updated 2", "deleted 2"]);
    assert.equal(lists(), 1);
  });

  it("gives objects the same shape whether they were listed or watched", async () => {
    await write("listed");
    const informer = await start();
    await write("watched");
    await seen(informer, "watched");
    const shape = (name: string): string[] => {
      const object = informer.store.get(`${space.name}/${name}`);
      return [...Object.keys(object ?? {}), ...Object.keys(object?.metadata ?? {})].sort();
    };
    assert.deepEqual(shape("listed"), shape("watched"));
    assert.ok(!shape("listed").includes("managedFields"));
  });

  it("needs metadata only when asked for that", async () => {
    await write("slim", { large: "x".repeat(1_000) });
    const informer = await start({ metadataOnly: true });
    await write("slim-too", { large: "x".repeat(1_000) });
    await seen(informer, "slim-too");
    for (const name of ["slim", "slim-too"]) {
      const object = informer.store.get(`${space.name}/${name}`);
      assert.equal(object?.kind, "ConfigMap");
      assert.equal(object.data, undefined);
    }
  });

  it("goes on without a list after every connection was cut", async () => {
    const informer = await start();
    for (let round = 0; round < 5; round += 1) {
      proxy.cut();
      await write(`cut-${round}`);
      await seen(informer, `cut-${round}`);
    }
    assert.equal(lists(), 1);
  });

  it("notices a black hole and goes on without a list", async () => {
    const informer = await start({ inactivityMs: 1_500 });
    proxy.stall();
    await write("in-the-hole");
    // The hole also swallows the first attempts to connect again.
    const attempts = watches();
    await until(() => watches() > attempts);
    assert.ok(!has(informer, "in-the-hole"));
    proxy.resume();
    await seen(informer, "in-the-hole");
    assert.equal(lists(), 1);
    assert.match(await metrics.registry.metrics(), /watch_restarts_total\{kind="ConfigMap",reason="inactive"\}/);
  });

  it("lists again after 410 and tells what it missed", async () => {
    await write("doomed");
    const informer = await start();
    const deleted: string[] = [];
    informer.onChange(({ type, object }) => {
      if (type === "deleted") deleted.push(object.metadata.name);
    });
    const expired = JSON.stringify({ kind: "Status", code: 410, reason: "Expired", message: "too old" });
    proxy.answer(isWatch, { status: 410, body: expired });
    proxy.stall();
    await client.remove(configMaps, { namespace: space.name, name: "doomed" });
    proxy.resume();
    proxy.cut();
    await until(() => deleted.includes("doomed"));
    assert.ok(!has(informer, "doomed"));
    assert.equal(lists(), 2);
  });

  it("lists again after 410 inside a watch", async () => {
    const informer = await start();
    const expired = { kind: "Status", apiVersion: "v1", code: 410, reason: "Expired" };
    proxy.answer(isWatch, { status: 200, body: `${JSON.stringify({ type: "ERROR", object: expired })}\n` });
    proxy.cut();
    await write("after-expiry");
    await seen(informer, "after-expiry");
    assert.equal(lists(), 2);
  });

  it("understands what the server says to a version that is too old", async () => {
    // The server knows nothing of a kind's past before the kind came: on a fresh cluster no other version is old enough.
    const group = `${randomName("past")}.mlsecops.test`;
    const relics: ResourceType = { group, version: "v1", kind: "Relic", plural: "relics", namespaced: true };
    const schema = { openAPIV3Schema: { type: "object" } };
    const spec = {
      group,
      scope: "Namespaced",
      names: { kind: "Relic", plural: "relics", singular: "relic", listKind: "RelicList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    };
    const definition = { metadata: { name: `relics.${group}` }, spec };
    await client.create<KubeObject>(definitions, definition);
    try {
      await eventually(() => client.list(relics, { namespace: space.name }));
      const outcome = async () => {
        const watch = watchEvents(transport, {
          type: relics,
          resourceVersion: "1",
          timeoutSeconds: 5,
          inactivityMs: 30_000,
          maxLineBytes: 1_000_000,
          signal: stop.signal,
          clock: systemClock,
          onOpen: () => undefined,
        });
        const error: unknown = await watch.next().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        return error instanceof KubeError ? error.code : error;
      };
      // While it fills the cache of a kind that has just come, the server says 429: ask again, as the reflector does.
      let answer = await outcome();
      for (let attempt = 0; answer === "TooManyRequests" && attempt < 20; attempt++) {
        await sleep(systemClock, 250, stop.signal);
        answer = await outcome();
      }
      assert.equal(answer, "Gone");
    } finally {
      await client.remove(definitions, { name: definition.metadata.name });
    }
  });

  it("waits as long as a 429 asks", async () => {
    const informer = await start();
    proxy.answer(isWatch, { status: 429, headers: { "retry-after": "2" } });
    const cutAt = performance.now();
    proxy.cut();
    await write("throttled");
    await seen(informer, "throttled");
    assert.ok(performance.now() - cutAt >= 1_990);
    assert.equal(lists(), 1);
  });

  it("goes on after 500 from list and watch", async () => {
    proxy.answer(({ isWatch: watch }) => !watch, { status: 500 }, 2);
    const informer = await start();
    proxy.answer(isWatch, { status: 500 }, 3);
    proxy.cut();
    await write("after-500");
    await seen(informer, "after-500");
    assert.equal(lists(), 3);
  });

  it("stays alive when nothing happens, on one connection", async () => {
    const informer = await start({ watchTimeoutMs: 1_000, healthyMs: 500 });
    const before = watches();
    let oldest = 0;
    await until(() => {
      oldest = Math.max(oldest, informer.ageMs());
      return watches() >= before + 3;
    });
    // A watch lasts 1 or 2 s here; with much room for a slow machine.
    assert.ok(oldest < 20_000, `${oldest} ms without a sign of life`);
    assert.equal(lists(), 1);
  });

  it("equals the server after a bad day", async () => {
    const informer = await start({ inactivityMs: 1_000, backoff: { initialMs: 20, maxMs: 200 } });
    const expired = JSON.stringify({ kind: "Status", code: 410, reason: "Expired" });
    const faults = [
      () => proxy.cut(),
      () => proxy.answer(isWatch, { status: 410, body: expired }),
      () => proxy.answer(isWatch, { status: 500 }),
      () => proxy.answer(isWatch, { status: 200, body: '{"type":"ADDED","obj' }),
      () => proxy.answer(isWatch, { status: 200, body: "nonsense\n" }),
      () => proxy.stall(),
      () => proxy.resume(),
    ];
    for (let round = 0; round < 60; round += 1) {
      faults[round % faults.length]?.();
      if (round % 3 === 0) {
        const before = proxy.requests.length;
        proxy.cut();
        await until(() => proxy.requests.length > before);
      }
      const name = `day-${round % 7}`;
      if (round % 5 === 4) await client.remove(configMaps, { namespace: space.name, name });
      else await write(name, { round: String(round) });
    }
    proxy.resume();
    const versions = (objects: readonly ConfigMap[]): string =>
      objects
        .map((object) => `${object.metadata.name}@${object.metadata.resourceVersion ?? ""}`)
        .sort()
        .join();
    await until(
      async () =>
        versions(informer.store.list()) === versions(await client.list(configMaps, { namespace: space.name })),
    );
  });
});
