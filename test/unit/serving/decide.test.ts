import assert from "node:assert/strict";
import fc from "fast-check";
import { type Observed, decideServing } from "../../../src/serving/index.ts";

const base = {
  verdict: { reason: "NoSignature", message: "sign it" },
  ungrantedImages: [],
  living: true,
  started: false,
  rolledOut: false,
  replicas: 1,
};
const done = { started: true, rolledOut: true };
const view = (name: string, standing: "Admit" | "KeepOnly" | "Quarantine") => ({ name, standing });

const cases: Record<string, { observed: Observed; grant: string[]; run?: string; ready: string }> = {
  "a verified first version starts": {
    observed: { ...base, desired: view("a", "Admit") },
    grant: ["a"],
    run: "a",
    ready: "RollingOut",
  },
  "a rolled out version is ready": {
    observed: { ...base, desired: view("a", "Admit"), active: view("a", "Admit"), ...done },
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
    observed: { ...base, desired: view("a", "KeepOnly"), active: view("a", "KeepOnly"), ...done },
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
  "a half rolled out version stays while the registry is down": {
    observed: { ...base, desired: view("b", "KeepOnly"), active: view("a", "Admit"), started: true },
    grant: ["a", "b"],
    run: "b",
    ready: "RollingOut",
  },
  "a version that was torn down is not started on an old verdict": {
    observed: { ...base, living: false, desired: view("a", "KeepOnly"), active: view("a", "KeepOnly") },
    grant: [],
    ready: "NoSignature",
  },
  "a version that was torn down is not started past a hold": {
    observed: {
      ...base,
      living: false,
      desired: view("a", "Admit"),
      active: view("a", "Admit"),
      hold: { reason: "NamespaceNotSecured", message: "x" },
    },
    grant: [],
    ready: "NamespaceNotSecured",
  },
  "a hold shows on what serves, and leaves it": {
    observed: {
      ...base,
      ...done,
      desired: view("a", "Admit"),
      active: view("a", "Admit"),
      hold: { reason: "NamespaceNotServing", message: "x" },
    },
    grant: ["a"],
    run: "a",
    ready: "NamespaceNotServing",
  },
  "no replicas are asked for": {
    observed: { ...base, ...done, replicas: 0, desired: view("a", "Admit") },
    grant: ["a"],
    run: "a",
    ready: "ScaledToZero",
  },
  "another revision of the same name is not run": {
    observed: { ...base, active: view("a", "Admit"), conflict: { reason: "RevisionConflict", message: "x" } },
    grant: ["a"],
    run: "a",
    ready: "RevisionConflict",
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
      fc.property(
        revision,
        revision,
        fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
        (desired, other, flags) => {
          const [ungranted = false, living = false, started = false, rolledOut = false] = flags;
          // One revision has one standing.
          const active = other !== undefined && other.name === desired?.name ? desired : other;
          const plan = decideServing({
            ...base,
            ...(desired === undefined ? {} : { desired }),
            ...(active === undefined ? {} : { active }),
            living,
            started: living && started,
            rolledOut: living && started && rolledOut,
            ungrantedImages: ungranted ? ["x"] : [],
          });
          const standings = new Map<string, string>(
            [active, desired].flatMap((one) => (one === undefined ? [] : [[one.name, one.standing]])),
          );
          for (const name of plan.grant) assert.notEqual(standings.get(name), "Quarantine");
          if (plan.run !== undefined) assert.ok(plan.grant.includes(plan.run));
          // What does not run yet needs more than what does.
          const runs = living && (plan.run === active?.name || started);
          if (plan.run !== undefined && !runs) assert.equal(standings.get(plan.run), "Admit");
        },
      ),
    );
  });
});
