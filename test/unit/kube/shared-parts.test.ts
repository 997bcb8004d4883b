import assert from "node:assert/strict";
import fc from "fast-check";
import { SharedParts } from "../../../src/kube/shared-parts.ts";
import type { KubeObject } from "../../../src/kube/index.ts";

type Any = KubeObject & Readonly<Record<string, unknown>>;
const parsed = (value: unknown): Any => JSON.parse(JSON.stringify(value)) as Any;
const pod = (name: string) =>
  parsed({
    metadata: { name, labels: { app: "a name that is longer" } },
    spec: { containers: [{ image: "registry.example/runtime", ports: [{ port: 80 }] }], node: name },
  });

describe("Parts that objects have in common", () => {
  it("are kept once, in whatever object they occur, and frozen", () => {
    const parts = new SharedParts();
    const [one, other] = [parts.shareIn(pod("one")), parts.shareIn(pod("other"))];
    assert.notEqual(one.metadata, other.metadata);
    assert.notEqual(one["spec"], other["spec"]);
    assert.equal(one.metadata.labels, other.metadata.labels);
    const containers = ({ spec }: Any) => (spec as { containers: readonly unknown[] }).containers;
    assert.equal(containers(one), containers(other));
    assert.ok(Object.isFrozen(containers(one)[0]));
  });

  it("are not mistaken for others", () => {
    const parts = new SharedParts();
    const lookalikes = [
      [1],
      { 0: 1 },
      ["1"],
      { a: [] },
      { a: {} },
      { a: null },
      { a: "null" },
      { a: "#1" },
      "\0[",
      ["\0["],
    ];
    for (const value of [...lookalikes, ...lookalikes]) {
      const object = { metadata: { name: "x" }, spec: { value } };
      assert.deepEqual(parts.shareIn(parsed(object)), object);
    }
  });

  it("leave every object as it was, also when few are remembered", () => {
    const parts = new SharedParts(4);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (labels, spec) => {
        const object = parsed({ metadata: { name: "x", labels }, spec });
        assert.deepEqual(parts.shareIn(parsed(object)), object);
      }),
    );
  });
});
