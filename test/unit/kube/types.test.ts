import assert from "node:assert/strict";
import fc from "fast-check";
import { apiVersionOf, formatKey, groupResourceOf, keyOf, parseKey } from "../../../src/kube/index.ts";
import { configMap, configMaps } from "./support.ts";

const plain = { noNullPrototype: true } as const;

describe("object keys", () => {
  it("have the namespace in front", () => {
    assert.equal(keyOf(configMap("a", 1)), "ns/a");
    assert.equal(keyOf({ metadata: { name: "node" } }), "node");
    assert.equal(keyOf({ metadata: { name: "node", namespace: "" } }), "node");
  });

  it("are parsed back to what they were made of", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
    const key = fc.oneof(fc.record({ name }, plain), fc.record({ namespace: name, name }, plain));
    fc.assert(fc.property(key, (value) => assert.deepEqual(parseKey(formatKey(value)), value)));
  });
});

describe("resource types", () => {
  it("name the core group by leaving it out", () => {
    const group = { ...configMaps, group: "apps", plural: "deployments" };
    assert.equal(apiVersionOf(configMaps), "v1");
    assert.equal(apiVersionOf(group), "apps/v1");
    assert.equal(groupResourceOf(configMaps), "configmaps");
    assert.equal(groupResourceOf(group), "deployments.apps");
  });
});
