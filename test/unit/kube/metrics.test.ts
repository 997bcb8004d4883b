import assert from "node:assert/strict";
import { Metrics } from "../../../src/kube/index.ts";

describe("metrics", () => {
  it("are what happened, by bounded labels", async () => {
    const metrics = new Metrics({ prefix: "x_" });
    metrics.observeReconcile("models", "error", 0.2);
    metrics.countRetry("models");
    metrics.trackQueueDepth("models", () => 7);
    metrics.observeRequest({ verb: "list", resource: "pods", code: "200" }, 0.01);
    metrics.countWatchEnd("Pod", "gone");
    metrics.setLeader("lock", true);
    metrics.countEventDropped("rate");
    metrics.countHandlerError("Pod");
    const text = await metrics.registry.metrics();
    for (const line of [
      'x_reconcile_total{controller="models",result="error"} 1',
      'x_workqueue_retries_total{controller="models"} 1',
      'x_workqueue_depth{controller="models"} 7',
      'x_api_requests_total{verb="list",resource="pods",code="200"} 1',
      'x_watch_restarts_total{kind="Pod",reason="gone"} 1',
      'x_leader{name="lock"} 1',
      'x_events_dropped_total{reason="rate"} 1',
      'x_informer_handler_errors_total{kind="Pod"} 1',
    ]) {
      assert.ok(text.includes(line), `${line} is missing in\n${text}`);
    }
  });

  it("report the oldest watch of a kind until it is no longer tracked", async () => {
    const metrics = new Metrics();
    metrics.trackWatchAge("Pod", () => 2000);
    const stop = metrics.trackWatchAge("Pod", () => 9000);
    assert.match(await metrics.registry.metrics(), /operator_watch_age_seconds\{kind="Pod"\} 9\n/);
    stop();
    assert.match(await metrics.registry.metrics(), /operator_watch_age_seconds\{kind="Pod"\} 2\n/);
  });

  it("can exist twice in one process", () => {
    assert.doesNotThrow(() => [new Metrics(), new Metrics()]);
  });
});
