import assert from "node:assert/strict";
import { Outbox, type Waiting, sinkOf } from "../../../src/notify/index.ts";

const limits = { perSink: 3, sinksPerNamespace: 2, total: 5 };
const letter = (id: string, namespace = "shop", host = "a"): Waiting => ({
  sink: sinkOf({ namespace, name: host, url: `https://${host}.example` }),
  id,
  type: "io.mlsecops.model.promoted",
  body: "{}",
  until: 0,
  regarding: { apiVersion: "v1", kind: "SecureModel", metadata: { name: "iris" } },
});

describe("the outbox", () => {
  let dropped: string[] = [];
  let outbox: Outbox;
  beforeEach(() => {
    dropped = [];
    outbox = new Outbox(limits, ({ id }) => dropped.push(id));
  });

  it("gives what waits for a sink in its order, and a queue only where it is new", () => {
    const queue = outbox.add(letter("1"));
    assert.ok(queue);
    assert.equal(outbox.add(letter("2")), undefined);
    assert.deepEqual([outbox.take(queue)?.id, outbox.take(queue)?.id, outbox.take(queue)], ["1", "2", undefined]);
    assert.equal(outbox.size, 0);
    assert.ok(outbox.add(letter("3")));
  });

  it("keeps a queue while the last one is being sent", () => {
    const queue = outbox.add(letter("1"));
    assert.ok(queue);
    outbox.take(queue);
    assert.equal(outbox.add(letter("2")), undefined);
    assert.equal(outbox.take(queue)?.id, "2");
  });

  it("drops the oldest of a sink that is full, and not the one that is being sent", () => {
    const queue = outbox.add(letter("1"));
    assert.ok(queue);
    outbox.take(queue);
    for (const id of ["2", "3", "4", "5"]) outbox.add(letter(id));
    assert.deepEqual(dropped, ["2"]);
    assert.equal(outbox.take(queue)?.id, "3");
  });

  it("takes no further sink of a namespace that has enough of them", () => {
    for (const host of ["a", "b", "c"]) outbox.add(letter(host, "shop", host));
    outbox.add(letter("other", "bank", "c"));
    assert.deepEqual(dropped, ["c"]);
    assert.equal(outbox.queues.length, 3);
  });

  it("drops the oldest of the namespace that holds most, where it is full over all", () => {
    outbox.add(letter("bank", "bank"));
    for (const id of ["1", "2"]) outbox.add(letter(id, "shop", "a"));
    for (const id of ["3", "4", "5"]) outbox.add(letter(id, "shop", "b"));
    assert.deepEqual(dropped, ["1"]);
    assert.equal(outbox.size, 5);
  });
});
