import assert from "node:assert/strict";
import fc from "fast-check";
import { VerdictStatus } from "../../../src/api/verdict.ts";
import { SIGNATURE_PREDICATE_TYPE } from "../../../src/trust/bundle.ts";
import {
  decideVerdict,
  effectiveStanding,
  toVerdictStatus,
  trustFingerprint,
  unreadablePolicy,
  type ArtifactState,
  type DecisionInput,
  type ResolvedPolicy,
  type Verdict,
} from "../../../src/trust/index.ts";
import {
  artifact,
  backup,
  bundle,
  digest,
  digestOf,
  fact,
  hour,
  later,
  name,
  now,
  policy,
  release,
  stranger,
  validity,
} from "./support/build.ts";

const platform = digestOf("d");

function decide(overrides: Partial<DecisionInput> = {}): Verdict {
  return decideVerdict({
    artifact: artifact(),
    namespace: "prod",
    use: "Image",
    policies: [policy()],
    required: [],
    signatureFacts: [fact()],
    now,
    ...overrides,
  });
}

const unavailable: ArtifactState = {
  state: "Unavailable",
  name,
  digest,
  reason: "RegistryUnavailable",
  message: "registry.example.com did not answer",
};
const refused: ArtifactState = {
  state: "Refused",
  name,
  digest,
  reason: "ArtifactNotFound",
  message: "registry.example.com has it not",
};
const nobody = policy({ authorities: [] });
const broken = policy({ authorities: [{ name: "release", problem: "there is no Secret release-key" }] });
const half = policy({
  authorities: [
    { name: "old", problem: "there is no Secret old-key" },
    { name: "release", key: release },
  ],
});
const warn = policy({ name: "watch", mode: "Warn", authorities: [{ name: "backup", key: backup }] });
const elsewhere = policy({ name: "elsewhere", references: ["other.example.com/**"] });
const unreadable = unreadablePolicy("odd", 3, "spec.mode: Invalid option");
const invalid = fact({ outcome: "invalid" });

interface Case {
  readonly what: string;
  readonly input: Partial<DecisionInput>;
  readonly outcome: Verdict["outcome"];
  readonly reason: Verdict["reason"];
  readonly message?: RegExp;
}

const cases: readonly Case[] = [
  {
    what: "a signature by a trusted key",
    input: {},
    outcome: "Verified",
    reason: "Verified",
    message: /signed by release \(policy signed, key sha256:/,
  },
  {
    what: "a reference that is none",
    input: { artifact: { state: "Refused", reason: "InvalidReference", message: "write it like …" } },
    outcome: "Rejected",
    reason: "InvalidReference",
    message: /write it like/,
  },

  // Deny lists
  {
    what: "a denied digest, whoever signed",
    input: { policies: [policy({ denied: new Set([digest]) })] },
    outcome: "Rejected",
    reason: "DigestDenied",
    message: /is on the deny list of policy signed; use another version/,
  },
  {
    what: "a denied digest of one policy among several",
    input: { policies: [policy(), policy({ name: "zz", denied: new Set([digest]) })] },
    outcome: "Rejected",
    reason: "DigestDenied",
    message: /policy zz/,
  },
  {
    what: "a denied platform of an index",
    input: { artifact: artifact({ platformDigests: [platform] }), policies: [policy({ denied: new Set([platform]) })] },
    outcome: "Rejected",
    reason: "DigestDenied",
    message: /which is part of sha256:a/,
  },
  {
    what: "a denied digest while the registry is down",
    input: { artifact: unavailable, policies: [policy({ denied: new Set([digest]) })] },
    outcome: "Rejected",
    reason: "DigestDenied",
  },
  {
    what: "a denied digest before a missing policy",
    input: { policies: [policy({ denied: new Set([digest]) })], required: ["absent"] },
    outcome: "Rejected",
    reason: "DigestDenied",
  },
  {
    what: "a digest denied by a policy that does not cover the artifact",
    input: { policies: [policy(), { ...elsewhere, denied: new Set([digest]) }] },
    outcome: "Verified",
    reason: "Verified",
  },
  {
    what: "a digest denied by a Warn policy only",
    input: { policies: [policy(), { ...warn, denied: new Set([digest]) }] },
    outcome: "Verified",
    reason: "Verified",
  },
  {
    what: "another digest denied",
    input: { policies: [policy({ denied: new Set([platform]) })] },
    outcome: "Verified",
    reason: "Verified",
  },

  // Which policies have a say
  {
    what: "no policy at all",
    input: { policies: [] },
    outcome: "Rejected",
    reason: "NoPolicy",
    message:
      /no ClusterTrustPolicy in mode Enforce covers registry\.example\.com\/models\/iris in namespace prod; create one/,
  },
  { what: "no policy for this name", input: { policies: [elsewhere] }, outcome: "Rejected", reason: "NoPolicy" },
  {
    what: "no policy for this namespace",
    input: { policies: [policy({ namespaces: ["dev", "test-*"] })] },
    outcome: "Rejected",
    reason: "NoPolicy",
  },
  {
    what: "a policy for this namespace by pattern",
    input: { policies: [policy({ namespaces: ["dev", "pr*"] })] },
    outcome: "Verified",
    reason: "Verified",
  },
  {
    what: "a Warn policy alone, satisfied",
    input: { policies: [policy({ mode: "Warn" })] },
    outcome: "Rejected",
    reason: "NoPolicy",
  },
  {
    what: "no policy while the registry is down",
    input: { policies: [], artifact: unavailable },
    outcome: "Rejected",
    reason: "NoPolicy",
  },
  { what: "a required policy that is there", input: { required: ["signed"] }, outcome: "Verified", reason: "Verified" },
  {
    what: "a required policy beside one that denies a key of nobody here",
    input: {
      policies: [policy(), policy({ name: "zz", deniedKeys: new Set([stranger.fingerprint]) })],
      required: ["signed"],
    },
    outcome: "Verified",
    reason: "Verified",
  },
  {
    what: "a required policy that is not there",
    input: { required: ["signed", "absent"] },
    outcome: "Rejected",
    reason: "PolicyMissing",
    message: /no ClusterTrustPolicy absent/,
  },
  {
    what: "a required policy that is not there, the registry down",
    input: { required: ["absent"], artifact: unavailable },
    outcome: "Rejected",
    reason: "PolicyMissing",
  },
  {
    what: "a required policy that does not cover the artifact",
    input: { policies: [policy(), elsewhere], required: ["elsewhere"] },
    outcome: "Rejected",
    reason: "OutOfScope",
    message: /references other\.example\.com\/\*\*; namespaces all/,
  },
  {
    what: "a required policy that does not cover the namespace",
    input: { policies: [policy(), policy({ name: "dev", namespaces: ["dev"] })], required: ["dev"] },
    outcome: "Rejected",
    reason: "OutOfScope",
    message: /namespaces dev\)/,
  },
  {
    what: "only a required policy in mode Warn",
    input: { policies: [policy({ mode: "Warn" })], required: ["signed"] },
    outcome: "Rejected",
    reason: "NoPolicy",
  },
  {
    what: "a required policy in mode Warn beside one in force",
    input: { policies: [policy(), warn], required: ["watch"] },
    outcome: "Verified",
    reason: "Verified",
  },
  {
    what: "a second policy in force that is not satisfied",
    input: {
      policies: [policy(), policy({ name: "zz", authorities: [{ name: "backup", key: backup }] })],
      signatureFacts: [fact(), fact({ by: backup.fingerprint, outcome: "invalid" })],
    },
    outcome: "Rejected",
    reason: "UntrustedSigner",
    message: /policy zz/,
  },
  {
    what: "two policies in force, both satisfied",
    input: { policies: [policy(), policy({ name: "zz" })] },
    outcome: "Verified",
    reason: "Verified",
    message: /policy signed.*policy zz/,
  },

  // Policies that cannot be satisfied
  {
    what: "a policy without authorities",
    input: { policies: [nobody] },
    outcome: "Rejected",
    reason: "NoAuthorities",
    message: /add one to its spec\.authorities/,
  },
  {
    what: "a policy without authorities, the registry down",
    input: { policies: [nobody], artifact: unavailable },
    outcome: "Rejected",
    reason: "NoAuthorities",
  },
  {
    what: "a policy without a usable key",
    input: { policies: [broken] },
    outcome: "Rejected",
    reason: "PolicyNotReady",
    message: /authority release: there is no Secret release-key/,
  },
  { what: "a policy with one key of two", input: { policies: [half] }, outcome: "Verified", reason: "Verified" },
  {
    what: "a policy with one key of two, which did not sign",
    input: { policies: [half], signatureFacts: [invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
    message: /authority old: there is no Secret old-key/,
  },
  {
    what: "a policy that cannot be read, alone",
    input: { policies: [unreadable] },
    outcome: "Indeterminate",
    reason: "PolicyUnreadable",
    message: /policy odd cannot be read.*spec\.mode/,
  },
  {
    what: "a policy that cannot be read, beside one that is satisfied",
    input: { policies: [policy(), unreadable] },
    outcome: "Indeterminate",
    reason: "PolicyUnreadable",
  },
  {
    what: "a policy that cannot be read, beside one that refuses",
    input: { policies: [unreadable, policy()], signatureFacts: [invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
  {
    what: "a policy that cannot be read, the registry down",
    input: { policies: [unreadable], artifact: unavailable },
    outcome: "Indeterminate",
    reason: "RegistryUnavailable",
  },

  // The artifact
  {
    what: "an artifact that is not there",
    input: { artifact: refused },
    outcome: "Rejected",
    reason: "ArtifactNotFound",
    message: /has it not/,
  },
  {
    what: "a registry that does not answer",
    input: { artifact: unavailable },
    outcome: "Indeterminate",
    reason: "RegistryUnavailable",
    message: /did not answer; nothing is admitted until this is known/,
  },
  {
    what: "a registry that refuses",
    input: { artifact: { ...unavailable, reason: "RegistryUnauthorized" } },
    outcome: "Indeterminate",
    reason: "RegistryUnauthorized",
  },
  {
    what: "a layer that is not what the manifest says",
    input: { artifact: artifact({ layers: { state: "Mismatch", layer: digest, message: "the blob was altered" } }) },
    outcome: "Rejected",
    reason: "LayerDigestMismatch",
    message: /altered/,
  },
  {
    what: "layers that were too large to read through",
    input: { artifact: artifact({ layers: { state: "NotChecked" } }) },
    outcome: "Verified",
    reason: "Verified",
  },

  // Signatures
  {
    what: "nothing attached",
    input: { artifact: artifact({ bundles: [] }), signatureFacts: [] },
    outcome: "Rejected",
    reason: "NoSignature",
    message:
      /sign it as release \(sha256:[0-9a-f]{64}\): cosign sign --key KEY registry\.example\.com\/models\/iris@sha256:a{64}$/,
  },
  {
    what: "only an attestation attached",
    input: { artifact: artifact({ bundles: [bundle({ kind: "NotRead", predicateType: "x" })] }) },
    outcome: "Rejected",
    reason: "NoSignature",
  },
  {
    what: "a signature by a stranger",
    input: { signatureFacts: [invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
    message: /signed by nobody whom policy signed trusts; trusted are release/,
  },
  {
    what: "a signature by a stranger who is named",
    input: {
      artifact: artifact({ bundles: [bundle({ signedBy: { kind: "Key", hint: stranger.fingerprint } })] }),
      signatureFacts: [invalid],
    },
    outcome: "Rejected",
    reason: "UntrustedSigner",
    message: new RegExp(`but by the key ${stranger.fingerprint}`),
  },
  {
    what: "more attached than is looked at",
    input: { artifact: artifact({ leftOut: 7 }), signatureFacts: [invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
    message: /7 more bundles are attached/,
  },
  {
    what: "a signature that names a trusted key but is not by it",
    input: {
      artifact: artifact({ bundles: [bundle({ signedBy: { kind: "Key", hint: release.fingerprint } })] }),
      signatureFacts: [invalid],
    },
    outcome: "Rejected",
    reason: "InvalidSignature",
    message: /damaged or forged/,
  },
  {
    what: "a signature of another digest",
    input: {
      artifact: artifact({
        bundles: [bundle({ kind: "OtherDigest", subjects: [platform], predicateType: SIGNATURE_PREDICATE_TYPE })],
      }),
    },
    outcome: "Rejected",
    reason: "InvalidSignature",
    message: /not about it but about sha256:d/,
  },
  {
    what: "a valid fact about a bundle whose statement is of another digest",
    input: {
      artifact: artifact({
        bundles: [bundle({ kind: "OtherDigest", subjects: [platform], predicateType: SIGNATURE_PREDICATE_TYPE })],
      }),
      signatureFacts: [fact()],
    },
    outcome: "Rejected",
    reason: "InvalidSignature",
  },
  {
    what: "an attestation of another digest",
    input: {
      artifact: artifact({
        bundles: [bundle({ kind: "OtherDigest", subjects: [platform], predicateType: "https://example.com/x" })],
      }),
    },
    outcome: "Rejected",
    reason: "NoSignature",
  },
  {
    what: "something damaged attached",
    input: { artifact: artifact({ bundles: [bundle({ kind: "Malformed", problem: "it is not a Sigstore bundle" })] }) },
    outcome: "Rejected",
    reason: "InvalidSignature",
    message: /not a usable signature: it is not a Sigstore bundle/,
  },
  {
    what: "a valid fact about another artifact",
    input: { signatureFacts: [fact({ digest: platform }), invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
  {
    what: "a valid fact about a bundle that is not attached",
    input: { signatureFacts: [fact({ bundleDigest: platform }), invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
  {
    what: "a valid fact about a key that no policy has",
    input: { signatureFacts: [fact({ by: stranger.fingerprint }), invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
  {
    what: "two facts that contradict each other",
    input: { signatureFacts: [fact(), invalid] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
  {
    what: "two facts that contradict each other, the other way round",
    input: { signatureFacts: [invalid, fact()] },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
  {
    what: "a signature that could not be checked",
    input: { signatureFacts: [], verifierProblem: "cosign was killed" },
    outcome: "Indeterminate",
    reason: "VerifierUnavailable",
    message: /could not be checked: cosign was killed/,
  },
  {
    what: "a signature that nobody checked",
    input: { signatureFacts: [] },
    outcome: "Indeterminate",
    reason: "VerifierUnavailable",
    message: /has not been made/,
  },
  {
    what: "a signature that was checked with one of two keys only",
    input: {
      policies: [
        policy({
          authorities: [
            { name: "backup", key: backup },
            { name: "release", key: release },
          ],
        }),
      ],
      signatureFacts: [invalid],
    },
    outcome: "Indeterminate",
    reason: "VerifierUnavailable",
  },
  {
    what: "one signature that could not be checked beside a valid one",
    input: { artifact: artifact({ bundles: [bundle({}, digestOf("e")), bundle()] }) },
    outcome: "Verified",
    reason: "Verified",
  },
  {
    what: "one signature that could not be checked beside an invalid one",
    input: { artifact: artifact({ bundles: [bundle({}, digestOf("e")), bundle()] }), signatureFacts: [invalid] },
    outcome: "Indeterminate",
    reason: "VerifierUnavailable",
  },
  {
    what: "a policy that refuses beside one that could not be checked",
    input: {
      policies: [policy({ name: "aa", authorities: [{ name: "backup", key: backup }] }), policy()],
      signatureFacts: [invalid],
    },
    outcome: "Rejected",
    reason: "UntrustedSigner",
  },
];

describe("the decision", () => {
  for (const { what, input, outcome, reason, message } of cases) {
    it(`${what}: ${outcome} (${reason})`, () => {
      const verdict = decide(input);
      assert.deepEqual([verdict.outcome, verdict.reason], [outcome, reason], verdict.message);
      if (message !== undefined) assert.match(verdict.message, message);
      assert.ok(verdict.message.length <= 2048);
      VerdictStatus.parse(toVerdictStatus(verdict));
    });
  }

  it("names everything that a verified verdict rests on", () => {
    const strict = policy({
      name: "zz",
      generation: 7,
      validity: { recheckAfterMs: 2 * hour, validForMs: 12 * hour, onExpiry: "KeepRunning", maxGraceMs: hour },
    });
    const keep = policy({ validity: { ...validity, onExpiry: "KeepRunning" } });
    const verdict = decide({ policies: [strict, keep, elsewhere] });
    assert.ok(verdict.outcome === "Verified");
    assert.equal(verdict.digest, digest);
    assert.deepEqual(verdict.signers, [
      { policy: "signed", authority: "release", keyFingerprint: release.fingerprint },
      { policy: "zz", authority: "release", keyFingerprint: release.fingerprint },
    ]);
    assert.deepEqual(verdict.policies, [
      { name: "signed", generation: 1 },
      { name: "zz", generation: 7 },
    ]);
    assert.equal(verdict.trustFingerprint, trustFingerprint([keep, strict]));
    assert.deepEqual(verdict.verifiedAt, now);
    // The strictest of both counts, for each time by itself.
    assert.deepEqual(verdict.recheckAfter, later(hour));
    assert.deepEqual(verdict.notAfter, later(12 * hour));
    assert.deepEqual([verdict.onExpiry, verdict.graceUntil], ["KeepRunning", later(13 * hour)]);
    const quarantining = decide({ policies: [strict, policy()] });
    assert.ok(quarantining.outcome === "Verified");
    assert.equal(quarantining.onExpiry, "Quarantine");
  });

  it("names every key of a policy that signed", () => {
    const two = policy({
      authorities: [
        { name: "backup", key: backup },
        { name: "release", key: release },
      ],
    });
    const verdict = decide({ policies: [two], signatureFacts: [fact(), fact({ by: backup.fingerprint })] });
    assert.ok(verdict.outcome === "Verified");
    assert.deepEqual(
      verdict.signers.map(({ authority }) => authority),
      ["backup", "release"],
    );
  });

  it("says how many more policies refuse", () => {
    const others = ["a", "b", "c"].map((policyName) => policy({ name: policyName }));
    assert.match(decide({ policies: others, signatureFacts: [invalid] }).message, /\(2 more policies refuse it\)$/);
    assert.match(
      decide({ policies: others.slice(1), signatureFacts: [invalid] }).message,
      /\(1 more policy refuses it\)$/,
    );
  });

  it("looks again soon where a new signature would help, and later where it would not", () => {
    const at = (input: Partial<DecisionInput>): number => decide(input).recheckAfter.getTime() - now.getTime();
    assert.equal(at({ signatureFacts: [invalid] }), 60_000);
    assert.equal(at({ artifact: artifact({ bundles: [] }) }), 60_000);
    assert.equal(at({ artifact: refused }), 60_000);
    assert.equal(at({ policies: [policy({ denied: new Set([digest]) })] }), hour);
    assert.equal(
      at({ policies: [policy({ validity: { ...validity, recheckAfterMs: 20_000 } })], signatureFacts: [invalid] }),
      20_000,
    );
    assert.equal(at({ artifact: unavailable }), 30_000);
    assert.equal(at({ artifact: { ...unavailable, retryAfterMs: 120_000 } }), 120_000);
    assert.equal(at({ artifact: { ...unavailable, retryAfterMs: 10 ** 9 } }), hour);
    assert.equal(at({ artifact: { ...unavailable, retryAfterMs: 5 } }), 30_000);
  });

  describe("warnings", () => {
    const warnings = (input: Partial<DecisionInput>): readonly string[] => decide(input).warnings;

    it("say what a Warn policy would have said", () => {
      const [warning = ""] = warnings({
        policies: [policy(), warn],
        signatureFacts: [fact(), fact({ by: backup.fingerprint, outcome: "invalid" })],
      });
      assert.match(warning, /policy watch is in mode Warn; in mode Enforce it would refuse \(UntrustedSigner\)/);
      assert.match(warnings({ policies: [policy(), warn] })[0] ?? "", /could not decide \(VerifierUnavailable\)/);
      assert.match(
        warnings({ policies: [policy(), { ...warn, denied: new Set([digest]) }] })[0] ?? "",
        /would refuse \(DigestDenied\)/,
      );
      assert.match(
        warnings({ policies: [policy(), { ...warn, authorities: [] }] })[0] ?? "",
        /would refuse \(NoAuthorities\)/,
      );
    });

    it("are none where a Warn policy is satisfied, does not cover the artifact, or nothing is known yet", () => {
      assert.deepEqual(warnings({ policies: [policy(), policy({ name: "watch", mode: "Warn" })] }), []);
      assert.deepEqual(warnings({ policies: [policy(), { ...warn, references: ["other.example.com/**"] }] }), []);
      assert.deepEqual(warnings({ policies: [policy(), warn], artifact: unavailable }), []);
    });

    it("say that requiring a Warn policy has no effect", () => {
      const found = warnings({ policies: [policy(), policy({ name: "watch", mode: "Warn" })], required: ["watch"] });
      assert.match(found.join(), /policy watch is required by this object but is in mode Warn/);
    });
  });

  describe("when nothing new can be learned", () => {
    const verified = decide({ policies: [policy({ validity: { ...validity, onExpiry: "KeepRunning" } })] });
    const previous = toVerdictStatus(verified);
    const keepRunning = policy({ validity: { ...validity, onExpiry: "KeepRunning" } });

    function indeterminate(
      at: Date,
      overrides: Partial<DecisionInput> = {},
    ): Extract<Verdict, { outcome: "Indeterminate" }> {
      const verdict = decide({ artifact: unavailable, policies: [keepRunning], previous, now: at, ...overrides });
      assert.ok(verdict.outcome === "Indeterminate");
      return verdict;
    }

    it("the verdict before stands until its notAfter, and says until when", () => {
      const verdict = indeterminate(later(hour));
      assert.equal(verdict.stands, true);
      assert.deepEqual(verdict.carried?.notAfter, later(24 * hour));
      assert.equal(verdict.carried.trust, "Same");
      assert.match(
        verdict.message,
        /rests on the verdict of 2026-03-01T12:00:00\.000Z, which holds until 2026-03-02T12:00:00\.000Z \(23 h\), then what runs may stay until 2026-03-03T12:00/,
      );
      const status = toVerdictStatus(verdict);
      assert.equal(status.outcome, "Indeterminate");
      for (const field of ["digest", "signers", "policies", "trustFingerprint", "verifiedAt", "notAfter"] as const) {
        assert.deepEqual(status[field], previous[field], field);
      }
    });

    it("a second failure in a row goes on from the first, to the same end", () => {
      const first = indeterminate(later(hour));
      const second = indeterminate(later(2 * hour), { previous: toVerdictStatus(first) });
      assert.deepEqual(second.carried, first.carried);
      assert.equal(second.stands, true);
    });

    it("it stands no longer from its notAfter on", () => {
      assert.equal(indeterminate(later(24 * hour - 1)).stands, true);
      const expired = indeterminate(later(24 * hour));
      assert.equal(expired.stands, false);
      assert.match(expired.message, /expired at .*, what runs may stay until/);
    });

    it("a time that was shortened since applies to it", () => {
      const verdict = indeterminate(later(hour), {
        policies: [
          policy({ validity: { recheckAfterMs: 60_000, validForMs: 2 * hour, onExpiry: "Quarantine", maxGraceMs: 0 } }),
        ],
      });
      assert.deepEqual(verdict.carried?.notAfter, later(2 * hour));
      assert.equal(verdict.carried.onExpiry, "Quarantine");
      assert.equal(verdict.carried.trust, "Same");
      assert.match(verdict.message, /then what runs is quarantined/);
    });

    it("a time that was lengthened since does not", () => {
      const verdict = indeterminate(later(hour), {
        policies: [policy({ validity: { ...validity, validForMs: 240 * hour } })],
      });
      assert.deepEqual(verdict.carried?.notAfter, later(24 * hour));
    });

    it("a time of verification in the future lengthens nothing", () => {
      const verdict = indeterminate(now, {
        previous: {
          ...previous,
          verifiedAt: later(1000 * hour).toISOString(),
          notAfter: later(2000 * hour).toISOString(),
        },
      });
      assert.deepEqual(verdict.carried?.notAfter, later(24 * hour));
    });

    it("it does not stand when the trust has changed, but is not torn down before its notAfter", () => {
      const more = policy({
        ...keepRunning,
        authorities: [
          { name: "release", key: release },
          { name: "backup", key: backup },
        ],
      });
      const verdict = indeterminate(later(hour), { policies: [more] });
      assert.equal(verdict.carried?.trust, "Changed");
      assert.equal(verdict.stands, false);
      assert.match(verdict.message, /then what runs is quarantined/);
      assert.equal(effectiveStanding(verdict, later(hour)), "KeepOnly");
      assert.equal(effectiveStanding(verdict, later(24 * hour)), "Quarantine");
    });

    it("nothing is left of it when its key was withdrawn", () => {
      const verdict = indeterminate(later(hour), {
        policies: [policy({ ...keepRunning, authorities: [{ name: "backup", key: backup }] })],
      });
      assert.equal(verdict.carried?.trust, "Withdrawn");
      assert.equal(verdict.stands, false);
      assert.match(verdict.message, /holds no longer: the key it rests on has been withdrawn/);
      assert.equal(effectiveStanding(verdict, later(hour)), "Quarantine");
    });

    it("a policy with another key that vouched is not a withdrawn one, but one policy without any is enough", () => {
      const authorities = [
        { name: "release", key: release },
        { name: "backup", key: backup },
      ];
      const facts = [fact(), fact({ by: backup.fingerprint })];
      const both = [policy({ authorities }), policy({ name: "zz", authorities })];
      const before = toVerdictStatus(decide({ policies: both, signatureFacts: facts }));
      const trustAfter = (policies: readonly ResolvedPolicy[]): string | undefined =>
        indeterminate(later(hour), { policies, previous: before }).carried?.trust;
      assert.equal(trustAfter(both), "Same");
      assert.equal(
        trustAfter([policy({ authorities: authorities.slice(1) }), policy({ name: "zz", authorities })]),
        "Changed",
      );
      const other = policy({ name: "zz", authorities: [{ name: "stranger", key: stranger }] });
      assert.equal(trustAfter([policy({ authorities }), other]), "Withdrawn");
    });

    it("who vouched for one policy has not vouched for another", () => {
      const own = policy({ name: "zz", authorities: [{ name: "backup", key: backup }] });
      const facts = [fact(), fact({ by: backup.fingerprint })];
      const before = toVerdictStatus(decide({ policies: [policy(), own], signatureFacts: facts }));
      const other = policy({ name: "zz", authorities: [{ name: "release", key: release }] });
      const verdict = indeterminate(later(hour), { policies: [policy(), other], previous: before });
      assert.equal(verdict.carried?.trust, "Withdrawn");
    });

    it("a policy that cannot be read for now withdraws no key", () => {
      const odd = unreadablePolicy("signed", 2, "spec.mode: Invalid option");
      assert.equal(indeterminate(later(hour), { policies: [odd] }).carried?.trust, "Changed");
    });

    const without: readonly (readonly [what: string, previous: VerdictStatus | undefined])[] = [
      ["no verdict before", undefined],
      ["a rejection before", { ...previous, outcome: "Rejected" }],
      ["a verdict about another digest", { ...previous, digest: platform }],
      ["a verdict without digest", { ...previous, digest: undefined }],
      ["a verdict without signers", { ...previous, signers: [] }],
      ["a verdict whose signers are not written down", { ...previous, signers: undefined }],
      ["a verdict without notAfter", { ...previous, notAfter: undefined }],
      ["a verdict with a notAfter that is no time", { ...previous, notAfter: "soon" }],
      ["a verdict without verifiedAt", { ...previous, verifiedAt: undefined }],
      ["a verdict without fingerprint", { ...previous, trustFingerprint: undefined }],
      [
        "an indeterminate verdict that stood on nothing",
        { outcome: "Indeterminate", reason: "RegistryUnavailable", message: "", digest },
      ],
    ];
    for (const [what, before] of without) {
      it(`with ${what} nothing stands`, () => {
        const verdict = indeterminate(later(hour), { previous: before });
        assert.equal(verdict.carried, undefined);
        assert.equal(verdict.stands, false);
        assert.equal(effectiveStanding(verdict, later(hour)), "Quarantine");
        assert.equal(toVerdictStatus(verdict).notAfter, undefined);
      });
    }

    it("a tag that cannot be resolved leaves the verdict about what it stood for", () => {
      const verdict = indeterminate(later(hour), { artifact: { ...unavailable, digest: undefined } });
      assert.equal(verdict.digest, digest);
      assert.equal(verdict.stands, true);
      assert.equal(
        indeterminate(later(hour), { artifact: { ...unavailable, digest: undefined }, previous: undefined }).digest,
        undefined,
      );
    });

    it("lists of policies that were not written down are empty", () => {
      assert.deepEqual(
        indeterminate(later(hour), { previous: { ...previous, policies: undefined } }).carried?.policies,
        [],
      );
    });
  });

  describe("standing", () => {
    const keep = { ...validity, onExpiry: "KeepRunning" as const, maxGraceMs: 2 * hour };
    const at = (verdict: Verdict, ms: number): string => effectiveStanding(verdict, later(ms));

    it("of a verified verdict: admits until notAfter, then what its policies say", () => {
      const quarantine = decide();
      assert.equal(at(quarantine, 0), "Admit");
      assert.equal(at(quarantine, 24 * hour - 1), "Admit");
      assert.equal(at(quarantine, 24 * hour), "Quarantine");
      const keeping = decide({ policies: [policy({ validity: keep })] });
      assert.equal(at(keeping, 24 * hour), "KeepOnly");
      assert.equal(at(keeping, 26 * hour - 1), "KeepOnly");
      assert.equal(at(keeping, 26 * hour), "Quarantine");
    });

    it("of a rejected verdict: quarantine, at any time", () =>
      assert.equal(at(decide({ signatureFacts: [invalid] }), 0), "Quarantine"));

    it("of an indeterminate verdict: admits nothing, keeps what runs, then what the policies say", () => {
      const policies = [policy({ validity: keep })];
      const previous = toVerdictStatus(decide({ policies }));
      const verdict = decide({ policies, previous, artifact: unavailable, now: later(hour) });
      assert.equal(at(verdict, hour), "KeepOnly");
      assert.equal(at(verdict, 24 * hour), "KeepOnly");
      assert.equal(at(verdict, 26 * hour), "Quarantine");
      const strict = decide({ previous, artifact: unavailable, now: later(hour) });
      assert.equal(at(strict, 24 * hour - 1), "KeepOnly");
      assert.equal(at(strict, 24 * hour), "Quarantine");
    });
  });
});

describe("the decision, for any input", () => {
  const keys = [release, backup, stranger];
  const digests = [digest, platform, digestOf("e")];
  const anyAuthority = fc.oneof(
    fc.record({ name: fc.constantFrom("release", "backup"), key: fc.constantFrom(...keys) }),
    fc.record({ name: fc.constantFrom("release", "backup"), problem: fc.constant("there is no Secret") }),
  );
  const anyPolicy: fc.Arbitrary<ResolvedPolicy> = fc
    .record({
      name: fc.constantFrom("a", "b", "c", "d"),
      mode: fc.constantFrom("Enforce" as const, "Warn" as const),
      references: fc.constantFrom(["**"], ["registry.example.com/**"], ["other.example.com/**"]),
      authorities: fc.array(anyAuthority, { maxLength: 3 }),
      denied: fc.subarray(digests, { maxLength: 1 }).map((list) => new Set(list)),
      broken: fc.boolean().map((value) => value),
    })
    .map(({ broken: isBroken, ...rest }) =>
      policy({ ...rest, ...(isBroken && rest.authorities.length === 3 ? { unreadable: "odd" } : {}) }),
    );
  const anyBundle = fc.constantFrom(
    bundle({}, digestOf("1")),
    bundle({}, digestOf("2")),
    bundle({ kind: "OtherDigest", subjects: [], predicateType: SIGNATURE_PREDICATE_TYPE }, digestOf("3")),
    bundle({ kind: "Malformed", problem: "" }, digestOf("4")),
  );
  const anyArtifact: fc.Arbitrary<ArtifactState> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .record({
          bundles: fc.uniqueArray(anyBundle, { selector: (item) => item.digest }),
          platformDigests: fc.subarray(digests),
        })
        .map((parts) => artifact(parts)),
    },
    { weight: 1, arbitrary: fc.constantFrom(unavailable, refused) },
  );
  const anyFact = fc
    .record({
      digest: fc.constantFrom(...digests.slice(0, 2)),
      bundle: fc.constantFrom("1", "2", "3", "4"),
      key: fc.constantFrom(...keys),
      outcome: fc.constantFrom("valid" as const, "invalid" as const),
    })
    .map((parts) =>
      fact({
        digest: parts.digest,
        bundleDigest: digestOf(parts.bundle),
        by: parts.key.fingerprint,
        outcome: parts.outcome,
      }),
    );
  const anyInput: fc.Arbitrary<DecisionInput> = fc.record({
    artifact: anyArtifact,
    namespace: fc.constant("prod"),
    use: fc.constantFrom("Model" as const, "Image" as const),
    policies: fc.uniqueArray(anyPolicy, { selector: (item) => item.name, maxLength: 4 }),
    required: fc.subarray(["a", "b", "absent"], { maxLength: 1 }),
    signatureFacts: fc.array(anyFact, { maxLength: 12 }),
    now: fc.constant(now),
  });
  const runs = { numRuns: 3000 };

  it("throws nothing, and every status is one that the API takes", () => {
    fc.assert(
      fc.property(anyInput, (input) => void VerdictStatus.parse(toVerdictStatus(decideVerdict(input)))),
      runs,
    );
  });

  it("verifies only what every Enforce policy in scope is satisfied with by a valid fact", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const verdict = decideVerdict(input);
        if (verdict.outcome !== "Verified") return;
        const { artifact: found } = input;
        assert.ok(found.state === "Found");
        const mandatory = input.policies.filter(
          (item) => item.mode === "Enforce" && !item.references.includes("other.example.com/**"),
        );
        assert.ok(mandatory.length > 0);
        for (const item of mandatory) {
          assert.equal(item.unreadable, undefined);
          assert.ok(![found.digest, ...found.platformDigests].some((each) => item.denied.has(each)));
          assert.ok(verdict.signers.some((signer) => signer.policy === item.name));
        }
        for (const signer of verdict.signers) {
          const item = mandatory.find((candidate) => candidate.name === signer.policy);
          assert.ok(item?.authorities.some(({ key }) => key?.fingerprint === signer.keyFingerprint));
          const valid = input.signatureFacts.filter(
            (each) => each.digest === found.digest && each.by === signer.keyFingerprint && each.outcome === "valid",
          );
          assert.ok(
            valid.some((each) =>
              found.bundles.some(
                (candidate) => candidate.digest === each.bundleDigest && candidate.claim.kind === "Signature",
              ),
            ),
          );
        }
        assert.ok(input.required.every((each) => input.policies.some((item) => item.name === each)));
      }),
      runs,
    );
  });

  it("a further policy verifies nothing that the others refused", () => {
    fc.assert(
      fc.property(anyInput, anyPolicy, (input, added) => {
        const before = decideVerdict(input);
        const cured = ["NoPolicy", "PolicyMissing", "OutOfScope"].includes(before.reason);
        if (before.outcome === "Verified" || cured) return;
        const after = decideVerdict({ ...input, policies: [...input.policies, { ...added, name: "z" }] });
        assert.notEqual(after.outcome, "Verified");
      }),
      runs,
    );
  });

  it("a further entry on a deny list verifies nothing", () => {
    fc.assert(
      fc.property(anyInput, fc.nat(), fc.constantFrom(...digests), (input, at, denied) => {
        if (decideVerdict(input).outcome === "Verified" || input.policies.length === 0) return;
        const index = at % input.policies.length;
        const policies = input.policies.map((item, position) =>
          position === index ? { ...item, denied: new Set([...item.denied, denied]) } : item,
        );
        assert.notEqual(decideVerdict({ ...input, policies }).outcome, "Verified");
      }),
      runs,
    );
  });

  it("a key or a fact less verifies nothing", () => {
    fc.assert(
      fc.property(anyInput, fc.nat(), fc.nat(), (input, which, at) => {
        if (decideVerdict(input).outcome === "Verified") return;
        const policies = input.policies.map((item, position) =>
          position === which % Math.max(1, input.policies.length)
            ? {
                ...item,
                authorities: item.authorities.filter((_, index) => index !== at % Math.max(1, item.authorities.length)),
              }
            : item,
        );
        assert.notEqual(decideVerdict({ ...input, policies }).outcome, "Verified");
        const valid = input.signatureFacts.filter((each) => each.outcome === "valid");
        const gone = valid[at % Math.max(1, valid.length)];
        const signatureFacts = input.signatureFacts.filter((each) => each !== gone);
        assert.notEqual(decideVerdict({ ...input, signatureFacts }).outcome, "Verified");
      }),
      runs,
    );
  });

  it("a requirement more verifies nothing", () => {
    fc.assert(
      fc.property(anyInput, fc.constantFrom("a", "b", "c", "absent"), (input, required) => {
        if (decideVerdict(input).outcome === "Verified") return;
        assert.notEqual(decideVerdict({ ...input, required: [...input.required, required] }).outcome, "Verified");
      }),
      runs,
    );
  });

  it("the order of policies, facts and bundles means nothing", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const reversed: DecisionInput = {
          ...input,
          policies: input.policies.toReversed(),
          signatureFacts: input.signatureFacts.toReversed(),
          artifact:
            input.artifact.state === "Found"
              ? { ...input.artifact, bundles: input.artifact.bundles.toReversed() }
              : input.artifact,
        };
        const [one, two] = [decideVerdict(input), decideVerdict(reversed)];
        assert.deepEqual(
          [two.outcome, two.reason, two.trustFingerprint],
          [one.outcome, one.reason, one.trustFingerprint],
        );
      }),
      runs,
    );
  });

  it("nothing but a verified verdict admits, and no verdict permits more later", () => {
    const rank = { Quarantine: 0, KeepOnly: 1, Admit: 2 };
    fc.assert(
      fc.property(anyInput, anyInput, fc.nat(100), fc.nat(100), (before, input, first, second) => {
        const previous = toVerdictStatus(decideVerdict(before));
        const verdict = decideVerdict({ ...input, previous, now: later(hour) });
        const [early, late] = [Math.min(first, second), Math.max(first, second)].map((hours) =>
          effectiveStanding(verdict, later(hours * hour)),
        );
        assert.ok(rank[early ?? "Quarantine"] >= rank[late ?? "Admit"]);
        if (verdict.outcome !== "Verified") assert.notEqual(early, "Admit");
      }),
      runs,
    );
  });
});
