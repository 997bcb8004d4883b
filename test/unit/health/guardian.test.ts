import assert from "node:assert/strict";
import { type ModelRevision, type SecureModel, SecureModelSpec } from "../../../src/api/index.ts";
import { EgressError, type EgressRequest } from "../../../src/egress/index.ts";
import { Guardian, type WatchedPod, decodeRecord } from "../../../src/health/index.ts";
import { type KubeObject, Store, createLogger } from "../../../src/kube/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { FakeClock } from "../kube/fake-clock.ts";

const key = "shop/iris";
const minute = 60_000;

const health = {
  prometheus: { url: "https://prometheus.test", secretRef: { name: "login" } },
  signals: [
    { name: "errors", inference: "ErrorRatio", max: 0.05 },
    { name: "golden", probe: { path: "/v2/health/ready" } },
  ],
};

/** One model whose pods and signals a test sets. */
class Shop {
  readonly client = new FakeClient();
  readonly models = new Store<SecureModel>();
  readonly clock = new FakeClock();
  readonly woken: string[] = [];
  readonly asked: EgressRequest[] = [];
  readonly looks: string[] = [];
  pods: WatchedPod[] = [];
  /** What Prometheus says; undefined: nothing. */
  errors: string | undefined = "0.01";
  /** Whether queries may share a request. */
  answersTogether = true;
  status = 200;
  /** What the pod at an address answers. */
  readonly labels = new Map<string, number>();
  model: SecureModel;
  guardian: Guardian;

  constructor(part: object | "Absent" = health) {
    this.model = {
      metadata: { name: "iris", namespace: "shop", uid: "m1", generation: 1 },
      spec: SecureModelSpec.parse({
        source: { oci: { reference: "registry.example/models/iris:v1" } },
        workload: {
          managed: {
            template: { spec: { containers: [{ name: "runtime", image: `r.example/r@sha256:${"9".repeat(64)}` }] } },
          },
        },
        ...(part === "Absent" ? {} : { health: part }),
      }),
    };
    const data = { token: Buffer.from("secret").toString("base64") };
    const labels = { "mlsecops.io/use": "prometheus" };
    this.client.add("secrets", { metadata: { name: "login", namespace: "shop", labels }, data } as KubeObject);
    this.guardian = this.restart();
  }

  restart(): Guardian {
    this.models.put(this.model);
    const revisions = new Store<ModelRevision>();
    for (const number of [1, 2, 3, 4]) revisions.put(revision(number));
    this.guardian = new Guardian({
      client: this.client,
      models: this.models,
      revisions,
      podsOf: () => this.pods,
      metricsSender: () => ({ request: (request) => this.#prometheus(request) }),
      podSender: { request: (request) => this.#pod(request) },
      onVerdict: (woken) => this.woken.push(woken),
      onLook: (source, found) => this.looks.push(`${source} ${found}`),
      clock: this.clock,
    });
    return this.guardian;
  }

  /** As its status says from now on. */
  serves(number: number, left?: { readonly from: number; readonly to: number }): void {
    const since = "2026-01-01T00:00:00Z";
    const active = { revision: `iris-${number}`, digest: `sha256:${"1".repeat(64)}`, since };
    const why = { reason: "SignalBad", message: "bad" };
    const rollback = left && { from: `iris-${left.from}`, to: `iris-${left.to}`, since, ...why };
    this.model = { ...this.model, status: { active, ...(rollback && { rollback }) } };
    this.models.put(this.model);
  }

  async pass(): Promise<number | undefined> {
    const log = createLogger({ level: "silent" });
    const context = { log, signal: new AbortController().signal, reconcileId: "test" };
    return (await this.guardian.reconcile(key, context)).requeueAfterMs;
  }

  /** As the controller would: again whenever it is due. */
  async run(ms: number): Promise<void> {
    for (let left = ms; left > 0;) {
      const next = Math.min((await this.pass()) ?? Infinity, left);
      await this.clock.advance(next);
      left -= next;
    }
    await this.pass();
  }

  verdict(name = "iris-1") {
    return this.guardian.verdictOf(key, name);
  }

  #prometheus(request: EgressRequest) {
    this.asked.push(request);
    if (this.errors === undefined) return Promise.reject(new EgressError("ConnectionFailed", "no connection"));
    const value = [this.clock.now().getTime() / 1000, this.errors];
    const query = new URLSearchParams(request.body as string).get("query") ?? "";
    const shared = [...query.matchAll(/"mlsecops_query", "(\d+)"/g)].map(([, index]) => ({ mlsecops_query: index }));
    if (shared.length > 0 && !this.answersTogether) return Promise.resolve(answer(400, refused));
    const result = (shared.length === 0 ? [{}] : shared).map((metric) => ({ metric, value }));
    return Promise.resolve(answer(200, JSON.stringify({ status: "success", data: { resultType: "vector", result } })));
  }

  #pod(request: EgressRequest) {
    this.asked.push(request);
    const label = this.labels.get(new URL(request.url).hostname);
    return Promise.resolve(answer(this.status, JSON.stringify({ label })));
  }
}

const refused = JSON.stringify({ status: "error", errorType: "bad_data", error: "expected type instant vector" });

function answer(status: number, body: string) {
  return { status, headers: new Map<string, string>(), url: new URL("https://x"), body: Buffer.from(body) };
}

function revision(number: number): ModelRevision {
  return {
    metadata: { name: `iris-${number}`, namespace: "shop" },
    spec: { model: "iris", number, serving: { port: 8080 } },
  } as unknown as ModelRevision;
}

function pod(
  name: string,
  { number = 1, ready = true, ip = "10.0.0.7" }: { number?: number; ready?: boolean; ip?: string } = {},
): WatchedPod {
  return {
    metadata: {
      name,
      namespace: "shop",
      labels: { "mlsecops.io/model": "iris", "mlsecops.io/revision": `iris-${number}` },
    },
    status: { podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

const crashing: WatchedPod = {
  ...pod("iris-b", { number: 2, ready: false }),
  status: {
    containerStatuses: [{ name: "runtime", restartCount: 4, state: { waiting: { reason: "CrashLoopBackOff" } } }],
  },
};

describe("the guardian", () => {
  it("has no opinion before there is a pod", async () => {
    const shop = new Shop();
    assert.equal(await shop.pass(), undefined);
    assert.equal(shop.verdict(), undefined);
    assert.deepEqual(shop.asked, []);
  });

  it("looks after warmUp, in the interval, and finds the model well", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.pass();
    assert.equal(shop.verdict()?.state, "WarmingUp");
    await shop.run(minute - 1);
    assert.deepEqual(shop.asked, [], "nothing counts in warmUp, and nothing is asked");
    await shop.run(3 * minute);
    assert.equal(shop.verdict()?.state, "Healthy", shop.verdict()?.message);
    assert.ok(shop.asked.length >= 10 && shop.asked.length <= 16, `${shop.asked.length} requests`);
    const requests: readonly EgressRequest[] = shop.asked;
    const query = requests.find(({ method }) => method === "POST");
    assert.equal(query?.ownHeaders?.["authorization"], "Bearer secret");
    assert.match(decodeURIComponent(query.body as string), /pod=~"iris-a"/);
    assert.ok(requests.some(({ url }) => String(url) === "http://10.0.0.7:8080/v2/health/ready"));
    assert.deepEqual(new Set(shop.looks), new Set(["Prometheus Value", "Probe Value"]));
  });

  it("wakes who decides when something else is thought, and not at each look", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.run(6 * minute);
    shop.woken.length = 0;
    await shop.run(10 * minute);
    assert.deepEqual(shop.woken, []);
    shop.errors = "0.5";
    await shop.run(2 * minute);
    assert.deepEqual(shop.woken, [key]);
    assert.equal(shop.verdict()?.state, "Unhealthy");
    assert.match(shop.verdict()?.message ?? "", /errors is 0\.5, above the maximum 0\.05, in 3 of the last 5 looks/);
  });

  it("knows nothing while the metrics server does not answer, and holds nothing against the model", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.run(5 * minute);
    shop.errors = undefined;
    await shop.run(5 * minute);
    assert.deepEqual([shop.verdict()?.state, shop.verdict()?.reason], ["Unknown", "NoData"]);
    assert.match(shop.verdict()?.message ?? "", /Unreachable: no connection/);
  });

  it("holds wrong answers against the model", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    shop.status = 500;
    await shop.run(5 * minute);
    assert.equal(shop.verdict()?.state, "Unhealthy");
    assert.match(shop.verdict()?.message ?? "", /golden is wrong: WrongStatus: the status is 500, not 200/);
  });

  it("sends no Secret that is not there for it", async () => {
    const shop = new Shop();
    shop.client.add("secrets", {
      metadata: { name: "login", namespace: "shop" },
      data: { token: "eA==" },
    } as KubeObject);
    shop.pods = [pod("iris-a")];
    await shop.run(5 * minute);
    assert.ok(shop.asked.every(({ method }) => method !== "POST"));
    assert.match(shop.verdict()?.message ?? "", /SecretUnusable/);
  });

  it("sees by the pods alone that a new revision does not come up", async () => {
    const shop = new Shop("Absent");
    shop.pods = [pod("iris-a")];
    await shop.pass();
    assert.equal(shop.verdict()?.state, "Healthy");
    shop.pods = [pod("iris-a"), crashing];
    await shop.pass();
    assert.equal(shop.verdict()?.state, "Healthy");
    assert.deepEqual([shop.verdict("iris-2")?.state, shop.verdict("iris-2")?.reason], ["Unhealthy", "CrashLoop"]);
    assert.deepEqual(shop.client.writes, [], "nothing is kept where there are no signals");
  });

  it("does not look at pods that were evicted before another revision came", async () => {
    const shop = new Shop("Absent");
    shop.serves(2);
    const evicted: WatchedPod = { ...pod("iris-a", { ready: false }), status: { phase: "Failed" } };
    shop.pods = [evicted, pod("iris-b", { number: 2 })];
    await shop.pass();
    assert.equal(shop.verdict("iris-2")?.state, "Healthy");
    assert.equal(shop.verdict(), undefined);
  });

  it("knows what serves through one candidate after the other, and compares the next one with it", async () => {
    const shop = new Shop();
    shop.serves(1);
    shop.pods = [pod("iris-a")];
    await shop.run(10 * minute);
    for (const number of [2, 3, 4]) {
      shop.pods = [pod("iris-a"), pod("iris-b", { number })];
      await shop.run(minute);
      assert.equal(shop.verdict()?.state, "Healthy", `beside revision ${number}`);
    }
  });

  it("sees by the pods alone that one of two is unready for good, though nothing wakes it", async () => {
    const shop = new Shop({ startupDeadline: "10m" });
    shop.model = { ...shop.model, spec: { ...shop.model.spec, replicas: 2 } };
    shop.restart();
    const [a, b] = [pod("iris-a"), pod("iris-b")];
    shop.pods = [a, b];
    await shop.run(30 * minute);
    assert.equal(await shop.pass(), undefined, "there is nothing to wait for");
    const lastTransitionTime = shop.clock.now().toISOString();
    shop.pods = [a, { ...b, status: { conditions: [{ type: "Ready", status: "False", lastTransitionTime }] } }];
    await shop.run(9 * minute);
    assert.equal(shop.verdict()?.state, "Healthy");
    assert.equal(await shop.pass(), 30_000);
    await shop.run(2 * minute);
    assert.deepEqual([shop.verdict()?.state, shop.verdict()?.reason], ["Unhealthy", "StartupDeadlineExceeded"]);
  });

  it("sees by the pods alone that restarts were long ago", async () => {
    const shop = new Shop("Absent");
    const terminated = { reason: "OOMKilled", exitCode: 137, finishedAt: shop.clock.now().toISOString() };
    const { status, ...rest } = pod("iris-a");
    const restarted = { name: "runtime", restartCount: 5, lastState: { terminated } };
    shop.pods = [{ ...rest, status: { ...status, containerStatuses: [restarted] } }];
    await shop.pass();
    assert.deepEqual([shop.verdict()?.state, shop.verdict()?.reason], ["Unhealthy", "OutOfMemory"]);
    assert.equal(await shop.pass(), 30_000);
    await shop.run(11 * minute);
    assert.equal(shop.verdict()?.state, "Healthy");
  });

  it("goes on after a restart with what it had seen", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.run(10 * minute);
    shop.restart();
    assert.equal(shop.verdict(), undefined);
    await shop.pass();
    assert.equal(shop.verdict()?.state, "Healthy");
  });

  it("writes down little, and seldom", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.run(5 * minute);
    shop.client.writes.length = 0;
    await shop.run(60 * minute);
    assert.ok(shop.client.writes.length <= 13, `${shop.client.writes.length} writes in an hour`);
    const kept = shop.client.objects.get("configmaps/shop/iris-health") as
      { data?: Record<string, string> } | undefined;
    assert.equal(decodeRecord(kept?.data?.["record.json"] ?? "").revisions[0]?.revision, "iris-1");
  });

  it("leaves a ConfigMap alone that somebody else has under that name", async () => {
    const shop = new Shop();
    const theirs = { metadata: { name: "iris-health", namespace: "shop" }, data: { a: "b" } } as KubeObject;
    shop.client.add("configmaps", theirs);
    shop.pods = [pod("iris-a")];
    await shop.run(5 * minute);
    assert.equal(shop.verdict()?.state, "Healthy");
    assert.deepEqual(shop.client.writes, []);
  });

  it("keeps its record once that of a model which was there before is gone, and nothing of that one", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.run(5 * minute);
    shop.model = { ...shop.model, metadata: { ...shop.model.metadata, uid: "m2" } };
    shop.models.put(shop.model);
    shop.client.writes.length = 0;
    await shop.pass();
    assert.equal(shop.verdict()?.state, "WarmingUp");
    await shop.run(5 * minute);
    assert.deepEqual(shop.client.writes, []);
    shop.client.objects.delete("configmaps/shop/iris-health");
    await shop.run(6 * minute);
    assert.equal(shop.verdict()?.state, "Healthy");
    assert.ok(shop.client.objects.has("configmaps/shop/iris-health"));
  });

  it("has no opinion any more when the last pod is gone", async () => {
    const shop = new Shop("Absent");
    shop.pods = [pod("iris-a")];
    await shop.pass();
    shop.pods = [];
    await shop.pass();
    assert.equal(shop.verdict(), undefined);
  });

  it("does not say healthy for long when it is kept from looking", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    await shop.run(5 * minute);
    assert.equal(shop.verdict()?.state, "Healthy");
    await shop.clock.advance(3 * minute);
    assert.deepEqual([shop.verdict()?.state, shop.verdict()?.reason], ["Unknown", "NotLookedAt"]);
  });

  it("does nothing for a model that is suspended, or gone", async () => {
    const shop = new Shop();
    shop.pods = [pod("iris-a")];
    shop.model = { ...shop.model, spec: { ...shop.model.spec, suspend: true } };
    shop.restart();
    await shop.run(5 * minute);
    assert.equal(shop.verdict(), undefined);
    shop.model = { ...shop.model, metadata: { ...shop.model.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    shop.restart();
    assert.equal(await shop.pass(), undefined);
  });
});

describe("the guardian, where several queries are asked", () => {
  const twoQueries = {
    prometheus: { url: "https://prometheus.test" },
    signals: [
      { name: "errors", inference: "ErrorRatio", max: 0.05 },
      { name: "slow", prometheus: { query: "scalar(x)" }, max: 1 },
      { name: "trend", prometheus: { query: "y", range: { window: "10m" } }, max: 1 },
    ],
  };
  const requestsAt = async (shop: Shop) => {
    shop.asked.length = 0;
    await shop.run(30_000);
    return shop.asked.length;
  };

  it("asks those for the value of now in one request", async () => {
    const shop = new Shop(twoQueries);
    shop.pods = [pod("iris-a")];
    await shop.run(10 * minute);
    assert.equal(await requestsAt(shop), 2);
    assert.equal(shop.asked.filter(({ url }) => String(url).endsWith("query_range")).length, 1);
  });

  it("asks each by itself for ten minutes where they cannot share one, and misses nothing", async () => {
    const shop = new Shop(twoQueries);
    shop.answersTogether = false;
    shop.pods = [pod("iris-a")];
    await shop.run(90_000);
    assert.equal(shop.looks.filter((look) => look === "Prometheus Value").length, 6);
    assert.equal(await requestsAt(shop), 3);
    shop.answersTogether = true;
    await shop.run(10 * minute);
    assert.equal(await requestsAt(shop), 2);
  });
});

describe("the guardian, where versions are to agree", () => {
  const agreement = { path: "/infer", bodies: ["{}"], json: ["label"] };

  /** Version 1 serves and answers 1; version 2 comes and answers 2. */
  async function disagreeing(left?: { readonly from: number; readonly to: number }, ready = true): Promise<Shop> {
    const shop = new Shop({ signals: [{ name: "same", agreement, min: 1 }] });
    shop.serves(1, left);
    shop.labels.set("10.0.0.1", 1).set("10.0.0.2", 2);
    shop.pods = [pod("iris-a", { ip: "10.0.0.1", ready }), pod("iris-b", { number: 2, ip: "10.0.0.2" })];
    await shop.run(10 * minute);
    return shop;
  }

  it("finds the one that comes unwell, and the one that serves well, when they do not", async () => {
    const shop = await disagreeing();
    assert.equal(shop.verdict("iris-1")?.state, "Healthy");
    assert.equal(shop.verdict("iris-2")?.state, "Unhealthy");
    assert.match(shop.verdict("iris-2")?.message ?? "", /^same is 0, below the minimum 1, in 3 of the last/);
    assert.ok(shop.looks.every((look) => look === "Agreement Value"));
  });

  it("finds both well when they do", async () => {
    const shop = new Shop({ signals: [{ name: "same", agreement, min: 1 }] });
    shop.serves(1);
    shop.pods = [pod("iris-a", { ip: "10.0.0.1" }), pod("iris-b", { number: 2, ip: "10.0.0.2" })];
    shop.labels.set("10.0.0.1", 1).set("10.0.0.2", 1);
    await shop.run(10 * minute);
    assert.deepEqual([shop.verdict("iris-1")?.state, shop.verdict("iris-2")?.state], ["Healthy", "Healthy"]);
  });

  it("asks nothing of what serves alone, and finds it well by its pods", async () => {
    const shop = new Shop({ signals: [{ name: "same", agreement, min: 1 }] });
    shop.serves(1);
    shop.pods = [pod("iris-a", { ip: "10.0.0.1" })];
    await shop.run(10 * minute);
    assert.equal(shop.verdict("iris-1")?.state, "Healthy");
    assert.deepEqual(shop.asked, []);
  });

  it("asks nothing of what a rollback goes to: to agree with what it leaves would be no merit", async () => {
    const shop = await disagreeing({ from: 1, to: 2 });
    assert.equal(shop.verdict("iris-2")?.state, "Healthy");
    assert.deepEqual(shop.asked, []);
  });

  it("cannot tell while what serves does not answer", async () => {
    const shop = await disagreeing(undefined, false);
    assert.equal(shop.verdict("iris-2")?.state, "Unknown");
    assert.match(shop.verdict("iris-2")?.message ?? "", /NoBaseline: no pod of the revision that serves is ready/);
  });

  it("asks nothing while what serves is unhealthy", async () => {
    const shop = await disagreeing();
    shop.asked.length = 0;
    shop.pods = [{ ...crashing, metadata: pod("iris-a").metadata }, ...shop.pods.slice(1)];
    await shop.run(10 * minute);
    assert.equal(shop.verdict("iris-1")?.state, "Unhealthy");
    assert.equal(shop.verdict("iris-2")?.state, "Healthy");
  });
});
