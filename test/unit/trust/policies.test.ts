import assert from "node:assert/strict";
import { DATA_FORMATS } from "../../../src/api/cluster-trust-policy.ts";
import { DEFAULT_RULES, EXECUTABLE_FORMATS, FORMATS, PICKLE_FORMATS } from "../../../src/formats/index.ts";
import { ClusterTrustPolicySpec, type ClusterTrustPolicy } from "../../../src/api/cluster-trust-policy.ts";
import {
  coveringPolicies,
  covers,
  kmsKeysOf,
  secretsOf,
  policyFingerprint,
  resolvePolicy,
  trustFingerprint,
  unreadablePolicy,
  withCommonDenials,
  type ParsedKmsKey,
  type ResolvedAttestation,
} from "../../../src/trust/index.ts";
import { compileIdentity, type IdentityPattern, type IdentitySource } from "../../../src/trust/identity.ts";
import { crl, pem as pemOf } from "./support/vectors.ts";
import { digest, policy, release, stranger, vector } from "./support/build.ts";

const pem = vector("p256.pub").toString();
const kmsKey = (uri: string): ParsedKmsKey => ({ state: "Unknown", problem: `${uri} has not been read` });
const noSecrets = { secret: (): undefined => undefined, kmsKey };

function trustPolicy(spec: object, name = "signed"): ClusterTrustPolicy {
  return {
    metadata: { name, generation: 4 },
    spec: ClusterTrustPolicySpec.parse({ scope: { references: ["registry.example.com/**"] }, ...spec }),
  };
}

const bySecret = (key?: string): object => ({
  authorities: [
    { name: "release", key: { secretRef: { name: "release-key", ...(key === undefined ? {} : { key }) } } },
  ],
});

describe("policies", () => {
  it("are resolved with their keys, deny list and times", () => {
    const resolved = resolvePolicy(
      trustPolicy({
        scope: { references: ["registry.example.com/Models/**"], namespaces: ["prod"] },
        authorities: [{ name: "release", key: { inline: pem } }],
        deny: { digests: [digest] },
        validity: { recheckAfter: "10m", validFor: "2h", onExpiry: "KeepRunning", maxGrace: "1h30m" },
      }),
      noSecrets,
    );
    assert.deepEqual(resolved, {
      name: "signed",
      generation: 4,
      mode: "Enforce",
      references: ["registry.example.com/models/**"],
      namespaces: ["prod"],
      authorities: [{ name: "release", key: release }],
      threshold: 1,
      timestamps: undefined,
      formats: DEFAULT_RULES,
      attestations: [],
      deniedKeys: new Set(),
      deniedSigners: [],
      denied: new Set([digest]),
      validity: { recheckAfterMs: 600_000, validForMs: 7_200_000, onExpiry: "KeepRunning", maxGraceMs: 5_400_000 },
    });
  });

  it("read keys from Secrets", () => {
    const data = { "cosign.pub": Buffer.from(pem).toString("base64"), other: Buffer.from("no key").toString("base64") };
    const secrets = { secret: (name: string) => (name === "release-key" ? data : undefined), kmsKey };
    assert.deepEqual(resolvePolicy(trustPolicy(bySecret()), secrets).authorities, [{ name: "release", key: release }]);
    assert.match(
      resolvePolicy(trustPolicy(bySecret("other")), secrets).authorities[0]?.problem ?? "",
      /exactly one PEM block/,
    );
    assert.match(
      resolvePolicy(trustPolicy(bySecret("absent")), secrets).authorities[0]?.problem ?? "",
      /Secret release-key has no key absent/,
    );
    assert.match(
      resolvePolicy(trustPolicy(bySecret("constructor")), secrets).authorities[0]?.problem ?? "",
      /has no key constructor/,
    );
    assert.match(
      resolvePolicy(trustPolicy(bySecret()), noSecrets).authorities[0]?.problem ?? "",
      /there is no Secret release-key in the operator's namespace/,
    );
    assert.match(
      resolvePolicy(trustPolicy({ authorities: [{ name: "release", key: {} }] }), noSecrets).authorities[0]?.problem ??
        "",
      /neither/,
    );
  });

  it("name the Secrets that they depend on, each once", () => {
    const ref = (key: string): object => ({ secretRef: { name: "release-key", key } });
    const twice = {
      authorities: [
        { name: "first", key: ref("a") },
        { name: "second", key: ref("b") },
        { name: "third", key: { inline: pem } },
      ],
    };
    assert.deepEqual(secretsOf(trustPolicy(twice)), ["release-key"]);
  });

  it("stay in force when they are suspended", () => {
    assert.equal(resolvePolicy(trustPolicy({ suspend: true }), noSecrets).mode, "Enforce");
  });

  it("take the strictest time where theirs is none", () => {
    const odd = trustPolicy({});
    const resolved = resolvePolicy(
      {
        ...odd,
        spec: { ...odd.spec, validity: { recheckAfter: "?", validFor: "?", onExpiry: "KeepRunning", maxGrace: "?" } },
      },
      noSecrets,
    );
    assert.deepEqual(resolved.validity, {
      recheckAfterMs: 60_000,
      validForMs: 3_600_000,
      onExpiry: "KeepRunning",
      maxGraceMs: 0,
    });
  });

  it("cover what their scope says, in the order of their names", () => {
    const all = [
      policy({ name: "b" }),
      policy({ name: "a", namespaces: ["team-*"] }),
      policy({ name: "c", references: ["other/**"] }),
      unreadablePolicy("d", 1, "odd"),
    ];
    const names = (namespace: string, name: string): string[] =>
      coveringPolicies(all, namespace, name).map((item) => item.name);
    assert.deepEqual(names("team-a", "registry.example.com/models/iris"), ["a", "b", "d"]);
    assert.deepEqual(names("prod", "registry.example.com/models/iris"), ["b", "d"]);
    assert.deepEqual(names("prod", "docker.io/library/nginx"), ["d"]);
  });

  it("cover what any of their patterns matches", () => {
    const several = policy({ references: ["other/**", "registry.example.com/**"], namespaces: ["dev", "prod"] });
    assert.equal(covers(several, "prod", "registry.example.com/models/iris"), true);
    assert.equal(covers(several, "dev", "other/x"), true);
    assert.equal(covers(several, "test", "other/x"), false);
    assert.equal(covers(several, "prod", "docker.io/library/nginx"), false);
  });

  it("of which the first one of a generation that the API server has not counted is 0", () => {
    const fresh = trustPolicy({});
    assert.equal(resolvePolicy({ ...fresh, metadata: { name: "signed" } }, noSecrets).generation, 0);
  });
});

describe("policies with certificates and conditions", () => {
  it("decide nothing, and say which, where a timestamp authority is missing", () => {
    const resolved = resolvePolicy(
      trustPolicy({
        timestampAuthorities: [
          { name: "own", certificateChain: { inline: pemOf("tsa-chain") } },
          { name: "gone", certificateChain: { secretRef: { name: "absent" } } },
        ],
      }),
      noSecrets,
    );
    assert.match(resolved.unreadable ?? "", /^timestampAuthorities gone: there is no Secret absent/);
    assert.equal(resolved.timestamps, undefined);
  });

  it("decide nothing where the times, a signer or a condition cannot be read", () => {
    for (const [spec, problem] of [
      [
        { timestampAuthorities: [{ name: "own", certificateChain: { inline: "?" } }] },
        /^timestampAuthorities: it must/,
      ],
      [
        { deny: { signers: [{ subjectRegExp: "(" }] } },
        /^deny.signers\[0\]: subjectRegExp is not a regular expression/,
      ],
      [
        {
          attestations: [
            { name: "scan", predicateType: "t", conditions: [{ expression: "true" }, { expression: "1" }] },
          ],
        },
        /^attestation scan, conditions\[1\]: the expression gives int/,
      ],
    ] as const) {
      assert.match(resolvePolicy(trustPolicy(spec), noSecrets).unreadable ?? "", problem);
    }
  });

  it("hold what they say of ages, deny lists and attestations", () => {
    const resolved = resolvePolicy(
      trustPolicy({
        threshold: 2,
        age: { minimum: "1m", maximum: "2h" },
        deny: { keys: [digest], signers: [{ subject: "a@b.example" }] },
        timestampAuthorities: [{ name: "own", certificateChain: { inline: pemOf("tsa-chain") } }],
        attestations: [
          {
            name: "scan",
            predicateType: "t",
            authorities: ["x"],
            threshold: 2,
            match: "Every",
            maximumAge: "3h",
            conditions: [{ expression: "true", message: "why" }],
          },
        ],
      }),
      noSecrets,
    );
    assert.equal(resolved.unreadable, undefined);
    assert.equal(resolved.threshold, 2);
    assert.deepEqual(resolved.age, { minimumMs: 60_000, maximumMs: 7_200_000 });
    assert.deepEqual(resolved.deniedKeys, new Set([digest]));
    assert.deepEqual(resolved.deniedSigners, [{ subject: { exact: "a@b.example" } }]);
    assert.equal(resolved.timestamps?.chains.length, 1);
    const [scan] = resolved.attestations;
    assert.deepEqual(
      { ...scan, conditions: scan?.conditions.map(({ message }) => message) },
      {
        name: "scan",
        predicateType: "t",
        authorities: ["x"],
        threshold: 2,
        match: "Every",
        conditions: ["why"],
        age: { maximumMs: 10_800_000 },
      },
    );
  });

  const certificate = (overrides: object = {}): object => ({
    timestampAuthorities: [{ name: "own", certificateChain: { inline: pemOf("tsa-chain") } }],
    authorities: [
      {
        name: "ca",
        certificate: { ca: { inline: pemOf("chain") }, subjects: [{ subject: "a@b.example" }], ...overrides },
      },
    ],
  });
  const problemOf = (spec: object) => resolvePolicy(trustPolicy(spec), noSecrets).authorities[0];

  it("take certificate authorities, and say what is wrong with them", () => {
    assert.equal(problemOf(certificate())?.problem, undefined);
    assert.match(
      problemOf({ ...certificate(), timestampAuthorities: [] })?.problem ?? "",
      /without a timestamp authority/,
    );
    assert.match(problemOf(certificate({ ca: { secretRef: { name: "absent" } } }))?.problem ?? "", /^ca: there is no/);
    assert.match(
      problemOf(certificate({ subjects: [{ subjectRegExp: "(" }] }))?.problem ?? "",
      /^subjectRegExp is not/,
    );
    assert.match(problemOf({ authorities: [{ name: "ca" }] })?.problem ?? "", /neither a key/);
    assert.match(
      problemOf({
        authorities: [
          { name: "k", keyless: { trustedRoot: { inline: "{}" }, identities: [{ issuer: "i", subject: "x" }] } },
        ],
      })?.problem ?? "",
      /^trustedRoot: it is not a trusted root/,
    );
  });

  it("do not know who is revoked without the list: that is no reason to refuse for ever", () => {
    for (const [revocationList, problem] of [
      [{ secretRef: { name: "absent" } }, /^revocationList: there is no Secret/],
      [{ inline: "?" }, /^revocationList: it must be PEM/],
      [{ inline: crl("crls/stranger.pem") }, /^revocationList: it is not by one of the authorities/],
    ] as const) {
      const authority = problemOf(certificate({ revocationList }));
      assert(authority?.problem !== undefined);
      assert.match(authority.problem, problem);
      assert.equal(authority.isTransient, true);
    }
    const good = problemOf(certificate({ revocationList: { inline: crl("crls/none.pem") } }));
    assert(good?.root !== undefined);
    assert.notEqual(good.revocations, undefined);
  });

  it("take a key of a key management service once it has been read", () => {
    const spec = trustPolicy({ authorities: [{ name: "kms", key: { kms: "hashivault://release" } }] });
    assert.deepEqual(kmsKeysOf(spec), ["hashivault://release"]);
    assert.deepEqual(resolvePolicy(spec, noSecrets).authorities, [
      { name: "kms", problem: "hashivault://release has not been read", isTransient: true },
    ]);
    const known = { ...noSecrets, kmsKey: (): ParsedKmsKey => ({ state: "Known", pem }) };
    assert.deepEqual(resolvePolicy(spec, known).authorities, [{ name: "kms", key: release }]);
    const odd = { ...noSecrets, kmsKey: (): ParsedKmsKey => ({ state: "Known", pem: "?" }) };
    const [authority] = resolvePolicy(spec, odd).authorities;
    assert(authority?.problem !== undefined);
    assert.equal(authority.isTransient, undefined);
  });

  it("name every Secret that they depend on", () => {
    const ref = (name: string): object => ({ secretRef: { name } });
    const spec = trustPolicy({
      timestampAuthorities: [{ name: "t", certificateChain: ref("times") }],
      authorities: [
        { name: "k", key: ref("key") },
        { name: "c", certificate: { ca: ref("ca"), revocationList: ref("crl"), subjects: [{ subject: "x" }] } },
        { name: "s", keyless: { trustedRoot: ref("root"), identities: [{ issuer: "i", subject: "x" }] } },
      ],
    });
    assert.deepEqual(secretsOf(spec), ["key", "ca", "crl", "root", "times"]);
    assert.deepEqual(kmsKeysOf(spec), []);
  });
});

describe("the fingerprint of trust", () => {
  const base = policy({ denied: new Set([digest]), namespaces: ["prod", "dev"] });

  function signer(source: IdentitySource): IdentityPattern {
    const compiled = compileIdentity(source);
    assert(compiled.ok);
    return compiled.pattern;
  }

  function attestation(overrides: object = {}): ResolvedAttestation {
    const spec = { attestations: [{ name: "scan", predicateType: "t", ...overrides }] };
    const [resolved] = resolvePolicy(trustPolicy(spec), noSecrets).attestations;
    assert(resolved !== undefined);
    return resolved;
  }

  it("is at hand in a resolved policy, and not in a copy of it that may differ", () => {
    const resolved = resolvePolicy(
      trustPolicy({ authorities: [{ name: "release", key: { inline: pem } }] }),
      noSecrets,
    );
    const copy = { ...resolved };
    assert.equal(typeof resolved.fingerprint, "string");
    assert.equal(copy.fingerprint, undefined);
    assert.equal(policyFingerprint(copy), policyFingerprint(resolved));
    assert.equal(policyFingerprint({ ...resolved, threshold: 2 }), policyFingerprint({ ...copy, threshold: 2 }));
    assert.notEqual(policyFingerprint({ ...resolved, threshold: 2 }), resolved.fingerprint);
    const odd = unreadablePolicy("signed", 1, "odd");
    assert.equal(odd.fingerprint, policyFingerprint({ ...odd }));
  });

  it("is that of the denials of all, where one policy denies for all", () => {
    const denying = policy({ name: "a", deniedKeys: new Set([stranger.fingerprint]) });
    const [own, other] = withCommonDenials([denying, policy({ name: "b" })]);
    assert.equal(own, denying);
    assert.deepEqual([...(other?.deniedKeys ?? [])], [stranger.fingerprint]);
  });

  it("changes with everything that a verdict rests on", () => {
    const changed = [
      { name: "other" },
      { mode: "Warn" as const },
      { references: ["**"] },
      { namespaces: ["prod"] },
      { authorities: [] },
      { authorities: [{ name: "release", key: stranger }] },
      { authorities: [{ name: "other", key: release }] },
      { authorities: [{ name: "release", problem: "gone" }] },
      { denied: new Set<string>() },
      { unreadable: "odd" },
      { threshold: 2 },
      { age: { maximumMs: 1 } },
      { age: { minimumMs: 1 } },
      { deniedKeys: new Set([digest]) },
      { deniedSigners: [signer({ subject: "/a/" })] },
      { deniedSigners: [signer({ subjectRegExp: "a" })] },
      { deniedSigners: [signer({ subject: "a by b" })] },
      { deniedSigners: [signer({ subject: "a", issuer: "b" })] },
      { deniedSigners: [signer({ subject: "a", issuerRegExp: "b" })] },
      { attestations: [attestation()] },
      { attestations: [attestation({ threshold: 2 })] },
      { attestations: [attestation({ match: "Every" })] },
      { attestations: [attestation({ authorities: ["a"] })] },
      { attestations: [attestation({ maximumAge: "1h" })] },
      { attestations: [attestation({ conditions: [{ expression: "true" }] })] },
      { attestations: [attestation({ predicateType: "u" })] },
    ].map((change) => policyFingerprint({ ...base, ...change }));
    assert.equal(
      new Set([policyFingerprint(base), policyFingerprint(policy({ denied: base.denied })), ...changed]).size,
      changed.length + 2,
    );
  });

  it("does not change with order, generation, or how long verdicts hold", () => {
    const same = { ...base, generation: 9, namespaces: ["dev", "prod"], validity: { ...base.validity, validForMs: 1 } };
    assert.equal(policyFingerprint(same), policyFingerprint(base));
    const second = policy({ name: "b" });
    assert.equal(trustFingerprint([base, second]), trustFingerprint([second, base]));
    assert.notEqual(trustFingerprint([base, second]), trustFingerprint([base]));
    assert.match(trustFingerprint([]), /^sha256:[0-9a-f]{64}$/);
  });
});

describe("the formats that a policy can name", () => {
  it("are those that hold data", () => {
    const running: readonly string[] = [...PICKLE_FORMATS, ...EXECUTABLE_FORMATS];
    const wrapping = ["zip", "tar", "gzip", "zlib", "zstd", "xz", "lzma", "bzip2", "lz4"];
    const data = FORMATS.filter((format) => !running.includes(format) && !wrapping.includes(format));
    assert.deepEqual([...DATA_FORMATS].sort(), data.sort());
  });
});
