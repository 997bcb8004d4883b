import assert from "node:assert/strict";
import { FactCache, type SignatureFact } from "../../../src/trust/index.ts";
import { Semaphore } from "../../../src/trust/semaphore.ts";
import { SingleFlight } from "../../../src/trust/single-flight.ts";
import { artifact, bundle, digest, digestOf, fact, now } from "./support/build.ts";

function gate<T>(): { promise: Promise<T>; open: (value: T) => void; fail: (error: Error) => void } {
  let open: (value: T) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

describe("SingleFlight", () => {
  it("does the work once for all who wait", async () => {
    const flights = new SingleFlight<number>();
    const { promise, open } = gate<number>();
    let times = 0;
    const work = (): Promise<number> => {
      times++;
      return promise;
    };
    const all = [flights.run("k", work), flights.run("k", work), flights.run("other", work)];
    open(5);
    assert.deepEqual(await Promise.all(all), [5, 5, 5]);
    assert.equal(times, 2);
    await flights.run("k", work);
    assert.equal(times, 3);
  });

  it("goes on for the others when one gives up, and ends when the last one does", async () => {
    const flights = new SingleFlight<number>();
    const { promise, open } = gate<number>();
    const [first, second] = [new AbortController(), new AbortController()];
    let seen: AbortSignal | undefined;
    const work = (signal: AbortSignal): Promise<number> => {
      seen = signal;
      return promise;
    };
    const one = flights.run("k", work, first.signal);
    const two = flights.run("k", work, second.signal);
    first.abort();
    await assert.rejects(one, /abort/i);
    assert.equal(seen?.aborted, false);
    second.abort();
    await assert.rejects(two, /abort/i);
    assert.equal(seen.aborted, true);
    // Whoever comes now starts anew, though the work given up has not ended yet.
    const third = flights.run("k", () => Promise.resolve(7));
    open(1);
    assert.equal(await third, 7);
  });

  it("does not forget new work when the end of given-up work comes late", async () => {
    const flights = new SingleFlight<number>();
    const [old, fresh] = [gate<number>(), gate<number>()];
    const controller = new AbortController();
    const gone = flights.run("k", () => old.promise, controller.signal);
    controller.abort();
    await assert.rejects(gone);
    const second = flights.run("k", () => fresh.promise);
    old.open(1);
    await new Promise((resolve) => setImmediate(resolve));
    const third = flights.run("k", () => assert.fail("the work is under way"));
    fresh.open(2);
    assert.deepEqual(await Promise.all([second, third]), [2, 2]);
  });

  it("starts nothing for one who has given up already", async () => {
    await assert.rejects(new SingleFlight().run("k", () => assert.fail("not wanted"), AbortSignal.abort()));
  });

  it("hands a failure to all, and starts anew afterwards", async () => {
    const flights = new SingleFlight<number>();
    const { promise, fail } = gate<number>();
    const all = [flights.run("k", () => promise), flights.run("k", () => promise, new AbortController().signal)];
    fail(new Error("broken"));
    for (const each of await Promise.allSettled(all)) assert.equal(each.status, "rejected");
    assert.equal(await flights.run("k", () => Promise.resolve(1)), 1);
  });

  it("has a listener for a failure that comes when all have gone", async () => {
    const flights = new SingleFlight<number>();
    const { promise, fail } = gate<number>();
    const controller = new AbortController();
    const one = flights.run("k", () => promise, controller.signal);
    controller.abort("a reason that is no Error");
    await assert.rejects(one, /aborted/);
    fail(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("Semaphore", () => {
  it("lets no more run than it has slots, in order, and frees a slot after a failure", async () => {
    const slots = new Semaphore(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const task = (id: number): Promise<void> =>
      slots.run(async () => {
        order.push(id);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (id === 1) throw new Error("broken");
      });
    await Promise.allSettled([0, 1, 2, 3, 4, 5].map(task));
    assert.equal(most, 2);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  });

  it("does not start what is no longer wanted when its turn comes", async () => {
    const slots = new Semaphore(1);
    const { promise, open } = gate<number>();
    const first = slots.run(() => promise);
    const controller = new AbortController();
    const second = slots.run(() => assert.fail("not wanted"), controller.signal);
    controller.abort();
    open(1);
    await first;
    await assert.rejects(second, /abort/i);
    assert.equal(await slots.run(() => Promise.resolve(3)), 3);
  });
});

describe("FactCache", () => {
  const pair = { digest, bundleDigest: digestOf("b"), by: digestOf("c") };

  it("asks once for a fact, valid or not", async () => {
    for (const outcome of ["valid", "invalid"] as const) {
      const cache = new FactCache();
      let times = 0;
      const check = (): Promise<{ outcome: "valid" | "invalid" }> => {
        times++;
        return Promise.resolve({ outcome });
      };
      for (let round = 0; round < 3; round++)
        assert.deepEqual(await cache.signature(pair, check), { ...pair, outcome });
      assert.equal(times, 1);
    }
  });

  it("keeps a fact apart for every digest, bundle and key", async () => {
    const cache = new FactCache();
    await cache.signature(pair, () => Promise.resolve({ outcome: "valid" }));
    for (const other of [{ digest: digestOf("d") }, { bundleDigest: digestOf("d") }, { by: digestOf("d") }]) {
      assert.equal(
        ((await cache.signature({ ...pair, ...other }, () => Promise.resolve({ outcome: "invalid" }))) as SignatureFact)
          .outcome,
        "invalid",
      );
    }
  });

  it("never keeps what is no fact", async () => {
    const cache = new FactCache();
    assert.deepEqual(await cache.signature(pair, () => Promise.resolve({ notAFact: "killed" })), {
      notAFact: "killed",
    });
    assert.deepEqual(await cache.signature(pair, () => Promise.resolve({ outcome: "valid" })), fact({ ...pair }));
  });

  it("bounds the bytes of the bundles that it keeps", () => {
    const cache = new FactCache({ maxArtifactBytes: 10_000 });
    const heavy = { ...bundle(), bytes: Buffer.alloc(2500) };
    cache.keepArtifact("a", { facts: artifact({ bundles: [heavy] }), at: now });
    cache.keepArtifact("b", { facts: artifact({ bundles: [heavy] }), at: now });
    assert.equal(cache.artifact("a"), undefined);
    assert.ok(cache.artifact("b") !== undefined);
    cache.forgetArtifact("b");
    assert.equal(cache.artifact("b"), undefined);
  });
});
