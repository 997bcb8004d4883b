import assert from "node:assert/strict";
import fc from "fast-check";
import type { VerdictStatus } from "../../../src/api/index.ts";
import { decideVerdict, isLikelyLost, toVerdictStatus, unreadablePolicy } from "../../../src/trust/index.ts";
import type { ResolvedPolicy } from "../../../src/trust/index.ts";
import { compileIdentity } from "../../../src/trust/identity.ts";
import {
  artifact,
  backup,
  bundle,
  digest,
  digestOf,
  fact,
  name,
  now,
  policy,
  release,
  stranger,
} from "./support/build.ts";

const keys = { release, backup, stranger };
const authorities = (...names: readonly (keyof typeof keys)[]) => names.map((one) => ({ name: one, key: keys[one] }));
const about = { namespace: "shop", name, digests: [digest, digestOf("d")] };

const verified: VerdictStatus = {
  outcome: "Verified",
  reason: "Verified",
  message: "",
  digest,
  signers: [{ policy: "signed", authority: "release", keyFingerprint: release.fingerprint }],
};
const certified: VerdictStatus = {
  ...verified,
  signers: [
    { policy: "signed", authority: "ci", keyFingerprint: "sha256:x", subject: "ci@example.com", issuer: "https://idp" },
  ],
};
const pattern = (subject: string) => {
  const compiled = compileIdentity({ issuer: "https://idp", subject });
  assert.ok(compiled.ok);
  return compiled.pattern;
};
const attested: VerdictStatus = {
  ...verified,
  attestations: [{ policy: "signed", name: "tests", authority: "backup" }],
};
const tests = {
  name: "tests",
  predicateType: "t",
  threshold: 1,
  match: "Any" as const,
  conditions: [],
};

describe("whether a verdict is probably lost", () => {
  const cases: readonly [string, VerdictStatus | undefined, readonly ResolvedPolicy[], boolean][] = [
    ["not under the policy that it is by", verified, [policy()], false],
    ["not where another key is added", verified, [policy({ authorities: authorities("release", "backup") })], false],
    [
      "not where the authority has another name now",
      verified,
      [policy({ authorities: [{ name: "x", key: release }] })],
      false,
    ],
    ["where its key is removed", verified, [policy({ authorities: authorities("backup") })], true],
    ["where its key is denied", verified, [policy({ deniedKeys: new Set([release.fingerprint]) })], true],
    [
      "where another policy denies its key",
      verified,
      [
        policy(),
        policy({ name: "zz", authorities: authorities("release"), deniedKeys: new Set([release.fingerprint]) }),
      ],
      true,
    ],
    ["where its digest is denied", verified, [policy({ denied: new Set([digest]) })], true],
    ["where a platform of it is denied", verified, [policy({ denied: new Set([digestOf("d")]) })], true],
    ["not where another digest is denied", verified, [policy({ denied: new Set([digestOf("f")]) })], false],
    ["where its signer is denied", certified, [policy({ deniedSigners: [pattern("ci@example.com")] })], true],
    ["where nobody of the policy may be that signer", certified, [policy()], true],
    [
      "where more have to sign than have",
      verified,
      [policy({ threshold: 2, authorities: authorities("release", "backup") })],
      true,
    ],
    ["where no policy covers it any more", verified, [policy({ references: ["elsewhere.example.com/**"] })], true],
    ["where the policy only warns now", verified, [policy({ mode: "Warn" })], true],
    [
      "where a new policy believes none of them",
      verified,
      [policy(), policy({ name: "zz", authorities: authorities("stranger") })],
      true,
    ],
    ["not where a new policy believes them too", verified, [policy(), policy({ name: "zz" })], false],
    [
      "not where a new policy only warns",
      verified,
      [policy(), policy({ name: "zz", mode: "Warn", authorities: [] })],
      false,
    ],
    ["not where the policy cannot be read for now", verified, [unreadablePolicy("signed", 2, "odd")], false],
    [
      "not where its key is unknown for now",
      verified,
      [policy({ authorities: [{ name: "release", problem: "no answer", isTransient: true }] })],
      false,
    ],
    ["where its key is broken", verified, [policy({ authorities: [{ name: "release", problem: "no key" }] })], true],
    ["where who attested is gone", attested, [policy({ attestations: [tests] })], true],
    [
      "where who attested may not do that any more",
      attested,
      [
        policy({
          authorities: authorities("release", "backup"),
          attestations: [{ ...tests, authorities: ["release"] }],
        }),
      ],
      true,
    ],
    [
      "not where who attested still may",
      attested,
      [policy({ authorities: authorities("release", "backup"), attestations: [tests] })],
      false,
    ],
    ["not where the attestation is asked for no more", attested, [policy()], false],
    ["not where there was none", undefined, [policy({ authorities: [] })], false],
    ["not where it was a rejection", { ...verified, outcome: "Rejected" }, [policy({ authorities: [] })], false],
    [
      "not where nobody vouched",
      { ...verified, outcome: "Indeterminate", signers: undefined },
      [policy({ authorities: [] })],
      false,
    ],
    [
      "where what is carried on loses its key",
      { ...verified, outcome: "Indeterminate" },
      [policy({ authorities: authorities("backup") })],
      true,
    ],
    [
      "not where a person allows it",
      { ...verified, signers: [], exception: { action: "a", approver: "b", notAfter: "2030-01-01T00:00:00Z" } },
      [policy({ authorities: authorities("backup") })],
      false,
    ],
    [
      "where a person allows what is denied now",
      { ...verified, signers: [], exception: { action: "a", approver: "b", notAfter: "2030-01-01T00:00:00Z" } },
      [policy({ denied: new Set([digest]) })],
      true,
    ],
  ];
  for (const [title, verdict, policies, expected] of cases)
    it(`${expected ? "yes, " : ""}${title}`, () => assert.equal(isLikelyLost(verdict, about, policies), expected));

  it("is what the decision comes to, where signatures by key decide", () => {
    const some = fc.subarray(["release", "backup", "stranger"] as const, { minLength: 1 });
    const anyPolicy = fc.record({
      by: some,
      threshold: fc.integer({ min: 1, max: 3 }),
      denied: fc.subarray(["release", "backup"] as const),
    });
    fc.assert(
      fc.property(some, fc.array(anyPolicy, { minLength: 1, maxLength: 3 }), anyPolicy, (signed, after, before) => {
        const policies = [before, ...after].map(({ by, threshold, denied }, index) =>
          policy({
            name: `p${Math.max(0, index - 1)}`,
            authorities: authorities(...by),
            threshold,
            deniedKeys: new Set(denied.map((one) => keys[one].fingerprint)),
          }),
        );
        const bundles = signed.map((_one, index) => bundle({}, digestOf(String(index))));
        const signatureFacts = signed.flatMap((one, index) =>
          Object.entries(keys).map(([by, { fingerprint }]) =>
            fact({ bundleDigest: digestOf(String(index)), by: fingerprint, outcome: by === one ? "valid" : "invalid" }),
          ),
        );
        const decide = (by: readonly ResolvedPolicy[]) =>
          decideVerdict({
            artifact: artifact({ bundles }),
            policies: by,
            namespace: "shop",
            required: [],
            signatureFacts,
            use: "Image",
            now,
          });
        const first = decide(policies.slice(0, 1));
        if (first.outcome !== "Verified") return;
        // It goes by those who vouched then, of whom there may be more by now: so it may be too careful, and misses none.
        const then = decide(policies.slice(1));
        const guess = isLikelyLost(toVerdictStatus(first), about, policies.slice(1));
        if (then.outcome === "Rejected") assert.ok(guess);
      }),
    );
  });
});
