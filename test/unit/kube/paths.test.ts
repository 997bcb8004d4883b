import assert from "node:assert/strict";
import { apiPath } from "../../../src/kube/paths.ts";
import { configMaps, nodes } from "./support.ts";

const roles = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
};

describe("paths", () => {
  const cases: readonly [string, string][] = [
    [apiPath(configMaps), "/api/v1/configmaps"],
    [apiPath(configMaps, { namespace: "ns" }), "/api/v1/namespaces/ns/configmaps"],
    [apiPath(configMaps, { namespace: "ns", name: "a" }), "/api/v1/namespaces/ns/configmaps/a"],
    [apiPath(nodes, { name: "n", subresource: "status" }), "/api/v1/nodes/n/status"],
    [apiPath(nodes, { namespace: "ignored", name: "n" }), "/api/v1/nodes/n"],
    // Names of RBAC objects have capitals and colons.
    [apiPath(roles, { name: "system:MyRole" }), "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3AMyRole"],
    [
      apiPath(configMaps, {}, { labelSelector: "a=b,c in (d)", limit: 5, watch: true, none: undefined }),
      "/api/v1/configmaps?labelSelector=a%3Db%2Cc+in+%28d%29&limit=5&watch=true",
    ],
  ];
  for (const [actual, expected] of cases) it(expected, () => assert.equal(actual, expected));

  for (const name of ["", ".", "..", "a/b", "../../secrets/x", "a%2fb"]) {
    it(`refuse ${JSON.stringify(name)} as a segment`, () => {
      assert.throws(() => apiPath(configMaps, { namespace: "ns", name }), { code: "BadRequest" });
      if (name !== "") assert.throws(() => apiPath(configMaps, { namespace: name }), { code: "BadRequest" });
    });
  }

  it("need a namespace for an object of a namespaced type", () => {
    assert.throws(() => apiPath(configMaps, { name: "a" }), { code: "BadRequest", reason: "NamespaceMissing" });
  });
});
