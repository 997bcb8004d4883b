import assert from "node:assert/strict";
import fc from "fast-check";
import { WorkQueue } from "../../../src/kube/index.ts";
import { KeyHeap } from "../../../src/kube/key-heap.ts";
import { FakeClock, settle } from "./fake-clock.ts";

describe("heap of keys", () => {
  it("gives every key once, earliest first, at the earliest of its times", () => {
    const entry = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"), fc.integer({ min: 0, max: 100 }));
    fc.assert(
      fc.property(fc.array(fc.oneof(entry, fc.constant("pop" as const)), { maxLength: 100 }), (steps) => {
        const heap = new KeyHeap();
        const model = new Map<string, number>();
        const popBoth = (): void => {
          const expected = Math.min(...model.values());
          const top = heap.pop();
          if (model.size === 0) {
            assert.equal(top, undefined);
            return;
          }
          assert.ok(top);
          assert.equal(top.dueAt, expected);
          assert.equal(model.get(top.key), top.dueAt);
          model.delete(top.key);
        };
        for (const step of steps) {
          if (step === "pop") popBoth();
          else {
            heap.push(...step);
            model.set(step[0], Math.min(step[1], model.get(step[0]) ?? Infinity));
          }
          assert.equal(heap.size, model.size);
        }
        while (heap.size > 0) popBoth();
        assert.equal(model.size, 0);
      }),
    );
  });
});

describe("work queue", () => {
  const create = (clock = new FakeClock()): WorkQueue =>
    new WorkQueue({ clock, backoff: { initialMs: 100, maxMs: 1000, jitter: 0 } });

  it("hands keys out in order, each once", async () => {
    const queue = create();
    for (const key of ["a", "b", "a", "c"]) queue.add(key);
    assert.equal(queue.depth, 3);
    assert.deepEqual([await queue.next(), await queue.next(), await queue.next()], ["a", "b", "c"]);
    assert.equal(queue.depth, 0);
  });

  it("gives a key that was added during its work back afterwards, once", async () => {
    const queue = create();
    queue.add("a");
    assert.equal(await queue.next(), "a");
    queue.add("a");
    queue.add("a");
    const next = queue.next();
    let handedOut = false;
    void next.then(() => (handedOut = true));
    await settle();
    assert.equal(handedOut, false, "handed out while in work");
    queue.done("a");
    assert.equal(await next, "a");
    queue.done("a");
    assert.equal(queue.depth, 0);
  });

  it("lets a key that is busy not overtake those that wait", async () => {
    const queue = create();
    queue.add("a");
    await queue.next();
    queue.add("b");
    queue.add("a");
    queue.add("c");
    queue.done("a");
    assert.deepEqual([await queue.next(), await queue.next(), await queue.next()], ["b", "c", "a"]);
  });

  it("adds a delayed key at the earliest of its times, with one timer", async () => {
    const clock = new FakeClock();
    const queue = create(clock);
    queue.addAfter("a", 500);
    queue.addAfter("a", 200);
    queue.addAfter("a", 900);
    queue.addAfter("b", 300);
    assert.equal(clock.timers, 1);
    await clock.advance(199);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.equal(queue.depth, 1);
    await clock.advance(100);
    assert.equal(queue.depth, 2);
    await clock.advance(10_000);
    assert.equal(queue.depth, 2);
    assert.equal(clock.timers, 0);
  });

  it("waits longer than a timer can", async () => {
    const clock = new FakeClock();
    const queue = create(clock);
    const days40 = 40 * 24 * 3_600_000;
    queue.addAfter("a", days40);
    await clock.advance(days40 - 1);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.equal(queue.depth, 1);
  });

  it("never adds a key whose delay is infinite, and refuses one that is not a number", () => {
    const clock = new FakeClock();
    const queue = create(clock);
    queue.addAfter("a", Infinity);
    assert.equal(clock.timers, 0);
    assert.throws(() => queue.addAfter("a", NaN), RangeError);
  });

  it("backs off for each key by itself, until it is forgotten", () => {
    const queue = create();
    assert.deepEqual([queue.retry("a"), queue.retry("a"), queue.retry("b")], [100, 200, 100]);
    assert.equal(queue.failures("a"), 2);
    queue.forget("a");
    assert.equal(queue.retry("a"), 100);
    assert.equal(queue.retry("b", 5000), 5000);
  });

  it("bounds the retries of all keys together", () => {
    const queue = new WorkQueue({
      clock: new FakeClock(),
      backoff: { initialMs: 1, maxMs: 1, jitter: 0 },
      retryRate: { perSecond: 10, burst: 2 },
    });
    assert.deepEqual(
      ["a", "b", "c", "d"].map((key) => queue.retry(key)),
      [1, 1, 100, 200],
    );
  });

  const order = async (queue: WorkQueue): Promise<readonly string[]> => {
    const taken: string[] = [];
    while (queue.depth > 0) taken.push((await queue.next()) ?? "");
    return taken;
  };

  it("hands urgent keys out first, and moves forward one that waits", async () => {
    const queue = create();
    for (const key of ["a", "b", "c"]) queue.add(key);
    for (const key of ["c", "x", "c"]) queue.addUrgent(key);
    queue.add("x");
    assert.equal(queue.depth, 4);
    assert.deepEqual(await order(queue), ["c", "x", "a", "b"]);
  });

  it("lets one of the others pass after sixteen urgent ones", async () => {
    const queue = create();
    const urgent = Array.from({ length: 20 }, (_, index) => `u${index}`);
    for (const key of ["a", "b"]) queue.add(key);
    for (const key of urgent) queue.addUrgent(key);
    assert.deepEqual(await order(queue), [...urgent.slice(0, 16), "a", ...urgent.slice(16), "b"]);
  });

  it("gives a key that became urgent during its work back as urgent, and then as one of the others", async () => {
    const queue = create();
    queue.add("a");
    await queue.next();
    queue.add("b");
    queue.addUrgent("a");
    queue.add("a");
    queue.done("a");
    assert.equal(await queue.next(), "a");
    queue.add("a");
    queue.done("a");
    assert.deepEqual(await order(queue), ["b", "a"]);
  });

  it("tries an urgent key that failed again as urgent, and one that did not as one of the others", async () => {
    const clock = new FakeClock();
    const queue = create(clock);
    for (const key of ["good", "bad"]) queue.addUrgent(key);
    for (const key of ["good", "bad"]) assert.equal(await queue.next(), key);
    for (const key of ["a", "b"]) queue.add(key);
    queue.forget("good");
    queue.addAfter("good", 100);
    queue.retry("bad");
    for (const key of ["good", "bad"]) queue.done(key);
    await clock.advance(100);
    assert.deepEqual(await order(queue), ["bad", "a", "b", "good"]);
  });

  it("keeps workers for what is urgent", async () => {
    const queue = create();
    const reserved = queue.next("Urgent");
    let taken: string | undefined;
    void reserved.then((key) => (taken = key));
    queue.add("a");
    await settle();
    assert.equal(taken, undefined);
    queue.addUrgent("b");
    assert.equal(await reserved, "b");
    assert.equal(await queue.next(), "a");
    const last = queue.next("Urgent");
    const closed = queue.close("drain");
    assert.equal(await last, undefined);
    for (const key of ["a", "b"]) queue.done(key);
    await closed;
  });

  it("closes at once when it discards, and wakes whoever waits", async () => {
    const clock = new FakeClock();
    const queue = create(clock);
    const waiting = queue.next();
    const closed = queue.close("discard");
    assert.equal(await waiting, undefined);
    await closed;
    queue.add("a");
    queue.addAfter("b", 10);
    assert.equal(queue.depth, 0);
    assert.equal(clock.timers, 0);
  });

  it("hands out what is left when it drains, and waits for the work in progress", async () => {
    const queue = create();
    for (const key of ["a", "b"]) queue.add(key);
    await queue.next();
    queue.add("a");
    let closed = false;
    const closing = queue.close("drain").then(() => (closed = true));
    queue.done("a");
    assert.equal(await queue.next(), "b");
    queue.done("b");
    await settle();
    assert.equal(closed, false);
    assert.equal(await queue.next(), "a");
    queue.done("a");
    await closing;
    assert.equal(await queue.next(), undefined);
  });

  it("never works on a key twice at once, and loses none", async () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const step = fc.oneof(
      fc.record({ what: fc.constant("add" as const), key }),
      fc.record({ what: fc.constant("urgent" as const), key }),
      fc.record({ what: fc.constant("delay" as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ what: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 60 }) }),
    );
    const duration = fc.integer({ min: 0, max: 40 });
    const workers = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(
        workers,
        fc.array(step, { maxLength: 40 }),
        fc.array(duration),
        async (count, steps, durations) => {
          const clock = new FakeClock();
          const queue = create(clock);
          const busy = new Set<string>();
          /** Steps whose key was not taken up after it was added. */
          const owed = new Set<string>();
          let worked = 0;
          const work = async (): Promise<void> => {
            for (let next = await queue.next(); next !== undefined; next = await queue.next()) {
              const current = next;
              assert.ok(!busy.has(current), `${current} is worked on twice at once`);
              busy.add(current);
              owed.delete(current);
              const ms = durations[worked % Math.max(1, durations.length)] ?? 1;
              worked += 1;
              await new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
              busy.delete(current);
              queue.done(current);
            }
          };
          const done = Promise.all(Array.from({ length: count }, work));
          for (const current of steps) {
            if (current.what === "advance") await clock.advance(current.ms);
            else {
              owed.add(current.key);
              if (current.what === "add") queue.add(current.key);
              else if (current.what === "urgent") queue.addUrgent(current.key);
              else queue.addAfter(current.key, current.ms);
            }
          }
          await clock.advance(100_000);
          assert.deepEqual([...owed], [], "lost");
          assert.ok(worked <= steps.length, "more work than was asked for");
          await queue.close("drain");
          await done;
        },
      ),
      { numRuns: 60 },
    );
  });
});
