import assert from "node:assert/strict";
import { readBundle } from "../../../src/trust/bundle.ts";
import { isIssuedByOneOf } from "../../../src/trust/certificates.ts";
import type { BundleCheck, BundleOutcome, BundleVerifier } from "../../../src/trust/cosign.ts";
import { FactFinder } from "../../../src/trust/fact-finder.ts";
import {
  decideVerdict,
  FactCache,
  type BundleFact,
  type ResolvedAttestation,
  type ResolvedAuthority,
  type ResolvedPolicy,
} from "../../../src/trust/index.ts";
import { ownTrustRoot, readTimestampRoot, readTrustedRoot, type Parsed } from "../../../src/trust/trust-root.ts";
import { artifact, policy, publicKey, stranger } from "./support/build.ts";
import { identity } from "./support/certificate.ts";
import { sha256 } from "./support/fake-registry.ts";
import { TransparencyLog, withoutTimestamps } from "./support/transparency-log.ts";
import { certificateVectors, keylessFile, keylessVectors, pem, vectorBundle } from "./support/vectors.ts";

/** Says what it is told to, and counts. */
class Confirmations implements BundleVerifier {
  readonly checks: BundleCheck[] = [];
  outcome: BundleOutcome = { outcome: "valid" };

  verifyBundle(check: BundleCheck): Promise<BundleOutcome> {
    this.checks.push(check);
    return Promise.resolve(this.outcome);
  }
}

function valueOf<T>(parsed: Parsed<T>): T {
  assert(parsed.ok, parsed.ok ? "" : parsed.problem);
  return parsed.value;
}

const timestamps = valueOf(readTimestampRoot([pem("tsa-chain")]));
const root = valueOf(ownTrustRoot(pem("chain"), timestamps));
const strangers = valueOf(ownTrustRoot(`${pem("stranger")}${pem("stranger-issuing")}`, timestamps));
const key = publicKey(vectorBundle("pem/key-signed.pub").toString());
const digest = certificateVectors[0]?.digest ?? assert.fail();
const bank = { subject: "release@bank.example" };

function ca(name: string, subject: string = bank.subject): ResolvedAuthority {
  return { name, root: root, identities: [identity({ subject })] };
}

function found(name: string): BundleFact {
  const bytes = vectorBundle(`bundles/${name}.json`);
  return { referrer: sha256(name), digest: sha256(bytes), bytes, claim: readBundle(bytes, digest) };
}

describe("finding facts", () => {
  let cosign: Confirmations;
  let finder: FactFinder;
  beforeEach(() => {
    cosign = new Confirmations();
    finder = new FactFinder(new FactCache(), cosign);
  });

  const find = (policies: readonly ResolvedPolicy[], ...names: readonly string[]) =>
    finder.find(artifact({ digest, bundles: names.map(found) }), policies, undefined);
  const by = (...authorities: readonly ResolvedAuthority[]): ResolvedPolicy => policy({ authorities });

  it("verifies a certificate's signature here, and has cosign confirm just that", async () => {
    const { signatureFacts, problem } = await find([by(ca("ca"))], "email");
    assert.equal(problem, undefined);
    const [fact, ...others] = signatureFacts;
    assert.deepEqual(others, []);
    assert(fact?.outcome === "valid");
    assert.equal(fact.signer?.subject, bank.subject);
    const [check] = cosign.checks;
    assert.deepEqual(
      { ...check, bundle: undefined, signal: undefined },
      {
        bundle: undefined,
        signal: undefined,
        digest,
        predicateType: "https://sigstore.dev/cosign/sign/v1",
        by: {
          kind: "Certificate",
          trustedRoot: root.json,
          subject: bank.subject,
          issuer: undefined,
          log: false,
          certificateLog: false,
          timestamped: true,
        },
      },
    );
    assert.deepEqual(check?.bundle, vectorBundle("bundles/email.json"));
  });

  it("once for five authorities with one root, two policies, and all later times", async () => {
    const policies = [
      by(...["a", "b", "c"].map((name) => ca(name))),
      policy({ name: "b", authorities: [ca("d"), ca("e")] }),
    ];
    for (let time = 0; time < 3; time++) {
      const { signatureFacts } = await find(policies, "email");
      assert.equal(signatureFacts.length, 1);
    }
    await Promise.all([find(policies, "email"), find(policies, "email")]);
    assert.equal(cosign.checks.length, 1);
  });

  it("once for one signature of a key, in however many bundles somebody wraps it", async () => {
    const original = JSON.parse(vectorBundle("bundles/key-signed.json").toString()) as {
      verificationMaterial: { publicKey: object };
    };
    const wrapped = [1, 2, 3, 4].map((round): BundleFact => {
      const material = { ...original.verificationMaterial, publicKey: { hint: `${round}` } };
      const bytes = Buffer.from(JSON.stringify({ ...original, verificationMaterial: material }));
      return { referrer: sha256(`${round}`), digest: sha256(bytes), bytes, claim: readBundle(bytes, digest) };
    });
    const policies = [policy({ authorities: [{ name: "release", key }] })];
    const { signatureFacts } = await finder.find(artifact({ digest, bundles: wrapped }), policies, undefined);
    assert.deepEqual(
      signatureFacts.map(({ bundleDigest, outcome }) => [bundleDigest, outcome]),
      wrapped.map((bundle) => [bundle.digest, "valid"]),
    );
    assert.equal(cosign.checks.length, 1);
  });

  it("asks once for those who ask at the same time", async () => {
    await Promise.all([find([by(ca("a"))], "email"), find([by(ca("a"))], "email")]);
    assert.equal(cosign.checks.length, 1);
  });

  it("runs no process for the certificates of strangers", async () => {
    const { signatureFacts } = await find(
      [by(ca("ca"))],
      "stranger",
      "self-signed",
      "namesake",
      "changed",
      "no-timestamp",
      "late",
    );
    assert.deepEqual([...new Set(signatureFacts.map(({ outcome }) => outcome))], ["invalid"]);
    assert.deepEqual(cosign.checks, []);
  });

  it("looks at nothing further in a certificate of strangers", async () => {
    const named = { name: "ca", root, identities: [identity(bank)] };
    const unfit = await find([by(named)], "server");
    const { signatureFacts } = await find([by({ ...named, root: strangers })], "server");
    const problems = [unfit.signatureFacts, signatureFacts].map(([one]) => one?.outcome === "invalid" && one.problem);
    assert.deepEqual(problems, [
      "its certificate is not for signing code",
      "its certificate is by none of the authorities",
    ]);
  });

  it("asks cosign for no timestamp where a log proves the time", async () => {
    const vector = keylessVectors.find((one) => one.name === "person") ?? assert.fail();
    const log = new TransparencyLog();
    const file = JSON.parse(keylessFile(vector.trustedRoot).toString()) as object;
    const both = valueOf(readTrustedRoot(JSON.stringify({ ...file, tlogs: [log.listed] })));
    const stamped = keylessFile(vector.bundle);
    const signed = readBundle(stamped, vector.digest);
    assert(signed.kind === "Signature");
    for (const original of [withoutTimestamps(stamped), stamped]) {
      const bytes = log.add(original, signed.envelope, new Date("2026-11-24T16:25:00Z"));
      const bundle = { referrer: digest, digest: sha256(bytes), bytes, claim: readBundle(bytes, vector.digest) };
      const authority = { name: "ca", root: both, identities: [identity(vector.identity)] };
      const found = artifact({ digest: vector.digest, bundles: [bundle] });
      const { signatureFacts } = await finder.find(found, [by(authority)], undefined);
      assert.deepEqual(
        signatureFacts.map(({ outcome }) => outcome),
        ["valid"],
      );
    }
    const asked = cosign.checks.map((check) => check.by.kind === "Certificate" && check.by.timestamped);
    assert.deepEqual(asked, [false, true]);
  });

  it("runs none for whom no policy names, and one when a policy does", async () => {
    const { signatureFacts } = await find([by(ca("ca", "other@bank.example"))], "email");
    assert.equal(signatureFacts[0]?.outcome, "stranger");
    await find([by(ca("ca", "other@bank.example"))], "email");
    assert.deepEqual(cosign.checks, []);
    const named = await find(
      [by(ca("ca", "other@bank.example")), policy({ name: "b", authorities: [ca("ca")] })],
      "email",
    );
    assert.equal(named.signatureFacts[0]?.outcome, "valid");
    assert.equal(cosign.checks.length, 1);
    const [one, other] = await Promise.all([
      find([by(ca("ca", "third@bank.example"))], "uri"),
      find([by(ca("ca", "https://ci.bank.example/release/workflow@refs/heads/main"))], "uri"),
    ]);
    assert.deepEqual([one.signatureFacts[0]?.outcome, other.signatureFacts[0]?.outcome], ["stranger", "valid"]);
    assert.equal(cosign.checks.length, 2);
  });

  it("runs none for a certificate that names nobody", async () => {
    const anybody = { name: "ca", root: root, identities: [identity({ subjectRegExp: ".*" })] };
    const { signatureFacts } = await find([by(anybody)], "two-emails", "no-name", "newline");
    assert.deepEqual(
      signatureFacts.map(({ outcome }) => outcome),
      ["stranger", "stranger", "stranger"],
    );
    assert.deepEqual(cosign.checks, []);
  });

  it("runs none for a key's signature by another key, nor for a certificate where keys are asked for", async () => {
    const { signatureFacts } = await find([by({ name: "stranger", key: stranger })], "key-signed", "email");
    assert.deepEqual(
      signatureFacts.map(({ outcome, by: who }) => [outcome, who]),
      [["invalid", stranger.fingerprint]],
    );
    assert.deepEqual(cosign.checks, []);
    assert.deepEqual((await find([by(ca("ca"))], "key-signed")).signatureFacts, []);
  });

  it("takes cosign's no for invalid, and its silence for no fact", async () => {
    cosign.outcome = { outcome: "indeterminate", detail: "out of memory" };
    const silent = await find([by(ca("ca"))], "email");
    assert.deepEqual(silent, { signatureFacts: [], timeFacts: [], problem: "out of memory" });
    cosign.outcome = { outcome: "invalid", detail: "no" };
    for (let time = 0; time < 2; time++) {
      const { signatureFacts, problem } = await find([by(ca("ca"), { name: "key", key })], "email", "key-signed");
      assert.equal(problem, undefined);
      assert.deepEqual(
        signatureFacts.map(({ outcome }) => outcome),
        ["invalid", "invalid"],
      );
    }
    // The silence, and each no once.
    assert.equal(cosign.checks.length, 3);
  });

  it("does nothing for attestations that no policy of it asks for", async () => {
    const plain = await find([by(ca("ca"))], "evaluation-0.97");
    assert.deepEqual(plain.signatureFacts, []);
    const claim = found("evaluation-0.97").claim;
    assert(claim.kind === "Attestation");
    const attestation: ResolvedAttestation = {
      name: "evaluation",
      predicateType: claim.predicateType,
      threshold: 1,
      match: "Any",
      conditions: [],
    };
    const vector = certificateVectors.find(({ name }) => name === "evaluation-0.97");
    const policies = [policy({ authorities: [ca("ca", vector?.identity.value)], attestations: [attestation] })];
    const { signatureFacts } = await find(policies, "evaluation-0.97");
    assert.deepEqual(
      signatureFacts.map(({ outcome }) => outcome),
      ["valid"],
    );
    assert.equal(cosign.checks[0]?.predicateType, claim.predicateType);
  });

  it("proves the time of a key's signature where a policy has timestamp authorities", async () => {
    const timed = policy({ authorities: [{ name: "key", key }], timestamps: timestamps, age: { maximumMs: 1 } });
    const { signatureFacts, timeFacts } = await find([timed], "key-signed");
    const [time] = timeFacts;
    assert.equal(time?.timestamps, timestamps.fingerprint);
    assert.ok(time.signedAt !== undefined && time.signedAt > new Date("2026-11-01"));
    const reason = (at: number): string =>
      decideVerdict({
        artifact: artifact({ digest, bundles: [found("key-signed")] }),
        namespace: "prod",
        use: "Image",
        policies: [timed],
        required: [],
        signatureFacts,
        timeFacts,
        now: new Date((time.signedAt?.getTime() ?? 0) + at),
      }).reason;
    assert.deepEqual([-1, 0, 1].map(reason), ["TooNew", "Verified", "TooOld"]);
    assert.deepEqual((await find([by({ name: "key", key })], "key-signed")).timeFacts, []);
    const another = { ...timed, authorities: [{ name: "key", key: stranger }] };
    assert.deepEqual((await find([another], "key-signed")).timeFacts, []);
  });

  it("looks at no certificate further that leads to none of the authorities", () => {
    const claim = found("email").claim;
    assert(claim.kind === "Signature" && claim.signedBy.kind === "Certificate");
    assert.equal(isIssuedByOneOf(claim.signedBy.der, root.authorities), true);
    assert.equal(isIssuedByOneOf(claim.signedBy.der, strangers.authorities), false);
    assert.equal(isIssuedByOneOf(Buffer.from("?"), root.authorities), false);
  });
});
