import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type RollbackCandidate,
  type RollbackRules,
  type RollbackState,
  decideRollback,
} from "../../../src/health/index.ts";

const now = new Date("2026-01-02T00:00:00Z");
const rules: RollbackRules = {
  isOff: false,
  maxPerDay: 3,
  coolDownMs: 300_000,
  latchAfter: 3,
  onNoSafeRevision: "KeepServing",
};
const ago = (ms: number) => new Date(now.getTime() - ms);
const hour = 3_600_000;

function revision(number: number, part: Partial<RollbackCandidate> = {}): RollbackCandidate {
  return { name: `iris-${number}`, number, wasHealthy: true, standing: "Admit", ...part };
}

function state(part: Partial<RollbackState> = {}): RollbackState {
  const from = part.from ?? revision(3);
  return {
    from,
    why: "errors is 0.12",
    revisions: [revision(1), revision(2), from],
    rollbacks: [],
    ...part,
  };
}

const cases: Record<string, { given: RollbackState; rules?: Partial<RollbackRules>; does: string; says: RegExp }> = {
  "goes to the next older one": {
    given: state(),
    does: "RollBack iris-2",
    says: /^revision iris-3 is unhealthy, back to iris-2: errors is 0.12$/,
  },
  "goes to the one that still serves": {
    given: state({ active: "iris-1" }),
    does: "RollBack iris-1",
    says: /iris-1/,
  },
  "goes to the one that still serves although it has the higher number": {
    given: state({ from: revision(1), revisions: [revision(1), revision(2)], active: "iris-2" }),
    does: "RollBack iris-2",
    says: /iris-2/,
  },
  "never goes to a newer one that does not serve": {
    given: state({ from: revision(1), revisions: [revision(1), revision(2)] }),
    does: "SafeStop KeepServing",
    says: /iris-2 is newer/,
  },
  "skips a banned one": {
    given: state({ revisions: [revision(1), revision(2, { ban: "bad" })] }),
    does: "RollBack iris-1",
    says: /iris-1/,
  },
  "skips one that was never healthy": {
    given: state({ revisions: [revision(1), revision(2, { wasHealthy: false })] }),
    does: "RollBack iris-1",
    says: /iris-1/,
  },
  "skips a revoked or expired one": {
    given: state({ revisions: [revision(1), revision(2, { standing: "Quarantine" })] }),
    does: "RollBack iris-1",
    says: /iris-1/,
  },
  "skips one that nobody judged": {
    given: state({ revisions: [revision(1), revision(2, { standing: undefined })] }),
    does: "RollBack iris-1",
    says: /iris-1/,
  },
  "starts none that cannot be verified now": {
    given: state({ revisions: [revision(2, { standing: "KeepOnly" })] }),
    does: "SafeStop KeepServing",
    says: /iris-2 cannot be verified now/,
  },
  "goes back to the one that serves although it cannot be verified now": {
    given: state({ active: "iris-2", revisions: [revision(2, { standing: "KeepOnly" })] }),
    does: "RollBack iris-2",
    says: /iris-2/,
  },
  "stops where the only one serves": {
    given: state({ revisions: [revision(3)] }),
    does: "SafeStop KeepServing",
    says: /\(there is no other one\), so it goes on serving: errors is 0.12/,
  },
  "stops with nothing where the spec says so": {
    given: state({ revisions: [] }),
    rules: { onNoSafeRevision: "ScaleToZero" },
    does: "SafeStop ScaleToZero",
    says: /so nothing serves/,
  },
  "keeps nothing without a valid verdict": {
    given: state({ from: revision(3, { standing: "Quarantine" }), revisions: [] }),
    does: "SafeStop ScaleToZero",
    says: /so nothing serves/,
  },
  "cools down": {
    given: state({ rollbacks: [ago(60_000)] }),
    does: "Hold CoolingDown",
    says: /coolDown is 300 s: no other rollback before 2026-01-02T00:04:00.000Z; revision iris-3 is unhealthy: errors is 0.12/,
  },
  "has a budget a day": {
    given: state({ rollbacks: [ago(hour), ago(2 * hour), ago(23 * hour)] }),
    does: "Hold RollbackBudgetSpent",
    says: /3 rollbacks in 24 h, maxPerDay is 3: no other one before 2026-01-02T01:00:00.000Z/,
  },
  "has the budget back after a day": {
    given: state({ rollbacks: [ago(hour), ago(2 * hour), ago(25 * hour)] }),
    does: "RollBack iris-2",
    says: /iris-2/,
  },
  "does nothing where the spec says so": {
    given: state(),
    rules: { isOff: true },
    does: "Hold RollbackOff",
    says: /spec.rollback.mode is Off; revision iris-3 is unhealthy/,
  },
  "takes a rollback from the future for one of just now": {
    given: state({ rollbacks: [ago(-hour)] }),
    does: "Hold CoolingDown",
    says: /before 2026-01-02T00:05:00/,
  },
};

const standing = fc.constantFrom("Admit" as const, "KeepOnly" as const, "Quarantine" as const, undefined);
const anyRevision = fc.record({
  number: fc.integer({ min: 1, max: 9 }),
  ban: fc.constantFrom(undefined, "bad"),
  wasHealthy: fc.boolean(),
  standing,
});
const anyRevisions = fc
  .uniqueArray(anyRevision, { selector: ({ number }) => number, minLength: 1 })
  .map((all) => all.map(({ number, ...rest }) => revision(number, rest)));

describe("deciding about a rollback", () => {
  for (const [name, { given, rules: own, does, says }] of Object.entries(cases))
    it(name, () => {
      const decision = decideRollback(given, { ...rules, ...own }, now);
      const what =
        decision.action === "RollBack" ? decision.to : decision.action === "Hold" ? decision.reason : decision.mode;
      assert.equal(`${decision.action} ${what}`, does, decision.message);
      assert.match(decision.message, says);
    });

  it("never goes to a banned, never healthy or unverified revision, and to none past a better one", () => {
    fc.assert(
      fc.property(anyRevisions, fc.nat(), fc.option(fc.nat(), { nil: undefined }), (revisions, pick, serving) => {
        const from = revisions[pick % revisions.length] as RollbackCandidate;
        const active = serving === undefined ? undefined : revisions[serving % revisions.length]?.name;
        const decision = decideRollback(state({ from, active, revisions }), rules, now);
        const fit = (one: RollbackCandidate) =>
          one.name !== from.name &&
          one.ban === undefined &&
          one.wasHealthy &&
          (one.standing === "Admit" || (one.standing === "KeepOnly" && one.name === active));
        const fits = revisions.filter(fit);
        if (decision.action !== "RollBack") {
          assert.ok(fits.every(({ name, number }) => name !== active && number > from.number));
          if (decision.action === "SafeStop" && decision.mode === "KeepServing")
            assert.ok(from.standing === "Admit" || from.standing === "KeepOnly");
          return;
        }
        const to = fits.find(({ name }) => name === decision.to);
        assert.ok(to !== undefined, decision.message);
        if (to.name !== active)
          assert.ok(!fits.some(({ name, number }) => name === active || (number > to.number && number < from.number)));
      }),
    );
  });

  it("rolls back at most maxPerDay times in any 24 hours, whatever fails", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6 * hour }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (pauses, maxPerDay) => {
          const rollbacks: Date[] = [];
          let at = now.getTime();
          for (const pause of pauses) {
            at += pause;
            const own = { ...rules, maxPerDay };
            if (decideRollback(state({ rollbacks }), own, new Date(at)).action === "RollBack")
              rollbacks.push(new Date(at));
          }
          for (const last of rollbacks) {
            const day = rollbacks.filter((one) => one <= last && last.getTime() - one.getTime() < 24 * hour);
            assert.ok(day.length <= maxPerDay);
          }
        },
      ),
    );
  });
});
