import assert from "node:assert/strict";
import {
  createTransport,
  KubeError,
  ObjectClient,
  type Fence,
  type KubeObject,
  type ResourceType,
  type Transport,
} from "../../../src/kube/index.ts";
import { FakeApiServer, sendJson, sendStatus, type Handler, type ReceivedRequest } from "./fake-api-server.ts";
import { configMap, configMaps, nodes, until } from "./support.ts";

const pods: ResourceType = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };
const key = { namespace: "ns", name: "a" };
const echo: Handler = (request, response) =>
  sendJson(response, 200, request.body === "" ? {} : JSON.parse(request.body));

describe("object client", () => {
  let server: FakeApiServer;
  let transport: Transport;
  let client: ObjectClient;

  before(async () => {
    server = await FakeApiServer.start(echo);
    transport = createTransport({ kubeConfig: server.kubeConfig(), backoff: { initialMs: 1, maxMs: 2 } });
    client = new ObjectClient({ transport });
  });
  beforeEach(() => {
    server.requests.length = 0;
    server.handler = echo;
  });
  after(async () => {
    transport.close();
    await server.close();
  });

  const only = (): ReceivedRequest => {
    assert.equal(server.requests.length, 1);
    return server.requests[0] as ReceivedRequest;
  };
  const line = (request: ReceivedRequest): string => {
    const query = request.query.toString();
    return `${request.method} ${request.path}${query === "" ? "" : `?${query}`}`;
  };

  it("gets an object with fields nobody here knows, or undefined", async () => {
    server.handler = (_request, response) => sendJson(response, 200, { ...configMap("a", 1), futureField: { x: 1 } });
    assert.deepEqual((await client.get<KubeObject & { futureField?: unknown }>(configMaps, key))?.futureField, {
      x: 1,
    });
    server.handler = (_request, response) => sendStatus(response, 404, "NotFound");
    assert.equal(await client.get(configMaps, key), undefined);
    server.handler = (_request, response) => sendStatus(response, 403, "Forbidden");
    await assert.rejects(client.get(configMaps, key), { code: "Forbidden" });
  });

  it("lists page by page and gives each item its type", async () => {
    server.handler = (request, response) => {
      const page = Number(request.query.get("continue") ?? "0");
      const items = [{ metadata: { name: `n${page}` } }];
      sendJson(response, 200, {
        metadata: { resourceVersion: "9", continue: page < 2 ? String(page + 1) : "" },
        items,
      });
    };
    const found = await client.list(nodes, { labelSelector: "a=b", fieldSelector: "c=d", limit: 1 });
    assert.deepEqual(
      found,
      [0, 1, 2].map((page) => ({ metadata: { name: `n${page}` }, apiVersion: "v1", kind: "Node" })),
    );
    assert.deepEqual(server.requests.map(line), [
      "GET /api/v1/nodes?labelSelector=a%3Db&fieldSelector=c%3Dd&limit=1",
      "GET /api/v1/nodes?labelSelector=a%3Db&fieldSelector=c%3Dd&limit=1&continue=1",
      "GET /api/v1/nodes?labelSelector=a%3Db&fieldSelector=c%3Dd&limit=1&continue=2",
    ]);
  });

  it("lists again from the start when a page has expired, at last in one piece", async () => {
    server.handler = (request, response) => {
      if (request.query.has("continue")) sendStatus(response, 410, "Expired");
      else if (request.query.has("limit")) {
        sendJson(response, 200, {
          metadata: { resourceVersion: "1", continue: "x" },
          items: [{ metadata: { name: "old" } }],
        });
      } else sendJson(response, 200, { metadata: { resourceVersion: "2" }, items: [{ metadata: { name: "new" } }] });
    };
    assert.deepEqual(
      (await client.list(nodes)).map((node) => node.metadata.name),
      ["new"],
    );
    assert.equal(server.requests.length, 5);
  });

  it("takes an empty list for what it is", async () => {
    server.handler = (_request, response) => sendJson(response, 200, { metadata: {}, items: null });
    assert.deepEqual(await client.list(nodes), []);
  });

  it("creates in the object's namespace, with its type, and leaves the argument alone", async () => {
    const object = { metadata: { name: "", generateName: "a-", namespace: "ns" } };
    const created = await client.create<KubeObject>(configMaps, object, { dryRun: true, fieldManager: "me" });
    assert.equal(line(only()), "POST /api/v1/namespaces/ns/configmaps?fieldManager=me&dryRun=All");
    assert.deepEqual(created, { ...object, apiVersion: "v1", kind: "ConfigMap" });
    assert.deepEqual(object, { metadata: { name: "", generateName: "a-", namespace: "ns" } });
    await assert.rejects(client.create<KubeObject>(configMaps, { metadata: { name: "a" } }), {
      reason: "NamespaceMissing",
    });
  });

  it("applies with a manager, by force unless told otherwise, and without managed fields", async () => {
    const object = configMap("a", 1);
    const managed = { ...object, metadata: { ...object.metadata, managedFields: [{}] } };
    await client.apply(configMaps, managed, { fieldManager: "me" });
    await client.apply(configMaps, managed, { fieldManager: "me", force: false, subresource: "status", dryRun: true });
    assert.deepEqual(server.requests.map(line), [
      "PATCH /api/v1/namespaces/ns/configmaps/a?fieldManager=me&force=true",
      "PATCH /api/v1/namespaces/ns/configmaps/a/status?fieldManager=me&dryRun=All&force=false",
    ]);
    assert.equal(server.requests[0]?.headers["content-type"], "application/apply-patch+yaml");
    assert.ok(!server.requests[0].body.includes("managedFields"));
  });

  it("replaces, patches, deletes, evicts and reads logs at the right places", async () => {
    await client.replace(configMaps, configMap("a", 7), { subresource: "status", fieldManager: "me" });
    await client.patchJson(configMaps, key, [{ op: "remove", path: "/data" }], { subresource: "status" });
    await client.remove(configMaps, key, {
      uid: "u",
      resourceVersion: "3",
      propagationPolicy: "Foreground",
      gracePeriodSeconds: 0,
    });
    await client.remove(nodes, { name: "n" });
    await client.evict(key);
    await client.logs(key, { container: "c", tailLines: 5, limitBytes: 100, previous: true });
    assert.deepEqual(server.requests.map(line), [
      "PUT /api/v1/namespaces/ns/configmaps/a/status?fieldManager=me",
      "PATCH /api/v1/namespaces/ns/configmaps/a/status",
      "DELETE /api/v1/namespaces/ns/configmaps/a",
      "DELETE /api/v1/nodes/n",
      "POST /api/v1/namespaces/ns/pods/a/eviction",
      "GET /api/v1/namespaces/ns/pods/a/log?container=c&tailLines=5&limitBytes=100&previous=true",
    ]);
    const [, patch, remove, , evict] = server.requests;
    assert.equal(patch?.headers["content-type"], "application/json-patch+json");
    assert.deepEqual(JSON.parse(remove?.body ?? ""), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid: "u", resourceVersion: "3" },
      propagationPolicy: "Foreground",
      gracePeriodSeconds: 0,
    });
    assert.deepEqual(JSON.parse(evict?.body ?? ""), {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "a", namespace: "ns" },
    });
  });

  it("gives logs as text", async () => {
    server.handler = (_request, response) => response.end("line 1\nline 2\n");
    assert.equal(await client.logs(key, {}), "line 1\nline 2\n");
  });

  it("finds nothing wrong with deleting or evicting what is gone", async () => {
    server.handler = (_request, response) => sendStatus(response, 404, "NotFound");
    await client.remove(pods, key);
    await client.evict(key);
    server.handler = (_request, response) => sendStatus(response, 409, "Conflict");
    await assert.rejects(client.remove(pods, key, { uid: "other" }), { code: "Conflict" });
  });

  it("tells the caller when a disruption budget forbids the eviction, without trying again", async () => {
    server.handler = (_request, response) => sendStatus(response, 429, "TooManyRequests", { "retry-after": "10" });
    await assert.rejects(client.evict(key), { code: "TooManyRequests", retryAfterMs: 10_000 });
    only();
  });

  const busyOnce: Handler = (request, response) =>
    server.requests.length === 1 ? sendStatus(response, 503, "Busy") : echo(request, response);
  const writes: readonly [string, boolean, () => Promise<unknown>][] = [
    ["create", false, () => client.create(configMaps, configMap("a", 1))],
    ["apply", true, () => client.apply(configMaps, configMap("a", 1), { fieldManager: "me" })],
    ["replace with a version", true, () => client.replace(configMaps, configMap("a", 1))],
    ["replace without a version", false, () => client.replace<KubeObject>(configMaps, { metadata: { ...key } })],
    ["patch", false, () => client.patchJson(configMaps, key, [])],
    ["delete with a precondition", true, () => client.remove(configMaps, key, { uid: "u" })],
    ["delete without a precondition", false, () => client.remove(configMaps, key)],
    ["evict", false, () => client.evict(key)],
  ];
  for (const [what, again, write] of writes) {
    it(`${again ? "repeats" : "does not repeat"} ${what} when the outcome is unknown`, async () => {
      server.handler = busyOnce;
      if (again) await write();
      else await assert.rejects(write(), { status: 503 });
      assert.equal(server.requests.length, again ? 2 : 1);
    });
  }

  it("takes an answer that is not JSON for a failure of the server", async () => {
    server.handler = (_request, response) => response.end("<html>");
    await assert.rejects(client.get(configMaps, key), { code: "Unavailable", reason: "MalformedJson" });
    await assert.rejects(client.list(configMaps), { code: "Unavailable", reason: "MalformedJson" });
  });

  describe("with a fence", () => {
    const closed: Fence = {
      assertHeld: () => {
        throw new KubeError("Fenced", "no");
      },
      signal: AbortSignal.abort(),
    };

    it("refuses every write before it is sent, and no read or dry run", async () => {
      const fenced = client.withFence(closed);
      const refused = [
        () => fenced.create(configMaps, configMap("a", 1)),
        () => fenced.apply(configMaps, configMap("a", 1), { fieldManager: "me" }),
        () => fenced.replace(configMaps, configMap("a", 1)),
        () => fenced.patchJson(configMaps, key, []),
        () => fenced.remove(configMaps, key),
        () => fenced.evict(key),
      ];
      for (const write of refused) await assert.rejects(write(), { code: "Fenced" });
      assert.equal(server.requests.length, 0);
      await fenced.get(configMaps, key);
      await fenced.list(configMaps);
      await fenced.create(configMaps, configMap("a", 1), { dryRun: true });
      await fenced.remove(configMaps, key, { dryRun: true });
      assert.equal(server.requests.length, 4);
      assert.match(server.requests.at(-1)?.body ?? "", /"dryRun":\["All"\]/);
    });

    it("aborts a write under way when the fence closes", async () => {
      const controller = new AbortController();
      const open: Fence = { assertHeld: () => undefined, signal: controller.signal };
      server.handler = () => undefined;
      const write = client.withFence(open).apply(configMaps, configMap("a", 1), { fieldManager: "me" });
      await until(() => server.requests.length === 1);
      controller.abort(new KubeError("Fenced", "lost"));
      await assert.rejects(write, { code: "Fenced" });
      only();
    });

    it("checks again before each attempt", async () => {
      let held = true;
      const fence: Fence = {
        assertHeld: () => {
          if (!held) throw new KubeError("Fenced", "no");
        },
        signal: new AbortController().signal,
      };
      server.handler = (_request, response) => {
        held = false;
        sendStatus(response, 503, "Busy");
      };
      const write = client.withFence(fence).apply(configMaps, configMap("a", 1), { fieldManager: "me" });
      await assert.rejects(write, { code: "Fenced" });
      only();
    });
  });

  it("ends every request with its signal", async () => {
    const controller = new AbortController();
    server.handler = () => undefined;
    const bound = client.withSignal(controller.signal);
    const requests = [bound.get(configMaps, key), bound.list(configMaps), bound.remove(configMaps, key)];
    await until(() => server.requests.length === 3);
    controller.abort();
    for (const request of requests) await assert.rejects(request, { code: "Aborted" });
  });
});
