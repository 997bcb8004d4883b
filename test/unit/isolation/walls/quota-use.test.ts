import assert from "node:assert/strict";
import { type ConsumingPod, quotaProblem, useOf } from "../../../../src/isolation/walls/quota-use.ts";
import { quantityText } from "../../../../src/isolation/walls/quantity.ts";

const asking = (cpu: string, more: object = {}) => ({ name: "c", resources: { requests: { cpu } }, ...more });
function pod(containers: readonly object[], rest: object = {}, phase = "Running"): ConsumingPod {
  return { metadata: { name: "p", namespace: "shop" }, spec: { containers, ...rest }, status: { phase } };
}
const used = (pods: readonly ConsumingPod[], key: string) => quantityText(useOf(pods).get(key) ?? 0n);

describe("what runs, against a quota", () => {
  it("sums containers and sidecars, takes the largest init container, and leaves out what is over", () => {
    const pods = [
      pod([asking("500m"), asking("1")], {
        initContainers: [asking("1"), asking("250m", { restartPolicy: "Always" })],
      }),
      pod([asking("100m")], { initContainers: [asking("2")], overhead: { cpu: "10m" } }),
      pod([asking("64")], {}, "Succeeded"),
    ];
    assert.equal(used(pods, "requests.cpu"), "3760m");
    assert.equal(used(pods, "cpu"), "3760m");
    assert.equal(used(pods, "pods"), "2");
  });

  it("QuotaBelowUse: names the keys and what is in use", () => {
    const problem = quotaProblem({ pods: "1", "requests.cpu": "1" }, undefined, [pod([asking("2")]), pod([])]);
    assert.equal(problem?.reason, "QuotaBelowUse");
    assert.match(problem.message, /pods is 1, and 2 is in use; requests\.cpu is 1, and 2 is in use/);
  });

  it("prefers what the API server has counted, and knows nothing of other keys", () => {
    assert.equal(quotaProblem({ "services.nodeports": "0" }, undefined, []), undefined);
    assert.match(
      quotaProblem({ "services.nodeports": "0" }, { "services.nodeports": "2" }, [])?.message ?? "",
      /services\.nodeports is 0, and 2 is in use/,
    );
    assert.equal(quotaProblem({ "requests.memory": "1Gi" }, { "requests.memory": "1024Mi" }, []), undefined);
  });
});
