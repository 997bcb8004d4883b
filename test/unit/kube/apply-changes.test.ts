import assert from "node:assert/strict";
import fc from "fast-check";
import { includes } from "../../../src/kube/apply-changes.ts";
import { type KubeObject, applyChanges, applyStatus, configMapType } from "../../../src/kube/index.ts";
import { FakeClient } from "../../support/fake-client.ts";

const key = { name: "settings", namespace: "shop" };
const desired = { metadata: { ...key, labels: { app: "a" } }, data: { level: "info" } } as KubeObject;

describe("Applying what differs", () => {
  const writes = async (living: KubeObject | undefined) => {
    const client = new FakeClient();
    await applyChanges(client, configMapType, { desired, living }, "test");
    return client.writes;
  };
  const living = (change: object) => ({ ...desired, metadata: { ...desired.metadata, uid: "u" }, ...change });

  const cases: readonly [string, KubeObject | undefined, boolean][] = [
    ["writes what is not there", undefined, true],
    ["leaves what is as desired", living({}), false],
    ["leaves what others have added", living({ data: { level: "info", other: "x" }, immutable: false }), false],
    ["writes over another value", living({ data: { level: "debug" } }), true],
    ["writes a label that is gone", { ...living({}), metadata: { ...key, labels: {} } }, true],
    [
      "writes what is being deleted",
      { ...living({}), metadata: { ...desired.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } },
      true,
    ],
  ];
  for (const [title, object, written] of cases) {
    it(title, async () => assert.equal((await writes(object)).length, written ? 1 : 0));
  }

  it("finds every JSON value in itself, and in itself with more fields", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => includes(structuredClone(value), value)));
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (part, more) => includes({ ...more, ...part }, part),
      ),
    );
  });

  it("takes an empty list or map for one that is left out, and for no other", () => {
    assert.equal(includes({}, { pullSecrets: [], resources: {} }), true);
    assert.equal(includes({ pullSecrets: ["a"] }, { pullSecrets: [] }), false);
  });

  it("takes lists of different length or order for different", () => {
    assert.equal(includes([1, 2], [1]), false);
    assert.equal(includes([2, 1], [1, 2]), false);
    assert.equal(includes({ a: [] }, { a: {} }), false);
    assert.equal(includes(null, {}), false);
  });
});

describe("Applying a status", () => {
  const write = async (before: object | undefined, status: object) => {
    const client = new FakeClient();
    const object = { metadata: key, ...(before === undefined ? {} : { status: before }) };
    await applyStatus(client, configMapType, object, { status, fieldManager: "test" });
    return client.writes;
  };
  const [a, b] = [
    { type: "A", status: "True" },
    { type: "B", status: "True" },
  ];

  it("writes a first status and a changed one", async () => {
    assert.deepEqual(await write(undefined, { conditions: [a] }), ["apply status configmaps/shop/settings"]);
    assert.equal((await write({ conditions: [a] }, { conditions: [{ ...a, status: "False" }] })).length, 1);
    assert.equal((await write({ conditions: [a, b] }, { conditions: [a] })).length, 1);
  });

  it("leaves an equal one, in whatever order its maps are listed", async () => {
    assert.deepEqual(await write({ conditions: [a, b] }, { conditions: [b, a] }), []);
    assert.deepEqual(
      await write({ images: [{ name: "x" }, { name: "y" }] }, { images: [{ name: "y" }, { name: "x" }] }),
      [],
    );
  });

  it("writes to the version that it was computed from only, and says which one came of it", async () => {
    const client = new FakeClient();
    const seen: (string | undefined)[] = [];
    client.apply = (_type, object) => {
      seen.push(object.metadata.resourceVersion);
      return Promise.resolve({ ...object, metadata: { ...object.metadata, resourceVersion: "8" } });
    };
    const write = { status: { phase: "Active" }, fieldManager: "test", resourceVersion: "7" };
    assert.equal(await applyStatus(client, configMapType, { metadata: key }, write), "8");
    assert.equal(await applyStatus(client, configMapType, { metadata: key, status: write.status }, write), "7");
    assert.deepEqual(seen, ["7"]);
  });

  it("writes along what is no reason to write", async () => {
    const along = async (before: object, status: object) => {
      const client = new FakeClient();
      client.add("configmaps", { metadata: key, status: before } as KubeObject);
      const write = { status, fieldManager: "test", along: { evidence: { sequence: 2 } } };
      await applyStatus(client, configMapType, { metadata: key, status: before }, write);
      const { status: written } = client.objects.get("configmaps/shop/settings") as KubeObject & { status: object };
      return { writes: client.writes.length, written };
    };
    const old = { evidence: { sequence: 1 } };
    assert.deepEqual(await along({ phase: "A", ...old }, { phase: "A" }), {
      writes: 0,
      written: { phase: "A", ...old },
    });
    assert.deepEqual(await along({ phase: "A" }, { phase: "A" }), { writes: 0, written: { phase: "A" } });
    assert.deepEqual(await along({ phase: "A", ...old }, { phase: "B" }), {
      writes: 1,
      written: { phase: "B", evidence: { sequence: 2 } },
    });
  });

  it("sees another order of plain values", async () => {
    assert.equal((await write({ steps: ["a", "b"] }, { steps: ["b", "a"] })).length, 1);
  });
});
