import assert from "node:assert/strict";
import fc from "fast-check";
import { keyOf, Store, type Change } from "../../../src/kube/index.ts";
import { compareVersions } from "../../../src/kube/resource-version.ts";
import { StoreUpdater } from "../../../src/kube/store-updater.ts";
import { configMap, type ConfigMap } from "./support.ts";

const names = (objects: readonly ConfigMap[]): string[] => objects.map((object) => object.metadata.name).sort();

describe("store", () => {
  const byColour = { colour: (object: ConfigMap) => (object.data?.["colour"] ?? "").split(",").filter(Boolean) };

  it("finds objects by key, namespace and index", () => {
    const store = new Store<ConfigMap>(byColour);
    const other = { ...configMap("c", 1), metadata: { name: "c", namespace: "other" } };
    for (const object of [configMap("a", 1, { colour: "red" }), configMap("b", 1, { colour: "red,blue,red" }), other]) {
      store.put(object);
    }
    assert.equal(store.get("ns/a")?.metadata.name, "a");
    assert.equal(store.get("ns/c"), undefined);
    assert.deepEqual(names(store.list()), ["a", "b", "c"]);
    assert.deepEqual(names(store.list("ns")), ["a", "b"]);
    assert.deepEqual(names(store.byIndex("colour", "red")), ["a", "b"]);
    assert.deepEqual(names(store.byIndex("colour", "green")), []);
    assert.throws(() => store.byIndex("taste", "sweet"), /no index/);
    assert.equal(store.size, 3);
  });

  it("moves an object in the index when it changes", () => {
    const store = new Store<ConfigMap>(byColour);
    store.put(configMap("a", 1, { colour: "red" }));
    const previous = store.put(configMap("a", 2, { colour: "blue" }));
    assert.equal(previous?.metadata.resourceVersion, "1");
    assert.deepEqual(names(store.byIndex("colour", "red")), []);
    assert.deepEqual(names(store.byIndex("colour", "blue")), ["a"]);
    store.delete("ns/a");
    assert.deepEqual(names(store.byIndex("colour", "blue")), []);
    assert.deepEqual(store.list("ns"), []);
  });

  it("freezes what it holds in depth", () => {
    const store = new Store<ConfigMap>();
    store.put(configMap("a", 1, { colour: "red" }));
    const object = store.get("ns/a");
    assert.ok(object);
    assert.throws(() => (object.metadata.name = "x"), TypeError);
    assert.throws(() => Object.assign(object.data ?? {}, { colour: "x" }), TypeError);
  });

  it("keeps an object for which an index function throws", () => {
    const store = new Store<ConfigMap>({
      bad: () => {
        throw new Error("bad");
      },
    });
    assert.throws(() => store.put(configMap("a", 1)), AggregateError);
    assert.ok(store.get("ns/a"));
    assert.equal(store.list("ns").length, 1);
  });
});

describe("order of resource versions", () => {
  const cases: readonly [string | undefined, string | undefined, number | undefined][] = [
    ["9", "10", -1],
    ["10", "9", 1],
    ["18446744073709551615", "18446744073709551614", 1],
    ["7", "7", 0],
    ["7", undefined, undefined],
    ["opaque", "7", undefined],
    ["", "7", undefined],
    ["0", "7", undefined],
  ];
  for (const [a, b, expected] of cases) {
    it(`of ${JSON.stringify(a)} and ${JSON.stringify(b)} is ${String(expected)}`, () => {
      const order = compareVersions(a, b);
      assert.equal(order === undefined ? undefined : Math.sign(order), expected);
    });
  }
});

describe("store updater", () => {
  const fail = (error: unknown): void => {
    throw error as Error;
  };
  const setUp = (): { store: Store<ConfigMap>; updater: StoreUpdater<ConfigMap> } => {
    const store = new Store<ConfigMap>();
    return { store, updater: new StoreUpdater(store, fail) };
  };
  const told = (changes: Iterable<Change<ConfigMap>>): string[] =>
    [...changes].map(({ type, object, previous }) => {
      const before = previous === undefined ? "" : ` was ${previous.metadata.resourceVersion ?? ""}`;
      return `${type} ${object.metadata.name}@${object.metadata.resourceVersion ?? ""}${before}`;
    });

  it("tells what a list changed, deletions missed included", () => {
    const { updater } = setUp();
    assert.deepEqual(told(updater.replaceAll([configMap("a", 1), configMap("b", 2)])), ["added a@1", "added b@2"]);
    assert.deepEqual(told(updater.replaceAll([configMap("b", 5), configMap("c", 4)])), [
      "deleted a@1",
      "updated b@5 was 2",
      "added c@4",
    ]);
    assert.deepEqual(told(updater.replaceAll([configMap("b", 5), configMap("c", 4)])), []);
  });

  it("takes the list for the truth also when it is older", () => {
    const { updater, store } = setUp();
    told(updater.replaceAll([configMap("a", 9)]));
    assert.deepEqual(told(updater.replaceAll([configMap("a", 3)])), ["updated a@3 was 9"]);
    assert.equal(store.get("ns/a")?.metadata.resourceVersion, "3");
  });

  it("ignores events that are repeated or late", () => {
    const { updater } = setUp();
    assert.deepEqual(told(updater.put(configMap("a", 5))), ["added a@5"]);
    assert.deepEqual(told(updater.put(configMap("a", 5))), []);
    assert.deepEqual(told(updater.put(configMap("a", 4))), []);
    assert.deepEqual(told(updater.delete(configMap("a", 6))), ["deleted a@6"]);
    assert.deepEqual(told(updater.delete(configMap("a", 6))), []);
    assert.deepEqual(told(updater.put(configMap("a", 5))), [], "a late event brought a deleted object back");
    assert.deepEqual(told(updater.put(configMap("a", 7))), ["added a@7"]);
    assert.deepEqual(told(updater.delete(configMap("a", 6))), [], "the deletion of an earlier object");
  });

  it("tells a replaced object as deleted and added", () => {
    const { updater } = setUp();
    const again = configMap("a", 8);
    again.metadata.uid = "another";
    told(updater.put(configMap("a", 1)));
    assert.deepEqual(told(updater.put(again)), ["deleted a@1", "added a@8"]);
  });

  it("applies events whose versions cannot be compared", () => {
    const { updater } = setUp();
    told(updater.put(configMap("a", "x9")));
    assert.deepEqual(told(updater.put(configMap("a", "x1"))), ["updated a@x1 was x9"]);
  });

  it("reports an index function that throws, and goes on", () => {
    const errors: unknown[] = [];
    const store = new Store<ConfigMap>({
      bad: () => {
        throw new Error("bad");
      },
    });
    const updater = new StoreUpdater(store, (error) => errors.push(error));
    assert.deepEqual(told(updater.put(configMap("a", 1))), ["added a@1"]);
    assert.equal(errors.length, 1);
  });

  /**
   * A server with a history; a client that sees all of it, or has gaps that a list closes, and sees events again and in any
   * order. At the end it holds what the server holds, and what it told adds up to that too.
   */
  it("equals the server after any sequence of events, repetitions, disorder and gaps", () => {
    const name = fc.constantFrom("a", "b", "c");
    const action = fc.oneof(
      fc.record({ what: fc.constant("write" as const), name }),
      fc.record({ what: fc.constant("remove" as const), name }),
      fc.record({ what: fc.constant("list" as const) }),
      fc.record({ what: fc.constant("gap" as const) }),
      fc.record({ what: fc.constant("disorder" as const), seed: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const { store, updater } = setUp();
        const server = new Map<string, ConfigMap>();
        const told = new Map<string, string>();
        let version = 0;
        let events: { type: "put" | "delete"; object: ConfigMap }[] = [];
        const note = (changes: Iterable<Change<ConfigMap>>): void => {
          for (const { type, object } of changes) {
            const key = keyOf(object);
            if (type === "added") assert.ok(!told.has(key), "added twice");
            else assert.ok(told.has(key), `${type} without having been added`);
            if (type === "deleted") told.delete(key);
            else told.set(key, object.metadata.resourceVersion ?? "");
          }
        };
        const deliver = (event: { type: "put" | "delete"; object: ConfigMap }): void =>
          note(updater[event.type](structuredClone(event.object)));
        const list = (): void => {
          note(updater.replaceAll([...server.values()].map((object) => structuredClone(object))));
          events = [];
        };
        for (const step of actions) {
          switch (step.what) {
            case "write": {
              version += 1;
              const object = configMap(step.name, version);
              object.metadata.uid = server.get(step.name)?.metadata.uid ?? `uid-${version}`;
              server.set(step.name, object);
              events.push({ type: "put", object });
              break;
            }
            case "remove": {
              const object = server.get(step.name);
              if (object === undefined) break;
              version += 1;
              server.delete(step.name);
              const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
              events.push({ type: "delete", object: last });
              break;
            }
            case "list":
              list();
              break;
            case "gap":
              // Events are lost, and a list follows.
              list();
              break;
            case "disorder": {
              // All since the last list, in some order, and then again in order.
              const shuffled = [...events].sort((a, b) => hash(a, step.seed) - hash(b, step.seed));
              for (const event of [...shuffled, ...events]) deliver(event);
              break;
            }
          }
        }
        for (const event of events) deliver(event);
        const held = store.list().map((object) => [keyOf(object), object.metadata.resourceVersion]);
        const expected = [...server.values()].map((object) => [keyOf(object), object.metadata.resourceVersion]);
        assert.deepEqual(held.sort(), expected.sort());
        assert.deepEqual([...told].sort(), expected.sort());
      }),
      { numRuns: 500 },
    );
  });
});

function hash(event: { object: ConfigMap }, seed: number): number {
  return ((Number(event.object.metadata.resourceVersion) * 2654435761) ^ seed) % 1009;
}
