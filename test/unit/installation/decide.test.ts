import assert from "node:assert/strict";
import { type Facts, decide, exitStatus, render } from "../../../src/installation/decide.ts";
import { readOptions } from "../../../src/installation/options.ts";

const refused =
  "ValidatingAdmissionPolicy 'mlsecops-operator-records' with binding 'mlsecops-operator-records' denied request";
const well: Facts = {
  missingKinds: { value: [] },
  policyProblems: { value: [] },
  pods: {
    value: [
      { name: "a", isReady: true },
      { name: "b", isReady: false },
    ],
  },
  leader: { value: { holder: "a", isRenewed: true } },
  forgery: { value: { accepted: false, message: refused } },
};

describe("the check of an installation", () => {
  it("finds nothing where all is well", () => {
    const checks = decide(well);
    assert.deepEqual(
      checks.map(({ name, outcome }) => [name, outcome]),
      ["kinds", "admission policies", "operator", "leader", "door"].map((name) => [name, "ok"]),
    );
    assert.equal(exitStatus(checks), 0);
    assert.match(render(checks), /^operator +ok +1 of 2 pods are ready$/m);
  });

  it("asks for no leader where nobody has to lead", () => {
    assert.equal(
      decide({ ...well, leader: undefined }).some(({ name }) => name === "leader"),
      false,
    );
  });

  const lacking: readonly (readonly [string, Partial<Facts>, RegExp])[] = [
    ["kinds", { missingKinds: { value: ["securemodels.mlsecops.io"] } }, /securemodels\.mlsecops\.io; install/],
    ["admission policies", { policyProblems: { value: ["X a was changed"] } }, /X a was changed; install/],
    ["operator", { pods: { value: [] } }, /0 of 0/],
    ["operator", { pods: { value: [{ name: "a", isReady: false }] } }, /0 of 1/],
    ["leader", { leader: { value: { holder: "", isRenewed: false } } }, /nobody/],
    ["leader", { leader: { value: { holder: "gone", isRenewed: false } } }, /nobody/],
    ["door", { forgery: { value: { accepted: true, message: "" } } }, /was accepted/],
  ];
  for (const [name, change, expected] of lacking)
    it(`says what is wrong with: ${name}, ${String(expected)}`, () => {
      const checks = decide({ ...well, ...change });
      const found = checks.filter(({ outcome }) => outcome !== "ok");
      assert.deepEqual(
        found.map((check) => [check.name, check.outcome]),
        [[name, "lacking"]],
      );
      assert.match(found[0]?.message ?? "", expected);
      assert.equal(exitStatus(checks), 1);
      assert.match(render(checks), new RegExp(`^${name} +LACKING`, "m"));
    });

  it("does not take silence for an answer, nor a refusal by others for the door's", () => {
    const silent = { unknown: "no answer" };
    const checks = decide({
      missingKinds: silent,
      policyProblems: silent,
      pods: silent,
      leader: silent,
      forgery: { value: { accepted: false, message: "admissiongrants is forbidden: User cannot create" } },
    });
    assert.ok(checks.every(({ outcome }) => outcome === "unknown"));
    assert.equal(exitStatus(checks), 3);
    assert.match(
      render(checks),
      /^door +cannot tell +the forged grant was refused by something else: admissiongrants/m,
    );
  });
});

describe("the flags of the installation's check", () => {
  it("say whose installation it is", () => {
    assert.deepEqual(readOptions(["--operator-namespace=a", "--pod-selector=b=c", "--leader-elect=false"], "lease"), {
      identity: { namespace: "a", serviceAccount: "mlsecops-operator", kserve: undefined },
      lease: "lease",
      podSelector: "b=c",
      leaderElect: false,
    });
  });

  it("are named where they are wrong", () => {
    assert.throws(() => readOptions(["--operator-namespace=a"], "lease"), /--pod-selector/);
    assert.throws(
      () => readOptions(["--operator-namespace=a", "--pod-selector=b", "--leader-elect=yes"], "lease"),
      /--leader-elect/,
    );
    assert.throws(() => readOptions(["--namespace=a"], "lease"), /--namespace/);
  });
});
