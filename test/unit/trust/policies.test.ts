import assert from "node:assert/strict";
import { ClusterTrustPolicySpec, type ClusterTrustPolicy } from "../../../src/api/cluster-trust-policy.ts";
import {
  coveringPolicies,
  covers,
  secretsOf,
  policyFingerprint,
  resolvePolicy,
  trustFingerprint,
  unreadablePolicy,
  type ParsedKmsKey,
} from "../../../src/trust/index.ts";
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

describe("the fingerprint of trust", () => {
  const base = policy({ denied: new Set([digest]), namespaces: ["prod", "dev"] });

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
