import assert from "node:assert/strict";
import { type Evidence, accountsOf } from "../../../../src/cli/account/account.ts";
import { missingFor } from "../../../../src/cli/account/missing.ts";
import { policyNodes } from "../../../../src/cli/account/nodes.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { node, tree } from "../../../../src/cli/render/tree.ts";
import { exitStatus, reportOf } from "../../../../src/cli/verify/decide.ts";
import { render } from "../../../../src/cli/verify/render.ts";
import { VerifyReport } from "../../../../src/cli/verify/schema.ts";
import { compileExpression } from "../../../../src/trust/expression.ts";
import { decideVerdict, type ResolvedPolicy, type SignatureFact } from "../../../../src/trust/index.ts";
import { artifact, backup, bundle, digestOf, fact, name, now, policy, release } from "../../trust/support/build.ts";

const predicateType = "https://example.com/evaluation";
const attestation = bundle({ kind: "Attestation", predicateType, predicate: { score: 0.5 } }, digestOf("d"));

function expression(text: string) {
  const compiled = compileExpression(text);
  assert.ok(compiled.ok);
  return { expression: compiled.expression };
}

function wanting(...conditions: readonly string[]): Partial<ResolvedPolicy> {
  const wanted = {
    name: "evaluation",
    predicateType,
    threshold: 1,
    match: "Any",
    conditions: conditions.map(expression),
  };
  return { attestations: [wanted as ResolvedPolicy["attestations"][number]] };
}

function evidence(...signatureFacts: readonly SignatureFact[]): Evidence {
  return {
    artifact: artifact({ bundles: [bundle(), attestation], content: [] }),
    facts: { signatureFacts, timeFacts: [] },
  };
}

const signed = fact();
const attested = fact({ bundleDigest: digestOf("d") });
const question = (...policies: readonly ResolvedPolicy[]) => ({
  policies,
  namespace: "prod",
  name,
  use: "Image" as const,
  now,
});

describe("a verdict taken apart", () => {
  const two = policy({ threshold: 2, authorities: [...policy().authorities, { name: "audit", key: backup }] });
  const unsigned = fact({ by: backup.fingerprint, outcome: "invalid" });

  it("says of each authority whether it vouches, by which bundle", () => {
    const accounts = accountsOf(question(two), evidence(signed, unsigned));
    const [account] = accounts;
    assert.deepEqual(
      account?.authorities.map(({ name: authority, state, signatures }) => [
        authority,
        state,
        signatures.map((one) => one.bundle),
      ]),
      [
        ["release", "Vouches", [digestOf("b")]],
        ["audit", "DoesNotVouch", []],
      ],
    );
    assert.deepEqual(missingFor(accounts), ["policy signed: 1 of 2 signatures; missing: audit"]);
  });

  it("does not take a check that was not made for an answer", () => {
    const [account] = accountsOf(question(policy()), evidence());
    assert.deepEqual([account?.authorities[0]?.state, account?.outcome], ["Unknown", "Indeterminate"]);
  });

  it("names the key that cannot be used", () => {
    const broken = policy({ authorities: [{ name: "release", problem: "no such Secret" }] });
    const [account] = accountsOf(question(broken), evidence(signed));
    assert.deepEqual(
      [account?.authorities[0]?.state, account?.authorities[0]?.notes],
      ["Unusable", ["no such Secret"]],
    );
  });

  it("heeds the deny list of any policy that covers, as the decision does", () => {
    const denying = policy({ name: "denying", deniedKeys: new Set([release.fingerprint]) });
    const accounts = accountsOf(question(policy(), denying), evidence(signed));
    assert.deepEqual(
      accounts.map(({ outcome, reason }) => [outcome, reason]),
      [
        ["Rejected", "SignerDenied"],
        ["Rejected", "SignerDenied"],
      ],
    );
  });

  it("gives each condition with its value", () => {
    const conditions = ["predicate.score >= 0.4", "predicate.score >= 0.9", "predicate.absent == 1"];
    const accounts = accountsOf(question(policy(wanting(...conditions))), evidence(signed, attested));
    const [statement] = accounts[0]?.attestations[0]?.statements ?? [];
    assert.deepEqual(
      [statement?.counts, statement?.conditions.map(({ value }) => value)],
      [false, ["True", "False", "Failed"]],
    );
    const text = tree(node("root", "plain", policyNodes(accounts)), noPaint);
    assert.match(text, /\[ok\] predicate\.score >= 0\.4 is true\n/);
    assert.match(text, /\[no\] predicate\.score >= 0\.9 is false\n/);
    assert.match(
      missingFor(accounts).join(),
      /attestation evaluation, 0 of 1 by release; predicate\.score >= 0\.9 is false \(by release\)/,
    );
  });

  it("says why the others have no say", () => {
    const accounts = accountsOf(
      question(policy({ name: "z", namespaces: ["dev-*"] }), policy(), policy({ name: "a", references: ["x/**"] })),
      evidence(signed),
    );
    assert.deepEqual(
      accounts.map((account) => [account.name, account.covers, account.whyNot]),
      [
        ["signed", true, undefined],
        ["a", false, "its scope is x/**"],
        ["z", false, "it is for the namespaces dev-*"],
      ],
    );
  });

  it("agrees with the verdict, whatever the facts are", () => {
    for (const policies of [
      [policy()],
      [two],
      [policy(wanting("predicate.score >= 0.9"))],
      [policy(), { ...two, name: "two" }],
    ])
      for (const facts of [[], [signed], [signed, unsigned], [signed, attested, fact({ by: backup.fingerprint })]]) {
        const { artifact: found, facts: known } = evidence(...facts);
        const verdict = decideVerdict({ ...question(...policies), artifact: found, required: [], ...known });
        const outcomes = accountsOf(question(...policies), evidence(...facts)).map(({ outcome }) => outcome);
        const worst =
          (["Rejected", "Indeterminate"] as const).find((outcome) => outcomes.includes(outcome)) ?? "Verified";
        assert.equal(verdict.outcome, worst, `${policies.map((one) => one.name).join()}: ${verdict.message}`);
      }
  });
});

describe("the report of mlsecops verify", () => {
  const report = (facts: readonly SignatureFact[]) => {
    const { artifact: found, facts: known } = evidence(...facts);
    const verdict = decideVerdict({ ...question(policy()), artifact: found, required: [], ...known });
    const accounts = accountsOf(question(policy()), evidence(...facts));
    return VerifyReport.strict().parse(reportOf({ reference: `${name}:v1`, namespace: "prod" }, verdict, accounts));
  };

  it("Verified: with signers and until when", () => {
    const verified = report([signed]);
    assert.equal(exitStatus(verified), 0);
    const text = render(verified, noPaint);
    assert.match(text, /^outcome +Verified\n/);
    assert.match(text, /^valid until +2026-03-02T12:00:00\.000Z \(in 24 h\)$/m);
    assert.match(text, /^signed +release +sha256:[a-f0-9]{64} +not proven$/m);
  });

  it("Rejected: with what is missing", () => {
    const rejected = report([fact({ outcome: "invalid" })]);
    assert.equal(exitStatus(rejected), 1);
    assert.match(render(rejected, noPaint), /\nmissing\n +policy signed: 0 of 1 signatures; missing: release\n$/);
  });

  it("Indeterminate: neither", () => {
    assert.equal(exitStatus(report([])), 3);
  });
});
