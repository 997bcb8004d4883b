import assert from "node:assert/strict";
import { execa } from "execa";
import { EvidenceMetrics } from "../../../src/governance/index.ts";
import { Metrics } from "../../../src/kube/index.ts";
import { NotificationMetrics } from "../../../src/notify/index.ts";
import { lookCounter } from "../../../src/operator/look-counter.ts";
import { countedBudget } from "../../../src/operator/recheck-metrics.ts";
import { repairCounter } from "../../../src/operator/repair-counter.ts";
import { registerStateMetrics } from "../../../src/operator/state-metrics.ts";

/** Names that Node's own metrics have, for everybody who uses prom-client: they are not ours to choose. */
const given = /^(nodejs_|process_)/;

describe("the metrics", () => {
  it("are named as Prometheus' conventions say, and explained", async () => {
    const metrics = new Metrics({ prefix: "mlsecops_", processMetrics: true });
    const { registry } = metrics;
    const nothing = { store: { list: () => [] } };
    registerStateMetrics(registry, {
      informers: { actions: nothing, models: nothing, namespaces: nothing, policies: nothing },
      trust: { policies: () => [] },
      guardProblems: () => [],
      now: () => new Date(),
    });
    new NotificationMetrics(registry);
    new EvidenceMetrics(registry);
    countedBudget(registry, { tryTake: () => true });
    lookCounter(registry);
    repairCounter(registry);
    metrics.observeReconcile("serving", "success", 0.1);
    metrics.observeRequest({ verb: "get", resource: "pods", code: "200" }, 0.1);
    metrics.countRetry("serving");
    metrics.trackQueueDepth("serving", () => 0);
    metrics.countWatchEnd("Pod", "expired");
    metrics.trackWatchAge("Pod", () => 0);
    metrics.setLeader("lease", true);
    metrics.countEventDropped("rate");
    metrics.countHandlerError("Pod");
    const input = await registry.metrics();
    const { stdout, stderr } = await execa("promtool", ["check", "metrics"], { input, reject: false });
    const found = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "" && !given.test(line));
    assert.deepEqual(found, []);
    assert.ok(input.split("\n").filter((line) => line.startsWith("# TYPE mlsecops_")).length > 20);
  });
});
