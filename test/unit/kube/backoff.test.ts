import assert from "node:assert/strict";
import fc from "fast-check";
import { Backoff, backoffDelay, TokenBucket } from "../../../src/kube/index.ts";
import { FakeClock } from "./fake-clock.ts";

describe("back-off", () => {
  it("stays within its bounds for any number of failures", () => {
    const options = fc.record({
      initialMs: fc.integer({ min: 1, max: 10_000 }),
      maxMs: fc.integer({ min: 1, max: 1_000_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(options, fc.nat(), random, (option, failures, draw) => {
        const delay = backoffDelay(option, failures, () => draw);
        const full = Math.min(
          option.maxMs,
          option.initialMs * option.factor ** Math.min(1000, Math.max(0, failures - 1)),
        );
        assert.ok(delay <= option.maxMs && delay <= full, `${delay} is too long`);
        assert.ok(delay >= full * (1 - option.jitter) - 1e-9, `${delay} is too short`);
      }),
    );
  });

  it("grows with each failure and begins again after a reset", () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1000, jitter: 0 });
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(() => backoff.next()),
      [100, 200, 400, 800, 1000, 1000],
    );
    backoff.reset();
    assert.equal(backoff.next(), 100);
  });
});

describe("token bucket", () => {
  it("lets a burst through and then keeps the rate, in order", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, new FakeClock());
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => bucket.reserve()),
      [0, 0, 0, 100, 200],
    );
  });

  it("saves up no more than the burst", async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ perSecond: 10, burst: 2 }, clock);
    await clock.advance(3_600_000);
    assert.deepEqual(
      [1, 2, 3].map(() => bucket.tryTake()),
      [true, true, false],
    );
  });

  it("never hands out more than burst + rate * time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 60 }), (steps) => {
        const clock = new FakeClock();
        const bucket = new TokenBucket({ perSecond: 20, burst: 5 }, clock);
        let taken = 0;
        for (const step of steps) {
          clock.jump(step);
          if (bucket.tryTake()) taken += 1;
          assert.ok(taken <= 5 + (20 * clock.monotonic()) / 1000 + 1e-6);
        }
      }),
    );
  });
});
