import assert from "node:assert/strict";
import { request } from "undici";
import { HealthRegistry, HealthServer, Metrics } from "../../../src/kube/index.ts";
import { silentLog } from "./support.ts";

describe("health", () => {
  const live = new HealthRegistry();
  const ready = new HealthRegistry();
  const metrics = new Metrics();
  const server = new HealthServer({ live, ready, metrics, log: silentLog(), host: "127.0.0.1", port: 0 });
  let base = "";
  let watchHealthy = true;

  before(async () => {
    live.add("watch", () => ({ healthy: watchHealthy, detail: "Pod watch" }));
    const { host, port } = await server.listen();
    base = `http://${host}:${port}`;
  });
  after(() => server.close());

  const get = async (
    path: string,
    method: "GET" | "HEAD" | "POST" = "GET",
  ): Promise<{ status: number; text: string }> => {
    const response = await request(base + path, { method });
    return { status: response.statusCode, text: await response.body.text() };
  };

  it("is good while every check is", async () => {
    assert.deepEqual(await get("/livez"), { status: 200, text: "[+]watch ok: Pod watch\nhealthy\n" });
    assert.deepEqual(await get("/readyz"), { status: 200, text: "healthy\n" });
  });

  it("is bad when one check is, and says which", async () => {
    watchHealthy = false;
    assert.deepEqual(await get("/livez?verbose"), { status: 503, text: "[-]watch failed: Pod watch\nunhealthy\n" });
    assert.equal((await get("/readyz")).status, 200);
    watchHealthy = true;
  });

  it("takes a check that throws for unhealthy", () => {
    const registry = new HealthRegistry();
    registry.add("broken", () => {
      throw new Error("oops");
    });
    assert.equal(registry.evaluate().healthy, false);
    assert.match(registry.evaluate().checks["broken"]?.detail ?? "", /oops/);
  });

  it("serves metrics, HEAD, and nothing else", async () => {
    metrics.setLeader("lock", true);
    assert.match((await get("/metrics")).text, /operator_leader\{name="lock"\} 1/);
    assert.deepEqual(await get("/livez", "HEAD"), { status: 200, text: "" });
    assert.equal((await get("/livez", "POST")).status, 405);
    assert.equal((await get("/secrets")).status, 404);
    assert.equal((await get("//[")).status, 500);
  });

  it("rejects when the port is taken", async () => {
    const port = Number(new URL(base).port);
    const second = new HealthServer({ live, ready, metrics, log: silentLog(), host: "127.0.0.1", port });
    await assert.rejects(second.listen(), { code: "EADDRINUSE" });
    await second.close();
  });
});
