import assert from "node:assert/strict";
import fc from "fast-check";
import { EvidenceDecision, type VerdictStatus } from "../../../src/api/index.ts";
import { identityOf } from "../../../src/governance/facts.ts";
import { grantFact, quarantineFact, refusalFact, verdictFact } from "../../../src/governance/index.ts";
import { digest, start, why } from "./support/build.ts";

const status: VerdictStatus = {
  outcome: "Verified",
  reason: "Verified",
  message: "said",
  digest: digest(1),
  signers: [{ policy: "release", authority: "team", keyFingerprint: "k" }],
  policies: [{ name: "release", generation: 1 }],
  trustFingerprint: "t",
  verifiedAt: "2026-01-01T00:00:00Z",
  recheckAfter: "2026-01-01T01:00:00Z",
  notAfter: "2026-01-02T00:00:00Z",
};
const about = { reference: "registry.example/iris:v1", name: "registry.example/iris" };
const identity = (changed: Partial<VerdictStatus>) =>
  identityOf(verdictFact({ ...status, ...changed }, about).decision);

describe("what is decided", () => {
  it("is the same while only words and times are others", () => {
    const same = identity({});
    for (const changed of [
      { message: "said in other words" },
      { verifiedAt: "2026-01-01T01:00:00Z", notAfter: "2026-01-03T00:00:00Z" },
      { recheckAfter: "2026-01-05T00:00:00Z" },
      { warnings: ["policy strict would refuse it"] },
    ])
      assert.equal(identity(changed), same, JSON.stringify(changed));
  });

  it("is another one when anything else is", () => {
    const others: readonly Partial<VerdictStatus>[] = [
      {},
      { outcome: "Rejected", reason: "NoSignature" },
      { reason: "Other" },
      { digest: digest(2) },
      { signers: [] },
      { policies: [{ name: "release", generation: 2 }] },
      { trustFingerprint: "u" },
      { attestations: [{ policy: "release", name: "scan", authority: "team" }] },
      { exception: { action: "hotfix", approver: "ann", notAfter: "2026-01-02T00:00:00Z" } },
    ];
    assert.equal(new Set(others.map(identity)).size, others.length);
  });

  it("names who broke the glass, and leaves out what a record has no place for", () => {
    const exception = { action: "hotfix", approver: "ann", notAfter: "2026-01-02T00:00:00Z" };
    const { decision } = verdictFact({ ...status, exception, future: "unknown" } as VerdictStatus, about);
    assert.ok(decision.type === "Verdict");
    assert.deepEqual(decision.exception, exception);
    assert.ok(EvidenceDecision.safeParse(decision).success);
    assert.ok(!("future" in decision) && !("recheckAfter" in decision));
  });

  it("is of the documented form, whatever messages and how many digests there are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 5_000 }), fc.nat({ max: 600 }), (message, count) => {
        const granted = Array.from({ length: count }, (_, n) => ({
          name: "registry.example/iris",
          digest: `sha256:${n.toString(16).padStart(64, "0")}`,
          uses: ["imageVolume"],
          notAfter: start,
        }));
        for (const { decision } of [
          verdictFact({ ...status, message }, about),
          grantFact(granted, { reason: "NoSignature", message }),
          quarantineFact({ since: start.toISOString(), reason: "NoSignature", message }),
          refusalFact({ reason: "PodRefused", message }),
        ])
          assert.ok(EvidenceDecision.safeParse(decision).success, JSON.stringify(decision).slice(0, 200));
      }),
      { numRuns: 30 },
    );
  });

  it("says what is left out of a grant that is too long for one record", () => {
    const granted = Array.from({ length: 600 }, (_, n) => ({
      name: "a",
      digest: `sha256:${n.toString(16).padStart(64, "0")}`,
      uses: ["container"],
      notAfter: start,
    }));
    const { decision } = grantFact(granted, why);
    assert.ok(decision.type === "Grant");
    assert.deepEqual([decision.digests.length, decision.omitted], [512, 88]);
  });
});
