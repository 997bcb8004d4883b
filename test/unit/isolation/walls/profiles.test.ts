import assert from "node:assert/strict";
import fc from "fast-check";
import { Profile } from "../../../../src/api/index.ts";
import { containerLimitsOf, profileDefaults, quotaOf } from "../../../../src/isolation/walls/profiles.ts";
import { parseQuantity } from "../../../../src/isolation/walls/quantity.ts";
import { specOf } from "./support.ts";

const amount = (text = "0") => parseQuantity(text) ?? -1n;

describe("defaults of a profile", () => {
  for (const profile of Profile.options)
    it(`${profile}: closed to the outside, and every value is a quantity`, () => {
      const { quota, limits, podSecurity } = profileDefaults[profile];
      assert.equal(podSecurity, "restricted");
      assert.equal(quota["services.nodeports"], "0");
      assert.equal(quota["services.loadbalancers"], "0");
      for (const map of [quota, limits.defaultRequest, limits.default, limits.max])
        for (const text of Object.values(map)) assert.ok(parseQuantity(text) !== undefined);
      assert.deepEqual(containerLimitsOf(specOf({ profile })), limits);
    });

  it("single keys of the quota are overridden, GPUs come on top", () => {
    const quota = quotaOf(specOf({ quota: { pods: "3", "requests.nvidia.com/gpu": "2" } }));
    assert.equal(quota["pods"], "3");
    assert.equal(quota["requests.nvidia.com/gpu"], "2");
    assert.equal(quota["requests.cpu"], profileDefaults.serving.quota["requests.cpu"]);
  });

  it("a declared Service may be exposed, an Ingress needs no port of a node", () => {
    const exposing = (kind: string) => quotaOf(specOf({ network: { exposed: [{ kind, name: "web" }] } }));
    assert.equal(exposing("Service")["services.nodeports"], undefined);
    assert.equal(exposing("Service")["services.loadbalancers"], undefined);
    assert.equal(exposing("Ingress")["services.nodeports"], "0");
  });

  it("a maximum of GPUs gives no container one by default", () => {
    const limits = containerLimitsOf(specOf({ limits: { max: { "nvidia.com/gpu": "1" } } }));
    assert.equal(limits.max["nvidia.com/gpu"], "1");
    assert.equal(limits.default["nvidia.com/gpu"], "0");
    assert.equal(limits.defaultRequest["nvidia.com/gpu"], "0");
  });

  it("a smaller maximum lowers the defaults, a larger default raises the maximum", () => {
    const small = containerLimitsOf(specOf({ limits: { max: { memory: "64Mi" } } }));
    assert.equal(small.default["memory"], "64Mi");
    assert.equal(small.defaultRequest["memory"], "64Mi");
    const large = containerLimitsOf(specOf({ limits: { default: { memory: "512Gi" } } }));
    assert.equal(large.max["memory"], "512Gi");
  });

  it("whatever single value is set, request, limit and maximum are in order", () => {
    const size = fc.bigInt({ min: 1n, max: 1_000_000n }).map((n) => `${n}Mi`);
    const field = fc.constantFrom("defaultRequest", "default", "max");
    fc.assert(
      fc.property(fc.constantFrom(...Profile.options), field, size, (profile, name, memory) => {
        const limits = containerLimitsOf(specOf({ profile, limits: { [name]: { memory } } }));
        assert.equal(limits[name as "max"]["memory"], memory);
        assert.ok(amount(limits.default["memory"]) <= amount(limits.max["memory"]));
        assert.ok(amount(limits.defaultRequest["memory"]) <= amount(limits.default["memory"]));
      }),
    );
  });
});
