import assert from "node:assert/strict";
import fc from "fast-check";
import { contribute, emptyGrant, heldUntil, renewalDue, renewedUntil } from "../../../src/admission/index.ts";

const now = new Date("2030-01-01T00:00:00Z");
const at = (ms: number) => new Date(now.getTime() + ms);

describe("how long something is granted", () => {
  const cases: readonly [string, number | undefined, number, number][] = [
    ["as long as it may be, where it is not granted yet", undefined, 1000, 1000],
    ["as it is, while more than half of the time is covered", 501, 1000, 501],
    ["anew, once half of the time is gone", 500, 1000, 1000],
    ["anew, where it has ended", -1, 1000, 1000],
    ["shorter at once", 1000, 999, 999],
    ["shorter at once, also where it is over by that", 1000, -5, -5],
    ["as it is, where that is what it may be", 1000, 1000, 1000],
    ["until the end that is past, where that is what it may be", -10, -5, -5],
  ];
  for (const [title, standing, wanted, expected] of cases)
    it(`is ${title}`, () => {
      const held = standing === undefined ? undefined : at(standing);
      assert.deepEqual(renewedUntil(held, at(wanted), now), at(expected));
    });

  it("never exceeds the verdict, is shortened at once, and never runs out while a verdict holds", () => {
    const step = fc.record({
      // What the verdict says from then on, and when somebody looks, at the latest when a renewal is due.
      validForMs: fc.integer({ min: 1, max: 100_000 }),
      looksAfterMs: fc.integer({ min: 0, max: 50_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 50 }), (steps) => {
        let [time, standing, writes]: [number, Date | undefined, number] = [0, undefined, 0];
        for (const { validForMs, looksAfterMs } of steps) {
          const wanted = at(time + validForMs);
          const next: Date = renewedUntil(standing, wanted, at(time));
          assert.ok(next <= wanted);
          assert.ok(next > at(time), "it ran out");
          if (standing !== undefined && standing > wanted) assert.deepEqual(next, wanted);
          // More than half is covered, whether it was written or not.
          assert.ok(2 * (next.getTime() - at(time).getTime()) > validForMs);
          if (next !== standing) writes++;
          standing = next;
          const due = renewalDue(standing, wanted);
          if (due !== undefined) assert.ok(due > at(time) && due < standing);
          // Nobody looks later than the verdict is renewed, or the grant.
          time += Math.min(looksAfterMs, validForMs - 1, due === undefined ? Infinity : +due - +at(time));
        }
        assert.ok(writes <= steps.length);
      }),
    );
  });

  it("is written a few times while a verdict is renewed again and again", () => {
    const [hour, day] = [3_600_000, 24 * 3_600_000];
    let [standing, writes]: [Date | undefined, number] = [undefined, 0];
    for (let time = 0; time < 10 * day; time += hour) {
      const next: Date = renewedUntil(standing, at(time + day), at(time));
      if (next !== standing) writes++;
      standing = next;
    }
    assert.equal(writes, 20);
  });

  it("is what the owner itself has, and nobody else", () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const mine = { kind: "SecureModel", name: "iris" } as const;
    const theirs = { kind: "SecureModel", name: "rose" } as const;
    const use = { digest, use: "imageVolume" as const };
    const granted = (grant: typeof emptyGrant, owner: typeof mine | typeof theirs, ms: number) =>
      contribute(grant, owner, { uses: [{ ...use, notAfter: at(ms) }], revisions: {} });
    const grant = granted(granted(emptyGrant, mine, 5), theirs, 9);
    assert.deepEqual(heldUntil(grant, mine, use), at(5));
    assert.deepEqual(heldUntil(grant, theirs, use), at(9));
    assert.equal(heldUntil(grant, { ...mine, kind: "SecureNamespace" }, use), undefined);
    assert.equal(heldUntil(grant, mine, { ...use, use: "init" }), undefined);
    assert.equal(heldUntil(grant, mine, { ...use, digest: "constructor" }), undefined);
  });
});
