import assert from "node:assert/strict";
import { decideVerdict, effectiveStanding, type Exception, toVerdictStatus } from "../../../src/trust/index.ts";
import type { DecisionInput } from "../../../src/trust/index.ts";
import { artifact, bundle, digest, digestOf, fact, hour, later, name, now, policy, stranger } from "./support/build.ts";

const glass: Exception = {
  name: "incident",
  digest,
  approver: "jane@example.com",
  reason: "INC-4711, the signing service is down",
  notAfter: later(hour),
};

function decide(overrides: Partial<DecisionInput>) {
  return decideVerdict({
    artifact: artifact(),
    namespace: "prod",
    use: "Image",
    policies: [policy()],
    required: [],
    signatureFacts: [fact({ outcome: "invalid" })],
    exceptions: [glass],
    now,
    ...overrides,
  });
}

describe("a broken glass", () => {
  it("allows what the policies refuse, says so, and ends with the action", () => {
    const verdict = decide({});
    assert.equal(verdict.outcome, "Verified");
    assert.equal(verdict.reason, "BreakGlass");
    assert.match(verdict.message, /jane@example\.com until .* INC-4711.*without it: UntrustedSigner/);
    assert.deepEqual(verdict.signers, []);
    assert.deepEqual(verdict.notAfter, glass.notAfter);
    assert.deepEqual(verdict.recheckAfter, glass.notAfter);
    assert.equal(effectiveStanding(verdict, now), "Admit");
    assert.deepEqual(toVerdictStatus(verdict).exception, {
      action: "incident",
      approver: "jane@example.com",
      notAfter: glass.notAfter.toISOString(),
    });
  });

  it("takes no part where the policies agree", () => {
    const verdict = decide({ signatureFacts: [fact()] });
    assert.equal(verdict.reason, "Verified");
    assert.equal(toVerdictStatus(verdict).exception, undefined);
  });

  it("bridges what nobody can find out, such as a registry that is down", () => {
    const unavailable = { state: "Unavailable", name, digest, reason: "RegistryUnavailable", message: "down" } as const;
    assert.equal(decide({ artifact: unavailable }).reason, "BreakGlass");
  });

  it("leaves nothing behind when it ends", () => {
    const before = toVerdictStatus(decide({}));
    const down = { state: "Unavailable", name, digest, reason: "RegistryUnavailable", message: "down" } as const;
    const verdict = decide({ artifact: down, previous: before, exceptions: [], now: later(2 * hour) });
    assert.equal(verdict.outcome, "Indeterminate");
    assert.equal(effectiveStanding(verdict, later(2 * hour)), "Quarantine");
  });

  it("counts by the action that lasts longest", () => {
    const longer = { ...glass, name: "longer", notAfter: later(2 * hour) };
    const verdict = decide({ exceptions: [glass, longer, { ...glass, name: "short", notAfter: later(1000) }] });
    assert.equal(toVerdictStatus(verdict).exception?.action, "longer");
  });

  const others: readonly (readonly [what: string, overrides: Partial<DecisionInput>, reason: string])[] = [
    ["of another digest", { exceptions: [{ ...glass, digest: digestOf("9") }] }, "UntrustedSigner"],
    ["that has ended", { exceptions: [{ ...glass, notAfter: now }] }, "UntrustedSigner"],
    ["for a denied digest", { policies: [policy({ denied: new Set([digest]) })] }, "DigestDenied"],
    [
      "for a denied key",
      { signatureFacts: [fact()], policies: [policy({ deniedKeys: new Set([fact().by]) })] },
      "SignerDenied",
    ],
    [
      "for content that was tampered with",
      { artifact: artifact({ layers: { state: "Mismatch", layer: digestOf("e"), message: "altered" } }) },
      "LayerDigestMismatch",
    ],
    [
      "for a forged signature",
      { artifact: artifact({ bundles: [bundle({ signedBy: { kind: "Key", hint: fact().by } })] }) },
      "InvalidSignature",
    ],
    [
      "for what the registry has not",
      { artifact: { state: "Refused", name, digest, reason: "ArtifactNotFound", message: "gone" } },
      "ArtifactNotFound",
    ],
  ];
  for (const [what, overrides, reason] of others) {
    it(`opens nothing ${what}`, () => {
      const verdict = decide(overrides);
      assert.deepEqual([verdict.outcome, verdict.reason], ["Rejected", reason]);
    });
  }

  it("does not count towards a number of signers", () => {
    const two = policy({
      threshold: 2,
      authorities: [
        { name: "release", key: stranger },
        { name: "second", key: stranger },
      ],
    });
    assert.equal(decide({ policies: [two], signatureFacts: [], exceptions: [] }).outcome, "Indeterminate");
  });
});
