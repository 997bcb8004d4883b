import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createTransport,
  Informer,
  keyOf,
  Metrics,
  ObjectClient,
  systemClock,
  type Change,
  type Clock,
  type InformerOptions,
  type Transport,
} from "../../../src/kube/index.ts";
import { FakeApiServer, sendStatus, type Handler } from "./fake-api-server.ts";
import { FakeCollection } from "./fake-collection.ts";
import { configMaps, silentLog, until, type ConfigMap } from "./support.ts";

const quick = { healthyMs: 30, backoff: { initialMs: 5, maxMs: 20 } };

describe("informer", () => {
  let server: FakeApiServer;
  let transport: Transport;
  let collection: FakeCollection;
  let stop: AbortController;
  let metrics: Metrics;

  before(async () => {
    server = await FakeApiServer.start((request, response) => collection.handle(request, response));
    transport = createTransport({
      kubeConfig: server.kubeConfig(),
      backoff: { initialMs: 1, maxMs: 2 },
      rateLimit: { perSecond: 10_000, burst: 10_000 },
    });
  });
  beforeEach(() => {
    collection = new FakeCollection();
    stop = new AbortController();
    metrics = new Metrics();
  });
  afterEach(() => stop.abort());
  after(async () => {
    transport.close();
    await server.close();
  });

  const create = (options: Partial<InformerOptions<ConfigMap>> = {}): Informer<ConfigMap> =>
    new Informer<ConfigMap>({
      client: new ObjectClient({ transport }),
      type: configMaps,
      clock: systemClock,
      log: silentLog(),
      metrics,
      ...quick,
      ...options,
    });
  const start = async (options: Partial<InformerOptions<ConfigMap>> = {}): Promise<Informer<ConfigMap>> => {
    const informer = create(options);
    informer.start(stop.signal);
    await informer.waitForSync(stop.signal);
    await until(() => collection.openWatches > 0);
    return informer;
  };
  const follow = (informer: Informer<ConfigMap>): string[] => {
    const told: string[] = [];
    informer.onChange(({ type, object }) => void told.push(`${type} ${object.metadata.name}`));
    return told;
  };
  const names = (informer: Informer<ConfigMap>): string[] =>
    informer.store
      .list()
      .map((object) => object.metadata.name)
      .sort();
  const ends = async (reason: string): Promise<number> => {
    const text = await metrics.registry.metrics();
    const match = new RegExp(`watch_restarts_total\\{kind="ConfigMap",reason="${reason}"\\} (\\d+)`).exec(text);
    return Number(match?.[1] ?? 0);
  };

  it("lists page by page, tells of each object, and is synced then", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) collection.write(name);
    const informer = create({ pageSize: 2 });
    const told = follow(informer);
    assert.equal(informer.synced(), false);
    assert.equal(informer.ageMs(), 0);
    informer.start(stop.signal);
    await informer.waitForSync(5_000);
    assert.equal(informer.synced(), true);
    assert.deepEqual(told, ["added a", "added b", "added c", "added d", "added e"]);
    assert.deepEqual(
      collection.lists.map((list) => [list.query.get("limit"), list.query.get("continue")]),
      [
        ["2", null],
        ["2", "2"],
        ["2", "4"],
      ],
    );
    assert.equal(informer.store.get("ns/a")?.kind, "ConfigMap");
  });

  it("watches from the list with bookmarks and a jittered timeout, and follows", async () => {
    collection.write("a");
    const informer = await start({ watchTimeoutMs: 20_000, random: () => 0.5, labelSelector: "x=y", namespace: "ns" });
    const told = follow(informer);
    const [watch] = collection.watches;
    assert.equal(watch?.path, "/api/v1/namespaces/ns/configmaps");
    assert.equal(watch.query.get("resourceVersion"), "101");
    assert.equal(watch.query.get("allowWatchBookmarks"), "true");
    assert.equal(watch.query.get("timeoutSeconds"), "25");
    assert.equal(watch.query.get("labelSelector"), "x=y");
    collection.write("b");
    collection.write("a", { changed: "yes" });
    collection.remove("b");
    await until(() => told.length === 4);
    assert.deepEqual(told, ["added a", "added b", "updated a", "deleted b"]);
    assert.deepEqual(informer.store.get("ns/a")?.data, { changed: "yes" });
    assert.deepEqual(names(informer), ["a"]);
  });

  it("continues a watch that was cut where it was, without a list", async () => {
    const informer = await start();
    collection.write("a");
    await until(() => names(informer).length === 1);
    collection.cut();
    collection.write("b");
    await until(() => names(informer).length === 2);
    assert.equal(collection.lists.length, 1);
    assert.equal(collection.watches.at(-1)?.query.get("resourceVersion"), "101");
    assert.equal(await ends("error"), 1);
  });

  it("says why it may not read the collection, until it may", async () => {
    const told: (string | undefined)[] = [];
    for (let n = 0; n < 3; n += 1)
      collection.listFaults.push((_request, response) => sendStatus(response, 403, "Forbidden"));
    collection.listFaults.push((_request, response) => sendStatus(response, 500, "InternalError"));
    const informer = create();
    informer.onRefusal((refusal) => told.push(refusal?.code));
    informer.start(stop.signal);
    await until(() => informer.refusal() !== undefined);
    await informer.waitForSync(stop.signal);
    assert.equal(informer.refusal(), undefined);
    assert.deepEqual(told, ["Forbidden", undefined]);
  });

  it("continues after an ordinary end at once", async () => {
    const informer = await start({ healthyMs: 0, backoff: { initialMs: 60_000, maxMs: 60_000 } });
    collection.end();
    collection.write("a");
    await until(() => names(informer).length === 1);
    assert.equal(collection.lists.length, 1);
    assert.equal(await ends("expired"), 1);
  });

  it("continues from the last bookmark", async () => {
    const informer = await start();
    collection.write("a");
    collection.bookmark();
    collection.bookmark();
    collection.compact();
    // In good order: everything before the end arrives.
    collection.end();
    collection.write("b");
    await until(() => names(informer).length === 2);
    assert.equal(collection.watches.at(-1)?.query.get("resourceVersion"), "103");
    assert.equal(collection.lists.length, 1);
  });

  for (const [what, expire] of [
    [
      "an HTTP answer",
      (handlers: Handler[]) => handlers.push((_request, response) => sendStatus(response, 410, "Expired")),
    ],
    [
      "an ERROR event",
      (handlers: Handler[]) =>
        handlers.push((_request, response) => {
          const status = { kind: "Status", code: 410, reason: "Expired" };
          response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
        }),
    ],
  ] as const) {
    it(`lists again after 410 in ${what}, and tells what it missed`, async () => {
      for (const name of ["a", "b"]) collection.write(name);
      const informer = await start();
      const told = follow(informer);
      expire(collection.watchFaults);
      collection.cut();
      collection.remove("a");
      collection.write("b", { changed: "yes" });
      collection.write("c");
      await until(() => names(informer).join() === "b,c");
      assert.deepEqual(told, ["added a", "added b", "deleted a", "updated b", "added c"]);
      assert.equal(collection.lists.length, 2);
      assert.equal(await ends("gone"), 1);
    });
  }

  it("lists again at once after a 410 that comes alone", async () => {
    collection.watchFaults.push((_request, response) => sendStatus(response, 410, "Expired"));
    await start({ backoff: { initialMs: 60_000, maxMs: 60_000 } });
    assert.equal(collection.lists.length, 2);
  });

  it("asks again at once when an attempt got no answer for as long as it may take", async () => {
    const impatient = createTransport({ kubeConfig: server.kubeConfig(), attemptTimeoutMs: 200 });
    try {
      collection.watchFaults.push(() => undefined);
      const client = new ObjectClient({ transport: impatient });
      await start({ client, backoff: { initialMs: 60_000, maxMs: 60_000 } });
      assert.equal(collection.lists.length, 1);
    } finally {
      impatient.close();
    }
  });

  it("lists again from the first page after 410 in the middle of a list", async () => {
    for (const name of ["a", "b", "c"]) collection.write(name);
    let expired = false;
    server.handler = (request, response) => {
      if (!expired && request.query.has("continue")) {
        expired = true;
        collection.remove("a");
        sendStatus(response, 410, "Expired");
      } else collection.handle(request, response);
    };
    const informer = await start({ pageSize: 1 });
    server.handler = (request, response) => collection.handle(request, response);
    assert.deepEqual(names(informer), ["b", "c"]);
    assert.ok(expired);
  });

  /** Answers everything of a kind that way, for a while, and counts. */
  const countFor = async (ms: number, fault: Handler): Promise<number> => {
    let count = 0;
    server.handler = (request, response) => {
      if (request.query.get("watch") === "true") {
        count += 1;
        fault(request, response);
      } else collection.handle(request, response);
    };
    await new Promise((resolve) => setTimeout(resolve, ms));
    server.handler = (request, response) => collection.handle(request, response);
    return count;
  };
  const storms: readonly [string, Handler][] = [
    ["keeps answering 410", (_request, response) => sendStatus(response, 410, "Expired")],
    ["closes every watch at once", (_request, response) => response.end()],
    ["drops every connection", (_request, response) => void response.socket?.destroy()],
    ["keeps answering 500", (_request, response) => sendStatus(response, 500, "InternalError")],
    ["sends nonsense", (_request, response) => response.end("nonsense\n")],
    ["forbids the watch", (_request, response) => sendStatus(response, 403, "Forbidden")],
  ];
  for (const [what, fault] of storms) {
    it(`never loops hot when the server ${what}`, async () => {
      const informer = await start({ healthyMs: 5_000, backoff: { initialMs: 50, maxMs: 400, jitter: 0 } });
      collection.cut();
      // 50 + 100 + 200 + 400 + 400 …: at most six in this time, however fast the machine is.
      const count = await countFor(1_000, fault);
      assert.ok(count >= 1 && count <= 6, `${count} watches in a second`);
      collection.write("after");
      await until(() => names(informer).includes("after"));
    });
  }

  it("begins with a short delay again after a watch that was healthy", async () => {
    const informer = await start({ healthyMs: 30, backoff: { initialMs: 10, maxMs: 60_000, factor: 20, jitter: 0 } });
    for (let round = 0; round < 5; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      collection.cut();
      collection.write(`round-${round}`);
      // Without the reset the fourth round would wait a minute.
      await until(() => names(informer).length === round + 1);
    }
  });

  it("waits as long as a 429 asks, and then continues where it was", async () => {
    const informer = await start();
    collection.watchFaults.push((_request, response) =>
      sendStatus(response, 429, "TooManyRequests", { "retry-after": "1" }),
    );
    collection.write("a");
    await until(() => names(informer).length === 1);
    const cutAt = performance.now();
    collection.cut();
    collection.write("b");
    await until(() => names(informer).length === 2);
    assert.ok(performance.now() - cutAt >= 990);
    assert.equal(collection.lists.length, 1);
    assert.equal(await ends("throttled"), 1);
  });

  it("does not give up when the first list fails", async () => {
    collection.write("a");
    for (let count = 0; count < 3; count += 1) {
      collection.listFaults.push((_request, response) => sendStatus(response, 500, "InternalError"));
    }
    const informer = await start();
    assert.deepEqual(names(informer), ["a"]);
    assert.equal(collection.lists.length, 4);
  });

  it("cuts a connection that swallows everything", async () => {
    const informer = await start({ inactivityMs: 300 });
    // The next watch is accepted and then says nothing, whatever happens.
    collection.watchFaults.push((_request, response) => response.writeHead(200).flushHeaders());
    collection.cut();
    await until(() => collection.watches.length === 2);
    collection.write("a");
    await until(() => names(informer).length === 1);
    assert.ok((await ends("inactive")) >= 1);
    assert.equal(collection.lists.length, 1);
  });

  it("is not disturbed by a watch that is quiet for less than the limit, or busy for more", async () => {
    const informer = await start({ inactivityMs: 1_500 });
    for (let count = 0; count < 12; count += 1) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      collection.write(`n${count}`);
    }
    await until(() => names(informer).length === 12);
    assert.equal(collection.watches.length, 1);
  });

  const unreadable: readonly [string, string][] = [
    ["is not JSON", '{"type":"ADDED","object":{"met'],
    ["is no event", '"text"'],
    ["is null", "null"],
    ["has an unknown type", '{"type":"RENAMED","object":{"metadata":{}}}'],
    ["has no object", '{"type":"ADDED"}'],
    ["has no metadata", '{"type":"ADDED","object":{"kind":"ConfigMap"}}'],
    ["is too long", `{"type":"ADDED","pad":"${"x".repeat(20_000)}"}`],
  ];
  for (const [what, line] of unreadable) {
    it(`begins again after a line that ${what}`, async () => {
      const informer = await start({ maxLineBytes: 10_000 });
      collection.sendRaw(line);
      await until(() => collection.lists.length === 2 && collection.openWatches > 0);
      collection.write("a");
      await until(() => names(informer).length === 1);
      assert.equal(await ends("malformed"), 1);
    });
  }

  it("is not hurt by handlers that throw", async () => {
    const informer = create();
    informer.onChange(() => {
      throw new Error("a handler failed");
    });
    const told = follow(informer);
    collection.write("a");
    informer.start(stop.signal);
    await informer.waitForSync(stop.signal);
    await until(() => collection.openWatches > 0);
    collection.write("b");
    await until(() => told.length === 2);
    assert.equal(collection.watches.length, 1);
    assert.match(await metrics.registry.metrics(), /handler_errors_total\{kind="ConfigMap"\} 2/);
  });

  it("is not hurt by indexes and transforms that throw", async () => {
    const fail = (): never => {
      throw new Error("bad");
    };
    collection.write("a");
    const informer = await start({ indexers: { bad: fail }, transform: fail });
    assert.deepEqual(names(informer), ["a"]);
  });

  it("is not changed by events that come again", async () => {
    const informer = await start();
    const told = follow(informer);
    collection.write("a");
    collection.write("b");
    collection.remove("a");
    collection.repeat(3);
    collection.write("last");
    await until(() => told.includes("added last"));
    assert.deepEqual(told, ["added a", "added b", "deleted a", "added last"]);
  });

  it("stores what the transform leaves, and never managed fields", async () => {
    collection.write("a", { large: "x" });
    const object = collection.objects.get("a") as { metadata: object };
    Object.assign(object.metadata, { managedFields: [{ manager: "me" }] });
    const informer = await start({
      transform: (found) => {
        delete found.data;
        return found;
      },
    });
    const stored = informer.store.get("ns/a");
    assert.ok(stored);
    assert.ok(!("managedFields" in stored.metadata));
    assert.ok(!("data" in stored));
    assert.ok(Object.isFrozen(stored.metadata));
  });

  it("asks for metadata only when that is enough", async () => {
    await start({ metadataOnly: true });
    assert.match(collection.lists[0]?.headers.accept ?? "", /^application\/json;as=PartialObjectMetadataList;/);
    assert.match(collection.watches[0]?.headers.accept ?? "", /^application\/json;as=PartialObjectMetadata;/);
  });

  it("tells a late handler of everything that is there, until it is removed", async () => {
    collection.write("a");
    const informer = await start();
    const told: string[] = [];
    const remove = informer.onChange(
      ({ type, object }: Change<ConfigMap>) => void told.push(`${type} ${keyOf(object)}`),
    );
    assert.deepEqual(told, ["added ns/a"]);
    remove();
    collection.write("b");
    await until(() => names(informer).length === 2);
    assert.deepEqual(told, ["added ns/a"]);
  });

  it("says how long it has heard nothing", async () => {
    let skew = 0;
    const clock: Clock = { ...systemClock, monotonic: () => performance.now() + skew };
    const informer = await start({ clock, inactivityMs: 3_600_000 });
    skew += 600_000;
    assert.ok(informer.ageMs() >= 600_000);
    assert.equal(informer.health(500_000).healthy, false);
    assert.equal(informer.health(1_200_000).healthy, true);
    collection.bookmark();
    await until(() => informer.ageMs() < 300_000);
    skew += 600_000;
    collection.write("a");
    await until(() => informer.ageMs() < 300_000);
    skew += 600_000;
    collection.end();
    await until(() => informer.ageMs() < 300_000);
  });

  it("limits the wait for the first list", async () => {
    server.handler = () => undefined;
    const informer = create();
    informer.start(stop.signal);
    await assert.rejects(informer.waitForSync(20), { code: "Timeout" });
    const waiting = informer.waitForSync(stop.signal);
    stop.abort();
    await assert.rejects(waiting, { code: "Aborted" });
    server.handler = (request, response) => collection.handle(request, response);
  });

  it("starts once and stops for good", async () => {
    const informer = await start();
    assert.throws(() => informer.start(stop.signal), /started already/);
    stop.abort();
    await until(() => collection.openWatches === 0);
    const requests = server.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(server.requests.length, requests);
  });

  it("equals the server after any sequence of changes and faults", async () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ what: fc.constant("write" as const), name }) },
      { weight: 3, arbitrary: fc.record({ what: fc.constant("remove" as const), name }) },
      fc.record({ what: fc.constantFrom("cut", "end", "compact", "bookmark", "repeat", "nonsense", "breathe") }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const current = new FakeCollection();
        collection = current;
        const end = new AbortController();
        const informer = create();
        const told = new Map<string, string>();
        informer.onChange(({ type, object }) => {
          if (type === "deleted") told.delete(object.metadata.name);
          else told.set(object.metadata.name, object.metadata.resourceVersion ?? "");
        });
        informer.start(end.signal);
        for (const action of steps) {
          if (action.what === "write" && "name" in action) current.write(action.name);
          if (action.what === "remove" && "name" in action) current.remove(action.name);
          if (action.what === "cut") current.cut();
          if (action.what === "end") current.end();
          if (action.what === "compact") current.compact();
          if (action.what === "bookmark") current.bookmark();
          if (action.what === "repeat") current.repeat(5);
          if (action.what === "nonsense") current.sendRaw("{nonsense");
          if (action.what === "breathe") await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const expected = [...current.objects.values()]
          .map((object) => `${object.metadata.name}@${object.metadata.resourceVersion ?? ""}`)
          .sort()
          .join();
        const held = (): string =>
          informer.store
            .list()
            .map((object) => `${object.metadata.name}@${object.metadata.resourceVersion ?? ""}`)
            .sort()
            .join();
        await until(() => informer.synced() && held() === expected);
        assert.equal(
          [...told]
            .map((entry) => entry.join("@"))
            .sort()
            .join(),
          expected,
        );
        end.abort();
      }),
      { numRuns: 40 },
    );
  }).timeout(60_000);
});
