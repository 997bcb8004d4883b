import assert from "node:assert/strict";
import { ModelTraffic } from "../../../src/api/index.ts";

const parse = (httpRoute: unknown) => ModelTraffic.safeParse({ httpRoute });
const said = (httpRoute: unknown) => parse(httpRoute).error?.issues.map(({ message }) => message);

describe("how a model says that its traffic goes through a Gateway", () => {
  it("names Gateways and hosts", () => {
    const parentRefs = [
      { name: "public", namespace: "gateways", sectionName: "https" },
      { name: "public", namespace: "gateways", sectionName: "http" },
      { name: "inner", port: 8443 },
    ];
    assert.deepEqual(parse({ parentRefs }).data, { httpRoute: { parentRefs, hostnames: [] } });
    assert.ok(parse({ parentRefs, hostnames: ["iris.example.com", "*.models.example.com", "iris"] }).success);
    assert.deepEqual(ModelTraffic.parse({}), {});
  });

  it("is told what to write instead", () => {
    const hint = "write a host name without scheme and port, for example models.example.com or *.example.com";
    for (const host of ["https://iris.example.com", "iris.example.com:443", "Iris", "a..b", "*", "iris.*.com"])
      assert.deepEqual(said({ parentRefs: [{ name: "public" }], hostnames: [host] }), [hint], host);
    assert.equal(parse({ parentRefs: [] }).success, false);
    assert.equal(parse({ parentRefs: [{ name: "public", kind: "Service" }] }).success, false);
  });
});
