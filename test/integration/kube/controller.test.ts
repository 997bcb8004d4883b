import assert from "node:assert/strict";
import { Controller, Informer, Metrics, ObjectClient, systemClock, type Transport } from "../../../src/kube/index.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import {
  configMaps,
  connect,
  forEachOf,
  loadKubeConfig,
  silentLog,
  TestNamespace,
  until,
  type ConfigMap,
} from "./support.ts";

describe("controller on a real API server", function () {
  this.timeout(90_000);
  const space = new TestNamespace();
  const { client } = space;
  let proxy: FaultProxy;
  let transport: Transport;
  const stop = new AbortController();

  before(async () => {
    await space.create();
    proxy = await FaultProxy.start(loadKubeConfig());
    transport = connect(proxy.kubeConfig());
  });
  after(async () => {
    stop.abort();
    transport.close();
    await proxy.close();
    await space.remove();
  });

  it("brings 300 objects to where they should be, through broken connections", async () => {
    const own = new ObjectClient({ transport });
    const metrics = new Metrics();
    const informer = new Informer<ConfigMap>({
      client: own,
      type: configMaps,
      namespace: space.name,
      labelSelector: "owned=yes",
      clock: systemClock,
      log: silentLog(),
      metrics,
      backoff: { initialMs: 20, maxMs: 500 },
    });
    // Writes, beside what the user wanted, that it has seen it.
    const controller = new Controller({
      name: "copies",
      clock: systemClock,
      log: silentLog(),
      metrics,
      workers: 8,
      backoff: { initialMs: 20, maxMs: 500 },
      retryRate: { perSecond: 1_000, burst: 1_000 },
      reconcile: async (key, { signal }) => {
        const object = informer.store.get(key);
        if (object === undefined || object.data?.["copy"] === object.data?.["wanted"]) return {};
        const { namespace, name } = object.metadata;
        const metadata = namespace === undefined ? { name } : { namespace, name };
        const desired: ConfigMap = { metadata, data: { copy: object.data?.["wanted"] ?? "" } };
        await own.withSignal(signal).apply(configMaps, desired, { fieldManager: "copies" });
        return {};
      },
    });
    controller.watch(informer);
    informer.start(stop.signal);
    const ended = controller.run(stop.signal);

    const names = Array.from({ length: 300 }, (_, index) => `object-${index}`);
    const write = (name: string, wanted: string): Promise<ConfigMap> =>
      client.apply(
        configMaps,
        { metadata: { namespace: space.name, name, labels: { owned: "yes" } }, data: { wanted } },
        { fieldManager: "user" },
      );
    const troubles = setInterval(() => proxy.cut(), 150);
    await forEachOf(names, 8, (name) => write(name, "1"));
    await forEachOf(names, 8, (name) => write(name, "2"));
    clearInterval(troubles);
    await until(async () => {
      const found = await client.list<ConfigMap>(configMaps, { namespace: space.name, labelSelector: "owned=yes" });
      return found.length === 300 && found.every((object) => object.data?.["copy"] === "2");
    });
    stop.abort();
    await ended;
    assert.match(await metrics.registry.metrics(), /reconcile_total\{controller="copies",result="success"\}/);
  });
});
