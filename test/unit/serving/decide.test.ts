import assert from "node:assert/strict";
import fc from "fast-check";
import { type Observed, decideServing } from "../../../src/serving/index.ts";

const base = { verdict: { reason: "NoSignature", message: "sign it" }, ungrantedImages: [], rolledOut: false };
const view = (name: string, standing: "Admit" | "KeepOnly" | "Quarantine") => ({ name, standing });

const cases: Record<string, { observed: Observed; grant: string[]; run?: string; ready: string }> = {
  "a verified first version starts": {
    observed: { ...base, desired: view("a", "Admit") },
    grant: ["a"],
    run: "a",
    ready: "RollingOut",
  },
  "a rolled out version is ready": {
    observed: { ...base, desired: view("a", "Admit"), active: view("a", "Admit"), rolledOut: true },
    grant: ["a"],
    run: "a",
    ready: "Serving",
  },
  "a refused first version never runs": {
    observed: { ...base, desired: view("a", "Quarantine") },
    grant: [],
    ready: "NoSignature",
  },
  "a refused new version leaves the old one alone": {
    observed: { ...base, desired: view("b", "Quarantine"), active: view("a", "Admit") },
    grant: ["a"],
    run: "a",
    ready: "NoSignature",
  },
  "an indeterminate new version does not start": {
    observed: { ...base, desired: view("b", "KeepOnly"), active: view("a", "Admit") },
    grant: ["a"],
    run: "a",
    ready: "NoSignature",
  },
  "an indeterminate running version stays": {
    observed: { ...base, desired: view("a", "KeepOnly"), active: view("a", "KeepOnly"), rolledOut: true },
    grant: ["a"],
    run: "a",
    ready: "Serving",
  },
  "a revoked running version is quarantined": {
    observed: { ...base, desired: view("a", "Quarantine"), active: view("a", "Quarantine"), rolledOut: true },
    grant: [],
    ready: "NoSignature",
  },
  "during a rollout both are granted": {
    observed: { ...base, desired: view("b", "Admit"), active: view("a", "Admit") },
    grant: ["a", "b"],
    run: "b",
    ready: "RollingOut",
  },
  "an ungranted runtime holds the start": {
    observed: { ...base, desired: view("a", "Admit"), ungrantedImages: ["r@sha256:1"] },
    grant: [],
    ready: "RuntimeNotGranted",
  },
  "a changed admission policy holds a promotion": {
    observed: {
      ...base,
      desired: view("b", "Admit"),
      active: view("a", "Admit"),
      hold: { reason: "PoliciesChanged", message: "x" },
    },
    grant: ["a"],
    run: "a",
    ready: "PoliciesChanged",
  },
};

describe("Serving decision", () => {
  for (const [name, { observed, grant, run, ready }] of Object.entries(cases)) {
    it(name, () => {
      const plan = decideServing(observed);
      assert.deepEqual([...plan.grant].sort(), grant);
      assert.equal(plan.run, run);
      assert.equal(plan.ready.reason, ready);
    });
  }

  it("takes reason and message from a verdict and nothing else: a condition has no other fields", () => {
    const verdict = { ...base.verdict, outcome: "Rejected", digest: "sha256:1" };
    const { ready } = decideServing({ ...base, verdict, desired: view("a", "Quarantine") });
    assert.deepEqual(ready, { status: "False", reason: "NoSignature", message: "sign it" });
  });

  it("never grants or runs what must not run, and runs only what it grants", () => {
    const standing = fc.constantFrom("Admit" as const, "KeepOnly" as const, "Quarantine" as const);
    const revision = fc.option(fc.record({ name: fc.constantFrom("a", "b"), standing }), { nil: undefined });
    fc.assert(
      fc.property(revision, revision, fc.boolean(), fc.boolean(), (desired, other, rolledOut, ungranted) => {
        // One revision has one standing.
        const active = other !== undefined && other.name === desired?.name ? desired : other;
        const plan = decideServing({
          ...base,
          ...(desired === undefined ? {} : { desired }),
          ...(active === undefined ? {} : { active }),
          rolledOut,
          ungrantedImages: ungranted ? ["x"] : [],
        });
        const standings = new Map<string, string>(
          [active, desired].flatMap((one) => (one === undefined ? [] : [[one.name, one.standing]])),
        );
        for (const name of plan.grant) assert.notEqual(standings.get(name), "Quarantine");
        if (plan.run !== undefined) assert.ok(plan.grant.includes(plan.run));
        if (plan.run !== undefined && plan.run !== active?.name) assert.equal(standings.get(plan.run), "Admit");
      }),
    );
  });
});
