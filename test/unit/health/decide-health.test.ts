import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Look,
  MAX_LOOKS,
  MAX_SIGNALS,
  decodeRecord,
  emptyRecord,
  encodeRecord,
  errorLook,
  keepSignals,
  noteLook,
  notePods,
  recordOf,
  valueLook,
} from "../../../src/health/index.ts";
import { Guardian, policy, ready, second, signal, start } from "./support.ts";

const noData: Look = { kind: "NoData" };
const [good, bad, between] = [0.01, 0.12, 0.03];

const cases: Record<string, { trace: (Look | number | undefined)[]; state: string; says: RegExp; fail?: true }> = {
  "enough good looks are healthy": { trace: [good, good, good, good, good], state: "Healthy", says: /errors is 0.01/ },
  "few looks say nothing yet": { trace: [good, good], state: "WarmingUp", says: /2 of 5 looks/ },
  "three bad looks of five trip": {
    trace: [good, bad, good, bad, bad],
    state: "Unhealthy",
    says: /errors is 0.12, above the maximum 0.05, in 3 of the last 5 looks/,
  },
  "it trips before the window is full": {
    trace: [bad, bad, bad],
    state: "Unhealthy",
    says: /in 3 of the last 3 looks/,
  },
  "two bad looks of five do not trip": { trace: [good, bad, good, bad, good], state: "Healthy", says: /errors/ },
  "no data is not healthy": {
    trace: [good, good, noData, noData, noData],
    state: "Unknown",
    says: /no value in 3 of the last 5 looks: no data/,
  },
  "one look without data is forgiven": { trace: [good, good, good, noData, good], state: "Healthy", says: /errors/ },
  "no data that would tip it is not healthy": {
    trace: [good, bad, noData, good, bad],
    state: "Unknown",
    says: /no value in 1 of the last 5/,
  },
  "NaN is not healthy": { trace: Array<number>(5).fill(NaN), state: "Unknown", says: /not a number/ },
  "infinity is an error": { trace: Array<number>(5).fill(Infinity), state: "Unknown", says: /NotANumber/ },
  "stale data is not healthy": {
    trace: Array<Look>(5).fill({ kind: "Stale", ageMs: 400_000 }),
    state: "Unknown",
    says: /400 s old/,
  },
  "an error is not healthy": {
    trace: Array<Look>(5).fill(errorLook("Timeout", "the server did not answer in time")),
    state: "Unknown",
    says: /Timeout/,
  },
  "no data is bad where the policy says so": {
    trace: [noData, noData, noData],
    state: "Unhealthy",
    says: /no data/,
    fail: true,
  },
  "what tripped stays bad between the thresholds": {
    trace: [bad, bad, bad, between, between, between, between, between, between],
    state: "Unhealthy",
    says: /errors/,
  },
  "what tripped resets after a whole window of good looks": {
    trace: [bad, bad, bad, good, good, good, good, good],
    state: "Healthy",
    says: /errors/,
  },
  "what tripped does not reset on gaps": {
    trace: [bad, bad, bad, good, good, noData, good, good],
    state: "Unhealthy",
    says: /errors/,
  },
};

describe("deciding about health", () => {
  for (const [name, { trace, state, says, fail }] of Object.entries(cases))
    it(name, () => {
      const signals = [signal(fail ? { onNoData: "Fail" } : {})];
      const guardian = new Guardian(policy({ warmUpMs: 0, signals }));
      guardian.states(trace);
      const verdict = guardian.judge();
      assert.equal(verdict.state, state, verdict.message);
      assert.match(verdict.message, says);
    });

  it("lets failing pods decide at once", () => {
    const guardian = new Guardian();
    guardian.states(Array<number>(5).fill(good));
    const verdict = guardian.judge({ state: "Failing", reason: "CrashLoop", message: "container a ended with code 1" });
    assert.deepEqual(verdict, { state: "Unhealthy", reason: "CrashLoop", message: "container a ended with code 1" });
  });

  it("is warming up until warmUp is over", () => {
    const guardian = new Guardian(policy({ signals: [] }));
    assert.equal(guardian.look(undefined).state, "WarmingUp");
    assert.equal(guardian.look(undefined).state, "WarmingUp");
    assert.equal(guardian.look(undefined).state, "Healthy");
  });

  it("is starting until all pods were ready once", () => {
    const pods = { state: "Starting", ready: 0, wanted: 2, message: "0 of 2 pods are ready" } as const;
    assert.deepEqual(new Guardian().judge(pods), {
      state: "WarmingUp",
      reason: "Starting",
      message: "0 of 2 pods are ready",
    });
  });

  it("is unknown when no pod answers any more", () => {
    const guardian = new Guardian(policy({ warmUpMs: 0, signals: [] }));
    assert.equal(guardian.look(undefined).state, "Healthy");
    const pods = { state: "Starting", ready: 0, wanted: 1, message: "0 of 1 pods are ready" } as const;
    assert.equal(guardian.look(undefined, pods).state, "Unknown");
  });

  it("is unknown when nobody has looked for long", () => {
    const guardian = new Guardian();
    guardian.states(Array<number>(5).fill(good));
    guardian.now += 91 * second;
    const verdict = guardian.judge();
    assert.deepEqual([verdict.state, verdict.reason], ["Unknown", "NotLookedAt"]);
  });

  it("does not count looks from before a long gap", () => {
    const guardian = new Guardian();
    guardian.states([bad, bad]);
    guardian.now += 3_600 * second;
    assert.equal(guardian.look(bad).state, "WarmingUp");
  });

  it("forgets what was seen under other rules", () => {
    const guardian = new Guardian();
    guardian.states([bad, bad, bad]);
    const other = policy({ signals: [signal({ bounds: { max: 0.5 } })] });
    const later = new Guardian(other);
    later.record = guardian.record;
    later.now = guardian.now;
    assert.equal(later.judge().state, "WarmingUp");
    assert.equal(later.look(bad).state, "WarmingUp");
  });

  it("drops looks that another clock dates into the future", () => {
    const guardian = new Guardian();
    guardian.now += 3_600 * second;
    guardian.states([bad, bad]);
    guardian.now = start;
    guardian.look(good);
    const found = recordOf(guardian.record, "iris-b")?.signals["errors"]?.samples;
    assert.equal(found?.length, 1);
  });
});

describe("comparing with the revision that served before", () => {
  const compared = signal({
    name: "latency",
    bounds: undefined,
    comparison: { worse: "Higher", tolerance: 0.1, significance: 0.01, looks: 12 },
  });
  const rules = policy({ warmUpMs: 0, signals: [compared] });
  const series = (from: number) => Array.from({ length: 12 }, (_, index) => from + index / 1000);

  const after = (before: readonly number[], trace: readonly number[]) => {
    const stable = new Guardian(rules, "iris-a");
    stable.states(before);
    const guardian = new Guardian(rules, "iris-b", "iris-a");
    guardian.record = stable.record;
    guardian.now = stable.now;
    guardian.states(trace);
    return guardian.judge();
  };

  it("finds what is worse, with the numbers", () => {
    const verdict = after(series(0.1), series(0.2));
    assert.equal(verdict.state, "Unhealthy");
    assert.match(
      verdict.message,
      /latency has the median 0\.2\d*, above 0\.1\d* of revision iris-a \(Mann-Whitney p = .*, \d+ and 12 looks\), in 3 of the last 5 looks/,
    );
  });

  it("leaves alone what is the same, or worse by next to nothing", () => {
    assert.equal(after(series(0.1), series(0.1)).state, "Healthy");
    assert.equal(after(series(0.1), series(0.108)).state, "Healthy");
  });

  it("compares with nothing where there is nothing", () => assert.equal(after([], series(0.2)).state, "Healthy"));
});

describe("the record", () => {
  const look = fc.oneof(
    fc.double({ noNaN: false }).map(valueLook),
    fc.constant<Look>({ kind: "NoData" }),
    fc.constant<Look>({ kind: "Stale", ageMs: 1 }),
    fc.string({ maxLength: 2_000 }).map((text) => errorLook("ServerError", text)),
  );

  it("comes back as it was written", () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 80 }), (looks) => {
        const guardian = new Guardian();
        guardian.states(looks);
        assert.deepEqual(decodeRecord(encodeRecord(guardian.record)), guardian.record);
      }),
    );
  });

  it("is bounded, whatever is seen", () => {
    const signals = Array.from({ length: MAX_SIGNALS }, (_, index) => `signal-${index}-${"x".repeat(52)}`);
    let record = emptyRecord;
    for (let revision = 0; revision < 6; revision++) {
      const name = `${"r".repeat(60)}-${revision}`;
      record = notePods(record, name, ready, new Date(start));
      for (const one of signals)
        for (let index = 0; index < 100; index++) {
          const now = new Date(start + index * 1000);
          const found = { policy: signal({ name: one, window: { looks: 60, failures: 30 } }), intervalMs: 1000 };
          const seen = { ...found, look: valueLook(Math.PI / (1 + index)) };
          record = noteLook(record, name, seen, { now });
        }
    }
    assert.equal(record.revisions.length, 3);
    assert.equal(record.revisions[0]?.signals[signals[0] ?? ""]?.samples.length, MAX_LOOKS);
    assert.ok(encodeRecord(record).length < 150_000, `${encodeRecord(record).length} bytes`);
  });

  it("keeps what serves, however many others come beside it and go", () => {
    let record = emptyRecord;
    for (let pass = 0; pass < 10; pass++)
      for (const name of ["serves", `comes-${Math.floor(pass / 2)}`])
        record = notePods(record, name, ready, new Date(start + pass * second));
    assert.deepEqual(
      record.revisions.map(({ revision }) => revision),
      ["comes-4", "serves", "comes-3"],
    );
    assert.equal(recordOf(record, "serves")?.completeAt, start);
  });

  it("is empty where it cannot be read", () => {
    for (const text of ["", "{", "[]", '{"version":2,"revisions":[]}'])
      assert.deepEqual(decodeRecord(text), emptyRecord);
  });

  it("forgets signals that nobody asks for", () => {
    const guardian = new Guardian();
    guardian.look(good);
    assert.deepEqual(keepSignals(guardian.record, new Set()).revisions[0]?.signals, {});
  });
});
