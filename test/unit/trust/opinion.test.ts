import assert from "node:assert/strict";
import fc from "fast-check";
import { compileExpression } from "../../../src/trust/expression.ts";
import {
  decideVerdict,
  toVerdictStatus,
  type BundleFact,
  type DecisionInput,
  type ResolvedAttestation,
  type ResolvedAuthority,
  type ResolvedPolicy,
  type SignatureFact,
  type Verdict,
} from "../../../src/trust/index.ts";
import type { TimestampRoot } from "../../../src/trust/trust-root.ts";
import {
  artifact,
  backup,
  bundle,
  digest,
  digestOf,
  fact,
  hour,
  later,
  now,
  policy,
  release,
  stranger,
  validity,
} from "./support/build.ts";
import {
  byCertificate,
  certificateFact,
  strangerFact,
  certified,
  identity,
  otherRoot,
  ownRoot,
} from "./support/certificate.ts";

const [first, second, third] = [digestOf("b"), digestOf("c"), digestOf("d")];
const times = { fingerprint: digestOf("9") } as TimestampRoot;
const keyOf = { release, backup, stranger };
const byKey = (name: keyof typeof keyOf): ResolvedAuthority => ({ name, key: keyOf[name] });
const unknown = (name: string): ResolvedAuthority => ({ name, problem: "no answer", isTransient: true });
const broken = (name: string): ResolvedAuthority => ({ name, problem: "no Secret" });
const type = "https://example.com/evaluation/v1";

function decide(
  policies: ResolvedPolicy | readonly ResolvedPolicy[],
  bundles: readonly BundleFact[],
  signatureFacts: readonly SignatureFact[],
  overrides: Partial<DecisionInput> = {},
): Verdict {
  return decideVerdict({
    artifact: artifact({ bundles }),
    namespace: "prod",
    use: "Image",
    policies: [policies].flat(),
    required: [],
    signatureFacts,
    now,
    ...overrides,
  });
}

function says({ outcome, reason }: Verdict): string {
  return outcome === reason ? outcome : `${outcome} ${reason}`;
}

/** A signature by a key, and the facts about it with every key. */
const keySigned = (at: string, by: keyof typeof keyOf) => ({
  bundles: [bundle({}, at)],
  facts: Object.entries(keyOf).map(([name, { fingerprint }]) =>
    fact({ bundleDigest: at, by: fingerprint, outcome: name === by ? "valid" : "invalid" }),
  ),
});

const certificateSigned = (
  at: string,
  ...[who, root]: Parameters<typeof certificateFact> extends [string, ...infer R] ? R : never
) => ({
  bundles: [byCertificate(at)],
  facts: [certificateFact(at, who, root)],
});

interface Found {
  readonly bundles: readonly BundleFact[];
  readonly facts: readonly SignatureFact[];
}

const all = (...found: readonly Found[]): Found => ({
  bundles: found.flatMap(({ bundles }) => bundles),
  facts: found.flatMap(({ facts }) => facts),
});

interface Case {
  readonly what: string;
  readonly policy: Partial<ResolvedPolicy>;
  readonly found: Found;
  readonly says: string;
  readonly message?: RegExp;
  readonly input?: Partial<DecisionInput>;
}

const two = { authorities: [byKey("release"), byKey("backup")], threshold: 2 };
const bank = { subject: "release@bank.example" };
const team = { subject: "team@bank.example" };
const bothKeys = all(keySigned(first, "release"), keySigned(second, "backup"));
const invalid = (at: string, by: { readonly fingerprint: string }): SignatureFact =>
  fact({ bundleDigest: at, by: by.fingerprint, outcome: "invalid" });
const shared = release.fingerprint;
const unchecked: Found = { bundles: [bundle({}, second)], facts: [] };

const signatures: readonly Case[] = [
  { what: "two of two", policy: two, found: bothKeys, says: "Verified" },
  {
    what: "one of two",
    policy: two,
    found: keySigned(first, "release"),
    says: "Rejected ThresholdNotMet",
    message:
      /needs 2 distinct signers of release, backup, and .* is signed by release only; let it also be signed by backup/,
  },
  {
    what: "one of two, signed twice",
    policy: two,
    found: all(keySigned(first, "release"), keySigned(second, "release")),
    says: "Rejected ThresholdNotMet",
  },
  {
    what: "one key under two names",
    policy: { authorities: [byKey("release"), { name: "again", key: release }], threshold: 2 },
    found: keySigned(first, "release"),
    says: "Rejected ThresholdNotMet",
    message: /rest on one key or identity, which counts once/,
  },
  {
    what: "a key, and a certificate for the same key",
    policy: { authorities: [byKey("release"), certified("ca", [bank])], threshold: 2 },
    found: all(keySigned(first, "release"), certificateSigned(second, { keyFingerprint: shared })),
    says: "Rejected ThresholdNotMet",
  },
  {
    what: "a key, and a certificate for another",
    policy: { authorities: [byKey("release"), certified("ca", [bank])], threshold: 2 },
    found: all(keySigned(first, "release"), certificateSigned(second)),
    says: "Verified",
  },
  {
    what: "one identity under two authorities",
    policy: { authorities: [certified("a", [bank]), certified("b", [bank], { root: otherRoot })], threshold: 2 },
    found: all(
      certificateSigned(first, { keyFingerprint: digestOf("5") }),
      certificateSigned(second, { keyFingerprint: digestOf("6") }, otherRoot),
      { bundles: [], facts: [invalid(first, otherRoot), invalid(second, ownRoot)] },
    ),
    says: "Rejected ThresholdNotMet",
  },
  {
    what: "one name by two issuers, which are two",
    policy: {
      authorities: [certified("a", [{ ...bank, issuer: "i" }]), certified("b", [{ ...bank, issuer: "j" }])],
      threshold: 2,
    },
    found: all(
      certificateSigned(first, { issuer: "i", keyFingerprint: digestOf("5") }),
      certificateSigned(second, { issuer: "j", keyFingerprint: digestOf("6") }),
    ),
    says: "Verified",
  },
  {
    what: "two who can be told apart only by moving the first to its other name",
    policy: { authorities: [certified("both", [bank, team]), certified("bank", [bank])], threshold: 2 },
    found: all(
      certificateSigned(first, { ...bank, keyFingerprint: digestOf("5") }),
      certificateSigned(second, { ...team, keyFingerprint: digestOf("6") }),
    ),
    says: "Verified",
  },
  {
    what: "one of two, of which the other is not known at present",
    policy: { authorities: [byKey("release"), unknown("kms")], threshold: 2 },
    found: keySigned(first, "release"),
    says: "Indeterminate AuthorityUnknown",
    message: /authority kms: no answer/,
  },
  {
    what: "enough without one that is not known",
    policy: { authorities: [byKey("release"), unknown("kms")], threshold: 1 },
    found: keySigned(first, "release"),
    says: "Verified",
  },
  {
    what: "too few even with one that is not known",
    policy: { authorities: [byKey("release"), byKey("backup"), unknown("kms")], threshold: 3 },
    found: keySigned(first, "release"),
    says: "Rejected ThresholdNotMet",
  },
  {
    what: "nobody, and one that is not known",
    policy: { authorities: [unknown("kms")] },
    found: keySigned(first, "release"),
    says: "Indeterminate AuthorityUnknown",
  },
  {
    what: "too few that are usable",
    policy: { authorities: [byKey("release"), broken("gone")], threshold: 2 },
    found: keySigned(first, "release"),
    says: "Rejected PolicyNotReady",
    message: /needs 2 distinct signers of release, gone, and too few are usable: authority gone: no Secret/,
  },
  {
    what: "an authority whose problem is not said to pass",
    policy: { authorities: [{ name: "gone", problem: "no Secret", isTransient: false }] },
    found: keySigned(first, "release"),
    says: "Rejected PolicyNotReady",
  },
  {
    what: "a signature that nobody could check, where it would be needed",
    policy: two,
    found: all(keySigned(first, "release"), unchecked),
    says: "Indeterminate VerifierUnavailable",
    message: /the signatures could not be checked: cosign is missing/,
    input: { verifierProblem: "cosign is missing" },
  },
  {
    what: "a signature that nobody could check, where it is not needed",
    policy: { authorities: [byKey("release")] },
    found: all(keySigned(first, "release"), unchecked),
    says: "Verified",
  },
  {
    what: "a certificate's signature for a key",
    policy: {},
    found: { bundles: [byCertificate(first)], facts: [fact({ bundleDigest: first })] },
    says: "Rejected UntrustedSigner",
  },
  {
    what: "a key's signature for a certificate authority",
    policy: { authorities: [certified("ca", [bank])] },
    found: { bundles: [bundle({}, first)], facts: [certificateFact(first)] },
    says: "Rejected UntrustedSigner",
  },
  {
    what: "a certificate that names another",
    policy: { authorities: [certified("ca", [team])] },
    found: certificateSigned(first),
    says: "Rejected UntrustedSigner",
    message: /but by the certificate names release@bank\.example, whom the policy does not/,
  },
  {
    what: "a certificate that names nobody",
    policy: { authorities: [certified("ca", [{ subjectRegExp: ".*" }])] },
    found: certificateSigned(first, { subject: undefined }),
    says: "Rejected UntrustedSigner",
    message: /names nobody in a form that has one meaning/,
  },
  {
    what: "an invalid signature by a certificate, of which nobody knows whom it names",
    policy: { authorities: [certified("ca", [bank])] },
    found: { bundles: [byCertificate(first)], facts: [invalid(first, ownRoot)] },
    says: "Rejected UntrustedSigner",
    message: /^(?!.*the certificate names)/,
  },
  {
    what: "a valid fact that names nobody",
    policy: { authorities: [certified("ca", [bank])] },
    found: { bundles: [byCertificate(first)], facts: [fact({ bundleDigest: first, by: ownRoot.fingerprint })] },
    says: "Rejected UntrustedSigner",
  },
  {
    what: "somebody whom nobody named when it was looked at",
    policy: { authorities: [certified("ca", [bank])] },
    found: { bundles: [byCertificate(first)], facts: [strangerFact(first)] },
    says: "Indeterminate VerifierUnavailable",
  },
  {
    what: "somebody whom nobody names now either",
    policy: { authorities: [certified("ca", [team])] },
    found: { bundles: [byCertificate(first)], facts: [strangerFact(first)] },
    says: "Rejected UntrustedSigner",
  },
  {
    what: "a fact about a stranger beside a valid one",
    policy: { authorities: [certified("ca", [bank])] },
    found: { bundles: [byCertificate(first)], facts: [certificateFact(first), strangerFact(first)] },
    says: "Indeterminate VerifierUnavailable",
  },
  {
    what: "a fact about a stranger in place of one about a key",
    policy: {},
    found: { bundles: [bundle({}, first)], facts: [{ ...strangerFact(first), by: release.fingerprint }] },
    says: "Rejected UntrustedSigner",
  },
  {
    what: "a fact about the same certificate under another root",
    policy: { authorities: [certified("ca", [bank])] },
    found: certificateSigned(first, {}, otherRoot),
    says: "Indeterminate VerifierUnavailable",
  },
  {
    what: "a key on the deny list",
    policy: { deniedKeys: new Set([release.fingerprint]) },
    found: keySigned(first, "release"),
    says: "Rejected SignerDenied",
    message: /the key sha256:[0-9a-f]+ is on the deny list/,
  },
  {
    what: "the key of a certificate on the deny list",
    policy: { authorities: [certified("ca", [bank])], deniedKeys: new Set([digestOf("e")]) },
    found: certificateSigned(first),
    says: "Rejected SignerDenied",
  },
  {
    what: "a signer on the deny list",
    policy: { authorities: [certified("ca", [{ subjectRegExp: ".*" }])], deniedSigners: [identity(bank)] },
    found: certificateSigned(first),
    says: "Rejected SignerDenied",
    message: /release@bank\.example is on the deny list/,
  },
  {
    what: "a signer whom the deny list names with another issuer",
    policy: { authorities: [certified("ca", [bank])], deniedSigners: [identity({ ...bank, issuer: "i" })] },
    found: certificateSigned(first, { issuer: "j" }),
    says: "Verified",
  },
  {
    what: "one denied of two, and one is enough",
    policy: { ...two, threshold: 1, deniedKeys: new Set([release.fingerprint]) },
    found: bothKeys,
    says: "Verified",
  },
  {
    what: "one denied of two, and both are needed",
    policy: { ...two, deniedKeys: new Set([release.fingerprint]) },
    found: bothKeys,
    says: "Rejected ThresholdNotMet",
    message: /; release: the key .* is on the deny list/,
  },
];

const revocations = (from: number, until: number, revoked: readonly string[] = []) => ({
  fingerprint: digestOf("7"),
  issuers: new Map([["issuing", new Set(revoked)]]),
  inForce: new Map([["issuing key", [{ from: later(from), until: later(until) }]]]),
  nextUpdate: later(until),
});

const revoked: readonly Case[] = [
  {
    what: "a certificate that is not revoked",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, hour) })] },
    found: certificateSigned(first),
    says: "Verified",
  },
  {
    what: "a certificate that is revoked",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, hour, ["01"]) })] },
    found: certificateSigned(first),
    says: "Rejected CertificateRevoked",
    message: /the certificate of release@bank\.example, or one above it, is revoked/,
  },
  {
    what: "a certificate revoked by a list that is overdue",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, 0, ["01"]) })] },
    found: certificateSigned(first),
    says: "Rejected CertificateRevoked",
  },
  {
    what: "a certificate with a list that is overdue",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, 0) })] },
    found: certificateSigned(first),
    says: "Indeterminate RevocationUnknown",
    message: /put the current one into the policy/,
  },
  {
    what: "a certificate with a list that is in force from now on",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(0, hour) })] },
    found: certificateSigned(first),
    says: "Verified",
  },
  {
    what: "a certificate with a list that is not in force yet",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(1, hour) })] },
    found: certificateSigned(first),
    says: "Indeterminate RevocationUnknown",
  },
  {
    what: "a certificate whose issuer has no list",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, hour) })] },
    found: certificateSigned(first, { path: [{ issuer: "issuing", issuerKey: "another key", serial: "02" }] }),
    says: "Indeterminate RevocationUnknown",
  },
  {
    what: "a serial number that is revoked by another of the issuer's name",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, hour, ["01"]) })] },
    found: certificateSigned(first, { path: [{ issuer: "issuing", issuerKey: "another key", serial: "01" }] }),
    says: "Rejected CertificateRevoked",
  },
  {
    what: "a revoked issuing authority",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, hour, ["02"]) })] },
    found: certificateSigned(first, {
      path: [
        { issuer: "issuing", issuerKey: "issuing key", serial: "01" },
        { issuer: "issuing", issuerKey: "issuing key", serial: "02" },
      ],
    }),
    says: "Rejected CertificateRevoked",
  },
  {
    what: "a certificate of which revocation is not known beside a key that is enough",
    policy: { authorities: [certified("ca", [bank], { revocations: revocations(-hour, 0) }), byKey("release")] },
    found: all(certificateSigned(first), keySigned(second, "release")),
    says: "Verified",
  },
];

const signedAt = (ms: number) => ({ signedAt: later(ms) });
const aged = (age: ResolvedPolicy["age"]): Partial<ResolvedPolicy> => ({ authorities: [certified("ca", [bank])], age });
const timed = (ms: number | undefined): Partial<DecisionInput> => ({
  timeFacts: [
    {
      bundleDigest: first,
      by: release.fingerprint,
      timestamps: times.fingerprint,
      ...(ms === undefined ? {} : signedAt(ms)),
    },
  ],
});

const ages: readonly Case[] = [
  {
    what: "old enough",
    policy: aged({ minimumMs: hour }),
    found: certificateSigned(first, signedAt(-hour)),
    says: "Verified",
  },
  {
    what: "not old enough",
    policy: aged({ minimumMs: hour }),
    found: certificateSigned(first, signedAt(1 - hour)),
    says: "Rejected TooNew",
    message: /and counts from 2026-03-01T12:00:00\.001Z on/,
  },
  {
    what: "signed in the future, by some clock",
    policy: aged({ maximumMs: hour }),
    found: certificateSigned(first, signedAt(1)),
    says: "Rejected TooNew",
  },
  {
    what: "young enough",
    policy: aged({ maximumMs: hour }),
    found: certificateSigned(first, signedAt(1 - hour)),
    says: "Verified",
  },
  {
    what: "too old",
    policy: aged({ maximumMs: hour }),
    found: certificateSigned(first, signedAt(-hour)),
    says: "Rejected TooOld",
    message: /counted until 2026-03-01T12:00:00\.000Z/,
  },
  {
    what: "no age demanded, and no time known",
    policy: { age: {} },
    found: keySigned(first, "release"),
    says: "Verified",
  },
  {
    what: "a key, without a timestamp",
    policy: { age: { maximumMs: hour } },
    found: keySigned(first, "release"),
    says: "Rejected SigningTimeUnproven",
  },
  {
    what: "a key, with a timestamp that nobody proves",
    policy: { age: { maximumMs: hour }, timestamps: times },
    found: keySigned(first, "release"),
    says: "Rejected SigningTimeUnproven",
    input: timed(undefined),
  },
  {
    what: "a key, with a timestamp",
    policy: { age: { maximumMs: hour }, timestamps: times },
    found: keySigned(first, "release"),
    says: "Verified",
    input: timed(-1),
  },
  {
    what: "a key, with a timestamp of an authority that this policy does not have",
    policy: { age: { maximumMs: hour } },
    found: keySigned(first, "release"),
    says: "Rejected SigningTimeUnproven",
    input: timed(-1),
  },
  {
    what: "a timestamp of another authority",
    policy: { age: { maximumMs: hour }, timestamps: { ...times, fingerprint: digestOf("8") } },
    found: keySigned(first, "release"),
    says: "Rejected SigningTimeUnproven",
    input: timed(-1),
  },
  {
    what: "too new rather than by nobody, in whatever order",
    policy: { authorities: [certified("x", [team]), certified("ca", [bank])], age: { minimumMs: 2 * hour } },
    found: certificateSigned(first, signedAt(-hour)),
    says: "Rejected TooNew",
  },
  {
    what: "no proven time, which its signer can mend, rather than a revoked certificate, which nobody can",
    policy: {
      authorities: [certified("a", [bank], { revocations: revocations(-hour, hour, ["01"]) }), byKey("release")],
      age: { maximumMs: 1000 * hour },
    },
    found: all(certificateSigned(first), keySigned(second, "release")),
    says: "Rejected SigningTimeUnproven",
  },
];

function condition(expression: string, message?: string) {
  const compiled = compileExpression(expression);
  assert(compiled.ok, compiled.ok ? "" : compiled.problem);
  return { expression: compiled.expression, message };
}

function attestation(overrides: Partial<ResolvedAttestation> = {}): ResolvedAttestation {
  return {
    name: "evaluation",
    predicateType: type,
    threshold: 1,
    match: "Any",
    conditions: [condition("predicate.score >= 0.9", "the score is too low")],
    ...overrides,
  };
}

const attested = (at: string, by: keyof typeof keyOf, predicate: unknown, predicateType = type): Found => ({
  bundles: [bundle({ kind: "Attestation", predicateType, predicate }, at)],
  facts: keySigned(at, by).facts,
});
const signed = keySigned(digestOf("a"), "release");
const [good, bad] = [{ score: 0.95 }, { score: 0.5 }];
const wants = (overrides: Partial<ResolvedAttestation> = {}): Partial<ResolvedPolicy> => ({
  authorities: [byKey("release"), byKey("backup")],
  attestations: [attestation(overrides)],
});
const every = wants({ match: "Every" });
const uncheckedAttestation: Found = {
  bundles: [bundle({ kind: "Attestation", predicateType: type, predicate: good }, third)],
  facts: [],
};

const attestations: readonly Case[] = [
  {
    what: "a good one",
    policy: wants(),
    found: all(signed, attested(first, "release", good)),
    says: "Verified",
    message: /attested: evaluation by release/,
  },
  {
    what: "a bad one",
    policy: wants(),
    found: all(signed, attested(first, "release", bad)),
    says: "Rejected AttestationRejected",
    message: /by release: the score is too low: predicate\.score >= 0\.9 is false/,
  },
  {
    what: "none",
    policy: wants(),
    found: signed,
    says: "Rejected AttestationMissing",
    message:
      /demands the attestation evaluation .* by an authority of the policy, one of them, and .* has none; attest it: cosign attest/,
  },
  {
    what: "a good one without a signature of the artifact",
    policy: wants(),
    found: attested(first, "release", good),
    says: "Rejected NoSignature",
  },
  {
    what: "one of another kind",
    policy: wants(),
    found: all(signed, attested(first, "release", good, "https://example.com/other/v1")),
    says: "Rejected AttestationMissing",
  },
  {
    what: "one of another digest, whatever is known of who signed it",
    policy: wants(),
    found: all(signed, {
      bundles: [bundle({ kind: "OtherDigest", subjects: [second], predicateType: type }, first)],
      facts: keySigned(first, "release").facts,
    }),
    says: "Rejected AttestationMissing",
  },
  {
    what: "one by a stranger",
    policy: wants(),
    found: all(signed, attested(first, "stranger", good)),
    says: "Rejected AttestationMissing",
  },
  {
    what: "one by somebody who may not attest",
    policy: wants({ authorities: ["backup"] }),
    found: all(signed, attested(first, "release", good)),
    says: "Rejected AttestationMissing",
    message: /by backup, one of them/,
  },
  {
    what: "a bad one beside a good one, any",
    policy: wants(),
    found: all(signed, attested(first, "release", bad), attested(second, "release", good)),
    says: "Verified",
  },
  {
    what: "a bad one beside a good one, every",
    policy: every,
    found: all(signed, attested(first, "release", bad), attested(second, "release", good)),
    says: "Rejected AttestationRejected",
  },
  {
    what: "two good ones, every",
    policy: every,
    found: all(signed, attested(first, "release", good), attested(second, "backup", good)),
    says: "Verified",
  },
  { what: "none, every", policy: every, found: signed, says: "Rejected AttestationMissing" },
  {
    what: "a bad one by somebody whose do not count, every",
    policy: wants({ match: "Every", authorities: ["backup"] }),
    found: all(signed, attested(first, "release", bad), attested(second, "backup", good)),
    says: "Verified",
  },
  {
    what: "one that nobody could check, any",
    policy: wants(),
    found: all(signed, uncheckedAttestation),
    says: "Indeterminate VerifierUnavailable",
    message: /attestation evaluation, authority backup/,
  },
  {
    what: "one that nobody could check beside a good one, any",
    policy: wants(),
    found: all(signed, attested(first, "release", good), uncheckedAttestation),
    says: "Verified",
  },
  {
    what: "one that nobody could check beside a good one, every",
    policy: every,
    found: all(signed, attested(first, "release", good), uncheckedAttestation),
    says: "Indeterminate VerifierUnavailable",
  },
  {
    what: "one that nobody could check beside a bad one, any",
    policy: wants(),
    found: all(signed, attested(first, "release", bad), uncheckedAttestation),
    says: "Indeterminate VerifierUnavailable",
  },
  {
    what: "one that nobody could check beside a bad one, every",
    policy: every,
    found: all(signed, attested(first, "release", bad), uncheckedAttestation),
    says: "Rejected AttestationRejected",
  },
  {
    what: "a good one beside an authority that is not known, every",
    policy: { authorities: [byKey("release"), unknown("kms")], attestations: [attestation({ match: "Every" })] },
    found: all(signed, attested(first, "release", good)),
    says: "Indeterminate AuthorityUnknown",
  },
  {
    what: "a good one beside an authority that is not known, any",
    policy: { authorities: [byKey("release"), unknown("kms")], attestations: [attestation()] },
    found: all(signed, attested(first, "release", good)),
    says: "Verified",
  },
  {
    what: "none beside one authority that is not known, where two are needed, every",
    policy: {
      authorities: [byKey("release"), unknown("kms")],
      attestations: [attestation({ match: "Every", threshold: 2 })],
    },
    found: signed,
    says: "Indeterminate AuthorityUnknown",
  },
  {
    what: "none beside one authority that is not known, where two are needed, any",
    policy: { authorities: [byKey("release"), unknown("kms")], attestations: [attestation({ threshold: 2 })] },
    found: signed,
    says: "Rejected AttestationMissing",
  },
  {
    what: "two of two",
    policy: wants({ threshold: 2 }),
    found: all(signed, attested(first, "release", good), attested(second, "backup", good)),
    says: "Verified",
  },
  {
    what: "two of one, where two are needed",
    policy: wants({ threshold: 2 }),
    found: all(signed, attested(first, "release", good), attested(second, "release", good)),
    says: "Rejected AttestationMissing",
    message: /2 of them, and .* has 1 only/,
  },
  {
    what: "a good and a bad one, where two are needed",
    policy: wants({ threshold: 2 }),
    found: all(signed, attested(first, "release", good), attested(second, "backup", bad)),
    says: "Rejected AttestationRejected",
  },
  {
    what: "one that was not read",
    policy: wants(),
    found: all(signed, { bundles: [bundle({ kind: "NotRead", predicateType: type }, first)], facts: [] }),
    says: "Indeterminate VerifierUnavailable",
    message: /evaluation that policy signed demands have not been read yet/,
  },
  {
    what: "one of another kind that was not read",
    policy: wants(),
    found: all(signed, attested(second, "release", good), {
      bundles: [bundle({ kind: "NotRead", predicateType: "x" }, first)],
      facts: [],
    }),
    says: "Verified",
  },
  {
    what: "a condition without a value",
    policy: wants(),
    found: all(signed, attested(first, "release", {})),
    says: "Rejected AttestationRejected",
    message: /predicate\.score >= 0\.9 has no value: No such key: score/,
  },
  {
    what: "the second condition",
    policy: wants({ conditions: [condition("true"), condition("predicate.score < 0.9")] }),
    found: all(signed, attested(first, "release", good)),
    says: "Rejected AttestationRejected",
    message: /by release: predicate\.score < 0\.9 is false/,
  },
  {
    what: "a condition on the artifact and the time",
    policy: wants({
      conditions: [
        condition(
          `artifact.digest == "${digest}" && artifact.name.endsWith("/iris") && now > timestamp("2026-03-01T00:00:00Z")`,
        ),
      ],
    }),
    found: all(signed, attested(first, "release", good)),
    says: "Verified",
  },
  {
    what: "one of an age, without a timestamp",
    policy: wants({ age: { maximumMs: hour } }),
    found: all(signed, attested(first, "release", good)),
    says: "Rejected AttestationMissing",
    message: /that counts \(the policy demands an age, and no timestamp/,
  },
  {
    what: "one by a key on the deny list",
    policy: { ...wants(), deniedKeys: new Set([backup.fingerprint]) },
    found: all(signed, attested(first, "backup", good)),
    says: "Rejected AttestationMissing",
  },
  {
    what: "an attestation where a signature is needed",
    policy: { ...wants(), threshold: 2 },
    found: all(signed, attested(first, "backup", good)),
    says: "Rejected ThresholdNotMet",
  },
];

describe("what a policy says", () => {
  for (const [title, cases] of Object.entries({
    "of signatures": signatures,
    "of revocation": revoked,
    "of ages": ages,
    "of attestations": attestations,
  })) {
    describe(title, () => {
      for (const { what, policy: overrides, found, says: expected, message, input } of cases) {
        it(`${expected}: ${what}`, () => {
          const verdict = decide(policy(overrides), found.bundles, found.facts, input);
          assert.equal(says(verdict), expected, verdict.message);
          if (message !== undefined) assert.match(verdict.message, message);
          // The order of what was found, and of the authorities, means nothing.
          const turned = { ...policy(overrides), authorities: [...policy(overrides).authorities].reverse() };
          const again = decide(turned, [...found.bundles].reverse(), [...found.facts].reverse(), input);
          assert.equal(says(again), expected, again.message);
        });
      }
    });
  }

  it("does not know whether every attestation is good where not all are looked at", () => {
    const found = all(signed, attested(first, "release", good));
    const left = { artifact: artifact({ bundles: found.bundles, leftOut: 1 }) };
    const verdict = decide(policy(every), [], found.facts, left);
    assert.equal(says(verdict), "Indeterminate VerifierUnavailable");
    assert.match(verdict.message, /1 more bundles are attached than are looked at/);
    assert.equal(says(decide(policy(wants()), [], found.facts, left)), "Verified");
    const worse = all(signed, attested(first, "release", bad));
    const refused = { artifact: artifact({ bundles: worse.bundles, leftOut: 1 }) };
    assert.equal(says(decide(policy(every), [], worse.facts, refused)), "Rejected AttestationRejected");
  });

  it("of two facts that disagree takes the worse, in either order", () => {
    const facts = [fact({ bundleDigest: first }), fact({ bundleDigest: first, outcome: "invalid" })];
    assert.equal(says(decide(policy(), [bundle({}, first)], facts)), "Rejected UntrustedSigner");
    assert.equal(says(decide(policy(), [bundle({}, first)], facts.toReversed())), "Rejected UntrustedSigner");
  });

  it("believes no fact about another digest", () => {
    const facts = [fact({ bundleDigest: first, digest: digestOf("f") })];
    assert.equal(says(decide(policy(), [bundle({}, first)], facts)), "Indeterminate VerifierUnavailable");
  });

  it("whom one policy denies, none believes; whom a Warn policy denies, the others do", () => {
    const denies = policy({ name: "z", deniedKeys: new Set([release.fingerprint]), authorities: [byKey("backup")] });
    assert.equal(says(decide([policy(), denies], bothKeys.bundles, bothKeys.facts)), "Rejected SignerDenied");
    const crossed = [
      policy({ name: "a", deniedKeys: new Set([backup.fingerprint]) }),
      { ...denies, deniedKeys: new Set([release.fingerprint]) },
    ];
    assert.equal(says(decide(crossed, bothKeys.bundles, bothKeys.facts)), "Rejected SignerDenied");
    const named = certificateSigned(third);
    const believes = policy({ name: "a", authorities: [certified("ca", [bank])] });
    const deniesBank = policy({ name: "z", deniedSigners: [identity(bank)] });
    const found = all(named, keySigned(first, "release"));
    assert.equal(says(decide([believes, deniesBank], found.bundles, found.facts)), "Rejected SignerDenied");
    const warns = { ...denies, mode: "Warn" as const };
    assert.equal(says(decide([policy(), warns], bothKeys.bundles, bothKeys.facts)), "Verified");
    const elsewhere = { ...denies, references: ["other.example.com/**"] };
    assert.equal(says(decide([policy(), elsewhere], bothKeys.bundles, bothKeys.facts)), "Verified");
  });

  it("names each signer once, and at least one of every policy, however often they signed", () => {
    const many = all(
      ...Array.from({ length: 100 }, (_, at) =>
        certificateSigned(digestOf(`${at}`.padStart(64, "0")).slice(0, 71), {
          keyFingerprint: `sha256:${`${at}`.padStart(64, "0")}`,
          signedAt: later(-at),
        }),
      ),
      keySigned(first, "release"),
    );
    const verdict = decide(
      [policy({ name: "a", authorities: [certified("ca", [bank])] }), policy({ name: "b" })],
      many.bundles,
      many.facts,
    );
    assert(verdict.outcome === "Verified", verdict.message);
    assert.deepEqual(
      verdict.signers.map(({ policy: of, authority }) => `${of} ${authority}`),
      ["a ca", "b release"],
    );
    // The last time.
    assert.deepEqual(verdict.signers[0]?.signedAt, now);
  });
});

describe("how long it holds", () => {
  const ca = [certified("ca", [bank, team])];
  const end = (verdict: Verdict): number =>
    verdict.outcome === "Verified" ? verdict.notAfter.getTime() - now.getTime() : NaN;

  it("ends when a maximum age does, and is looked at again then", () => {
    const verdict = decide(
      policy({ authorities: ca, age: { maximumMs: 2 * hour } }),
      [byCertificate(first)],
      [certificateFact(first, { signedAt: later(60_000 - 2 * hour) })],
    );
    assert.equal(end(verdict), 60_000);
    assert.deepEqual(verdict.recheckAfter, later(60_000));
    assert(verdict.outcome === "Verified");
    assert.deepEqual(verdict.graceUntil, later(60_000 + validity.maxGraceMs));
  });

  it("ends with the policy's own time where a maximum age lasts longer", () => {
    const verdict = decide(
      policy({ authorities: ca, age: { maximumMs: 1000 * hour } }),
      [byCertificate(first)],
      [certificateFact(first)],
    );
    assert.equal(end(verdict), validity.validForMs);
    assert.deepEqual(verdict.recheckAfter, later(validity.recheckAfterMs));
  });

  it("ends with the first of several policies", () => {
    const ageOf = (name: string, hours: number) => policy({ name, authorities: ca, age: { maximumMs: hours * hour } });
    const facts = [certificateFact(first, { signedAt: later(60_000 - 2 * hour) })];
    for (const policies of [
      [ageOf("a", 2), ageOf("b", 3)],
      [ageOf("a", 3), ageOf("b", 2)],
    ])
      assert.equal(end(decide(policies, [byCertificate(first)], facts)), 60_000);
  });

  it("names who signed twice once, by the signature that counts longest, in whichever order they are found", () => {
    const signed = (id: typeof first, hours: number) =>
      certificateSigned(id, { ...team, signedAt: later(-hours * hour), keyFingerprint: digestOf("6") });
    for (const age of [{}, { age: { maximumMs: 24 * hour } }])
      for (const order of [
        [signed(first, 1), signed(second, 5)],
        [signed(first, 5), signed(second, 1)],
      ]) {
        const { bundles, facts } = all(...order);
        const verdict = decide(policy({ authorities: [certified("b", [team])], ...age }), bundles, facts);
        assert(verdict.outcome === "Verified");
        assert.deepEqual(
          verdict.signers.map(({ signedAt }) => signedAt),
          [later(-hour)],
        );
      }
  });

  it("goes on while enough others count", () => {
    const found = all(
      certificateSigned(first, { ...bank, signedAt: later(1 - 2 * hour), keyFingerprint: digestOf("5") }),
      certificateSigned(second, { ...team, signedAt: later(5 - 2 * hour), keyFingerprint: digestOf("6") }),
      certificateSigned(third, { ...team, signedAt: later(9 - 2 * hour), keyFingerprint: digestOf("6") }),
    );
    const until = (threshold: number): number =>
      end(
        decide(
          policy({
            authorities: [certified("a", [bank]), certified("b", [team])],
            threshold,
            age: { maximumMs: 2 * hour },
          }),
          found.bundles,
          found.facts,
        ),
      );
    assert.equal(until(1), 9);
    assert.equal(until(2), 1);
  });

  it("ends when an attestation is too old", () => {
    const by = { kind: "Attestation", predicateType: type, predicate: good };
    const verdict = decide(
      policy({ authorities: ca, attestations: [attestation({ age: { maximumMs: hour } })] }),
      [byCertificate(first), byCertificate(second, by)],
      [certificateFact(first), certificateFact(second, { signedAt: later(7 - hour) })],
    );
    assert.equal(end(verdict), 7);
  });

  it("ends with the first of signature and attestation that is too old", () => {
    const by = { kind: "Attestation", predicateType: type, predicate: good };
    for (const [signature, evaluation] of [
      [7, 9],
      [9, 7],
    ] as const) {
      const verdict = decide(
        policy({
          authorities: ca,
          age: { maximumMs: hour },
          attestations: [attestation({ age: { maximumMs: hour } })],
        }),
        [byCertificate(first), byCertificate(second, by)],
        [
          certificateFact(first, { signedAt: later(signature - hour) }),
          certificateFact(second, { signedAt: later(evaluation - hour) }),
        ],
      );
      assert.equal(end(verdict), 7);
    }
  });

  it("is looked at again when it is old enough, or an attestation counts", () => {
    const verdict = decide(
      policy({ authorities: ca, age: { minimumMs: hour } }),
      [byCertificate(first)],
      [certificateFact(first, { signedAt: later(5 - hour) })],
    );
    assert.equal(says(verdict), "Rejected TooNew");
    assert.deepEqual(verdict.recheckAfter, later(5));
    // Of two it is the first, whatever their names.
    const either = decide(
      policy({ authorities: [certified("a", [bank]), certified("b", [team])], age: { minimumMs: hour } }),
      [byCertificate(first), byCertificate(second)],
      [
        certificateFact(first, { ...bank, signedAt: later(9 - hour), keyFingerprint: digestOf("5") }),
        certificateFact(second, { ...team, signedAt: later(5 - hour), keyFingerprint: digestOf("6") }),
      ],
    );
    assert.deepEqual(either.recheckAfter, later(5));
    const never = decide(
      policy({ deniedKeys: new Set([release.fingerprint]) }),
      [bundle({}, first)],
      [fact({ bundleDigest: first })],
    );
    assert.deepEqual(never.recheckAfter, later(hour));
  });
});

describe("what a registry outage leaves", () => {
  const down = {
    artifact: { state: "Unavailable", name: artifact().name, digest, reason: "RegistryUnavailable", message: "down" },
  } as const;
  const found = all(
    certificateSigned(first, { ...bank, issuer: "i", keyFingerprint: digestOf("5") }),
    certificateSigned(second, { ...bank, issuer: "j", keyFingerprint: digestOf("6") }),
  );
  const both = policy({
    authorities: [
      certified("a", [{ ...bank, issuer: "i" }]),
      certified("b", [{ ...bank, issuer: "j" }]),
      byKey("release"),
    ],
    threshold: 2,
  });
  const previous = toVerdictStatus(decide(both, found.bundles, found.facts));
  const trust = (changed: Partial<ResolvedPolicy>): string => {
    const verdict = decide({ ...both, ...changed }, [], [], { ...down, previous });
    assert(verdict.outcome === "Indeterminate");
    return verdict.carried?.trust ?? "none";
  };

  it("what the verdict rests on", () => {
    assert.equal(previous.outcome, "Verified");
    assert.equal(previous.signers?.length, 2);
  });

  const [a, b, key] = both.authorities;
  assert(a !== undefined && b !== undefined && key !== undefined);
  const cases: readonly (readonly [what: string, changed: Partial<ResolvedPolicy>, trust: string])[] = [
    ["nothing changed", {}, "Same"],
    ["a longer time", { validity: { ...validity, validForMs: 1000 * hour } }, "Same"],
    ["somebody more", { authorities: [a, b, key, byKey("backup")] }, "Changed"],
    ["somebody less who had not signed", { authorities: [a, b] }, "Changed"],
    ["one of two taken away", { authorities: [a, key] }, "Withdrawn"],
    ["one of two taken away, and one is enough now", { authorities: [a, key], threshold: 1 }, "Changed"],
    ["a higher number", { threshold: 3 }, "Changed"],
    ["two names put together, which count once", { authorities: [certified("b", [bank]), key] }, "Withdrawn"],
    ["other names for the same two", { authorities: [certified("x", [bank]), certified("y", [bank])] }, "Changed"],
    ["one of two denied", { deniedSigners: [identity({ ...bank, issuer: "j" })] }, "Withdrawn"],
    ["the key of one of two denied", { deniedKeys: new Set([digestOf("5")]) }, "Withdrawn"],
    ["one of two not known at present", { authorities: [a, unknown("b"), key] }, "Changed"],
    ["another not known at present", { authorities: [a, unknown("c"), key] }, "Withdrawn"],
    ["one of two without its material", { authorities: [a, broken("b"), key] }, "Withdrawn"],
    ["a policy that cannot be read", { unreadable: "odd" }, "Changed"],
  ];
  for (const [what, changed, expected] of cases) {
    it(`${expected}: ${what}`, () => assert.equal(trust(changed), expected));
  }

  it("nothing of a digest that was denied since", () => {
    assert.equal(
      says(decide({ ...both, denied: new Set([digest]) }, [], [], { ...down, previous })),
      "Rejected DigestDenied",
    );
  });
});

describe("what a policy says, for anything found", () => {
  const subjects = ["a", "b", "c"] as const;
  const anyAuthority = fc.oneof(
    fc.constantFrom(byKey("release"), byKey("backup"), unknown("kms"), broken("gone")),
    fc.subarray([...subjects], { minLength: 1 }).map((names) =>
      certified(
        `ca-${names.join("")}`,
        names.map((subject) => ({ subject })),
      ),
    ),
  );
  const anyAuthorities = fc.uniqueArray(anyAuthority, { selector: ({ name }) => name, minLength: 1, maxLength: 4 });
  const anyPolicy = fc
    .record({
      authorities: anyAuthorities,
      threshold: fc.integer({ min: 1, max: 3 }),
      attest: fc.constantFrom(undefined, "Any" as const),
      deniedKeys: fc.constantFrom(new Set<string>(), new Set([release.fingerprint])),
      deniedSigners: fc.constantFrom([], [identity({ subject: "a" })]),
      age: fc.constantFrom(undefined, { minimumMs: hour }, { maximumMs: hour }),
    })
    .map(({ attest, age, ...rest }) =>
      policy({
        ...rest,
        ...(age === undefined ? {} : { age }),
        timestamps: times,
        attestations: attest === undefined ? [] : [attestation({ match: attest })],
      }),
    );
  interface Piece {
    readonly bundle: BundleFact;
    readonly facts: readonly SignatureFact[];
    readonly time: number | undefined;
  }
  const anyPiece = (at: number): fc.Arbitrary<Piece> =>
    fc
      .record({
        by: fc.constantFrom("release", "backup", "stranger", ...subjects),
        score: fc.constantFrom(undefined, 0.5, 0.95),
        known: fc.boolean(),
        time: fc.constantFrom(undefined, -2 * hour, -1, 5),
      })
      .map(({ by, score, known, time }): Piece => {
        const where = `sha256:${`${at}`.padStart(64, "0")}`;
        const claim = score === undefined ? {} : { kind: "Attestation", predicateType: type, predicate: { score } };
        if (by === "release" || by === "backup" || by === "stranger") {
          return { bundle: bundle(claim, where), facts: known ? keySigned(where, by).facts : [], time };
        }
        const who = { subject: by, keyFingerprint: `sha256:${by.repeat(64)}`, signedAt: later(time ?? -1) };
        return { bundle: byCertificate(where, claim), facts: known ? [certificateFact(where, who)] : [], time };
      });
  const anyPieces = fc.tuple(...Array.from({ length: 5 }, (_, at) => anyPiece(at)));
  const run = (policies: readonly ResolvedPolicy[], pieces: readonly Piece[]): Verdict =>
    decide(
      policies,
      pieces.map((piece) => piece.bundle),
      pieces.flatMap(({ facts }) => facts),
      {
        timeFacts: pieces.flatMap(({ bundle: one, time }) =>
          [release, backup].map(({ fingerprint }) => ({
            bundleDigest: one.digest,
            by: fingerprint,
            timestamps: times.fingerprint,
            ...(time === undefined ? {} : signedAt(time)),
          })),
        ),
      },
    );
  const runs = { numRuns: 400 };

  it("an authority less, a deny more or a higher number verifies nothing", () => {
    fc.assert(
      fc.property(anyPolicy, anyPieces, fc.nat(), (one, pieces, at) => {
        if (run([one], pieces).outcome === "Verified") return;
        const gone = at % one.authorities.length;
        for (const change of [
          { authorities: one.authorities.filter((_, index) => index !== gone) },
          { deniedKeys: new Set([...one.deniedKeys, backup.fingerprint]) },
          { deniedSigners: [...one.deniedSigners, identity({ subject: "b" })] },
          { threshold: one.threshold + 1 },
          { attestations: [...one.attestations, attestation({ name: "more" })] },
        ]) {
          assert.notEqual(run([{ ...one, ...change }], pieces).outcome, "Verified");
        }
      }),
      runs,
    );
  });

  it("a bundle more takes nothing away, and a fact less neither admits nor refuses", () => {
    fc.assert(
      fc.property(anyPolicy, anyPieces, fc.nat(4), (one, pieces, at) => {
        const less = pieces.filter((_, index) => index !== at);
        const [all5, fewer] = [run([one], pieces), run([one], less)];
        if (fewer.outcome === "Verified") assert.equal(all5.outcome, "Verified");
        const unknowing = run(
          [one],
          pieces.map((piece, index) => (index === at ? { ...piece, facts: [] } : piece)),
        );
        if (unknowing.outcome === "Verified") assert.equal(all5.outcome, "Verified");
        if (all5.outcome === "Verified") assert.notEqual(unknowing.outcome, "Rejected");
      }),
      runs,
    );
  });

  it("a further policy verifies nothing, and the order of all things means nothing", () => {
    fc.assert(
      fc.property(anyPolicy, anyPolicy, anyPieces, fc.nat(4), (one, other, pieces, at) => {
        const policies = [one, { ...other, name: "other" }];
        const verdict = run(policies, pieces);
        if (verdict.outcome === "Verified") {
          assert.equal(run([one], pieces).outcome, "Verified");
          assert.ok(verdict.signers.some((signer) => signer.policy === "other"));
        }
        const turned = run(
          policies.map((each) => ({ ...each, authorities: each.authorities.toReversed() })).reverse(),
          [...pieces.slice(at), ...pieces.slice(0, at)],
        );
        const { message: _, warnings: __, ...said } = toVerdictStatus(verdict);
        const { message: ___, warnings: ____, ...saidTurned } = toVerdictStatus(turned);
        assert.deepEqual(saidTurned, said);
      }),
      runs,
    );
  });
});
