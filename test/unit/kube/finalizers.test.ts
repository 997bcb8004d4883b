import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ensureFinalizer,
  keyOf,
  KubeError,
  removeFinalizer,
  type JsonPatchOperation,
  type KubeObject,
  type ObjectClient,
  type ObjectKey,
  type ResourceType,
} from "../../../src/kube/index.ts";
import { configMap, configMaps } from "./support.ts";

const mine = "example.com/mine";

/** One object on a server that carries out the patches made here, and lets another writer in before each. */
class FakeObject {
  current: KubeObject | undefined;
  patches = 0;
  readonly interfere: (() => void)[] = [];

  constructor(object: KubeObject | undefined) {
    this.current = object;
  }

  get finalizers(): readonly string[] {
    return this.current?.metadata.finalizers ?? [];
  }

  edit(change: (metadata: KubeObject["metadata"]) => void): void {
    if (this.current === undefined) return;
    const metadata = structuredClone(this.current.metadata);
    change(metadata);
    metadata.resourceVersion = String(Number(metadata.resourceVersion) + 1);
    this.current = { ...this.current, metadata };
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) this.current = undefined;
  }

  get client(): ObjectClient {
    return {
      get: (_type: ResourceType, key: ObjectKey) => {
        assert.equal(key.name, "a");
        return Promise.resolve(structuredClone(this.current));
      },
      patchJson: (_type: ResourceType, _key: ObjectKey, ops: readonly JsonPatchOperation[]) => {
        this.patches += 1;
        this.interfere.shift()?.();
        return Promise.resolve().then(() => this.#patch(ops));
      },
    } as unknown as ObjectClient;
  }

  #patch(ops: readonly JsonPatchOperation[]): KubeObject {
    const before = this.current;
    if (before === undefined) throw new KubeError("NotFound", "gone");
    const fields = before.metadata as unknown as Record<string, unknown>;
    for (const op of ops) {
      const field = op.path.replace("/metadata/", "");
      if (op.op === "test") {
        if (JSON.stringify(fields[field]) !== JSON.stringify(op.value)) throw new KubeError("Invalid", "test failed");
      } else {
        assert.deepEqual([op.op, op.path], ["add", "/metadata/finalizers"]);
        const value = "value" in op ? (op.value as string[]) : [];
        this.edit((metadata) => (metadata.finalizers = value));
      }
    }
    return this.current ?? before;
  }
}

describe("finalizers", () => {
  const object = (finalizers?: string[]): KubeObject => {
    const result = configMap("a", 1);
    if (finalizers !== undefined) result.metadata.finalizers = finalizers;
    return result;
  };
  const ensure = (server: FakeObject, read: KubeObject): Promise<KubeObject | undefined> =>
    ensureFinalizer(server.client, configMaps, read, mine);
  const remove = (server: FakeObject, read: KubeObject): Promise<KubeObject | undefined> =>
    removeFinalizer(server.client, configMaps, read, mine);

  for (const before of [undefined, [], ["other"]]) {
    it(`are added to ${JSON.stringify(before)}`, async () => {
      const server = new FakeObject(object(before));
      const result = await ensure(server, object(before));
      assert.deepEqual(result?.metadata.finalizers, [...(before ?? []), mine]);
      assert.equal(server.patches, 1);
    });
  }

  it("are not touched when there is nothing to do", async () => {
    const server = new FakeObject(object([mine]));
    assert.equal(keyOf((await ensure(server, object([mine]))) as KubeObject), "ns/a");
    const without = new FakeObject(object(["other"]));
    await remove(without, object(["other"]));
    assert.equal(server.patches + without.patches, 0);
  });

  it("are not added to an object that is being deleted", async () => {
    const dying = object(["other"]);
    dying.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    const server = new FakeObject(dying);
    assert.deepEqual(await ensure(server, dying), dying);
    assert.equal(server.patches, 0);
  });

  it("are removed without those of others, and with them the object", async () => {
    const server = new FakeObject(object(["x", mine, "y"]));
    assert.deepEqual((await remove(server, object(["x", mine, "y"])))?.metadata.finalizers, ["x", "y"]);
    const last = object([mine]);
    last.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    const dying = new FakeObject(last);
    await remove(dying, last);
    assert.equal(dying.current, undefined);
  });

  it("find the object gone", async () => {
    assert.equal(await ensure(new FakeObject(undefined), object()), undefined);
    assert.equal(await remove(new FakeObject(undefined), object([mine])), undefined);
  });

  it("are not those of another object that took the name", async () => {
    const other = object([mine]);
    other.metadata.uid = "another";
    const server = new FakeObject(other);
    assert.equal(await remove(server, object([mine])), undefined);
    assert.deepEqual(server.finalizers, [mine]);
  });

  it("give up after five lost races", async () => {
    const server = new FakeObject(object(["other"]));
    for (let count = 0; count < 9; count += 1) {
      server.interfere.push(() => server.edit((metadata) => (metadata.finalizers = [`other-${count}`])));
    }
    await assert.rejects(ensure(server, object(["other"])), { code: "Invalid" });
    assert.equal(server.patches, 5);
  });

  it("do not hide an error that is no lost race", async () => {
    const server = new FakeObject(object());
    server.interfere.push(() => {
      throw new KubeError("Forbidden", "no");
    });
    await assert.rejects(
      Promise.resolve().then(() => ensure(server, object())),
      { code: "Forbidden" },
    );
  });

  it("lose nobody's change in any race", async () => {
    const name = fc.constantFrom("a", "b", "c");
    const interference = fc.oneof(
      fc.record({ what: fc.constant("add" as const), name }),
      fc.record({ what: fc.constant("drop" as const), name }),
      fc.record({ what: fc.constant("other" as const), name }),
    );
    const run = async (races: readonly { what: string; name: string }[], adding: boolean): Promise<void> => {
      const server = new FakeObject(object(adding ? ["a"] : ["a", mine]));
      let expected = ["a"];
      const read = structuredClone(server.current) as KubeObject;
      for (const race of races) {
        server.interfere.push(() =>
          server.edit((metadata) => {
            const others = metadata.finalizers ?? [];
            if (race.what === "add" && !others.includes(race.name)) {
              metadata.finalizers = [...others, race.name];
              expected = [...expected, race.name];
            }
            if (race.what === "drop") {
              metadata.finalizers = others.filter((finalizer) => finalizer !== race.name);
              expected = expected.filter((finalizer) => finalizer !== race.name);
            }
          }),
        );
      }
      await (adding ? ensure(server, read) : remove(server, read));
      const others = server.finalizers.filter((finalizer) => finalizer !== mine);
      assert.deepEqual([...others].sort(), [...expected].sort());
      assert.equal(server.finalizers.includes(mine), adding);
    };
    await fc.assert(fc.asyncProperty(fc.array(interference, { maxLength: 4 }), fc.boolean(), run));
  });
});
