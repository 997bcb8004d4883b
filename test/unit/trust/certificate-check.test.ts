import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { readBundle } from "../../../src/trust/bundle.ts";
import { checkCertificate, provenTime } from "../../../src/trust/certificate-check.ts";
import { parseCertificates } from "../../../src/trust/certificates.ts";
import { readRevocationLists, revocationOf } from "../../../src/trust/revocation-list.ts";
import { compileIdentity, matchesIdentity } from "../../../src/trust/identity.ts";
import { ownTrustRoot, readTimestampRoot, readTrustedRoot } from "../../../src/trust/trust-root.ts";
import {
  der,
  extension,
  listAuthority,
  revocationList,
  sequence,
  time as timeField,
  toPem,
} from "./support/revocation-list.ts";
import { TransparencyLog, withoutTimestamps } from "./support/transparency-log.ts";
import {
  type CertificateVector,
  certificateVectors,
  crl,
  keylessFile,
  keylessVectors,
  pem,
  revocationVectors,
  vectorBundle,
} from "./support/vectors.ts";

const timestamps = readTimestampRoot([pem("tsa-chain")]);
assert(timestamps.ok);
const root = ownTrustRoot(`${pem("issuing")}${pem("root")}`, timestamps.value);
assert(root.ok);
const trusted = root.value;

/** The operator believes only issuing authorities that the policy lists, whatever the bundle brings along. */
const stricter: ReadonlySet<string> = new Set(["second-issuing", "name-constraint-kept"]);
/** Another key signed these, not a certificate. */
const byKey: ReadonlySet<string> = new Set(["key-signed"]);
/** What the certificate check leaves to cosign, which must agree: critical extensions, names that an authority may not give. */
const leftToCosign: ReadonlySet<string> = new Set(["critical", "chain-with-root"]);

function verdictOf(vector: CertificateVector): { readonly outcome: "valid" | "invalid"; readonly problem?: string } {
  const bytes = vectorBundle(vector.bundle);
  const claim = readBundle(bytes, vector.digest);
  if (claim.kind !== "Signature" && claim.kind !== "Attestation") return { outcome: "invalid", problem: claim.kind };
  const check = checkCertificate(bytes, claim.envelope, trusted);
  if (!check.ok) return { outcome: "invalid", problem: check.problem };
  // The name is compared by the policy: exactly, and there must be one.
  const named = check.signer.subject === vector.identity.value;
  return named ? { outcome: "valid" } : { outcome: "invalid", problem: `names ${String(check.signer.subject)}` };
}

interface Bundle {
  readonly verificationMaterial: { readonly tlogEntries?: readonly object[] };
}

/** The bundle with an entry of a log that says when it was made. No key signs that time where nobody asks for the log. */
function withLogTime(bytes: Buffer, time: Date): Buffer {
  const bundle = JSON.parse(bytes.toString()) as Bundle;
  const logged = JSON.parse(keylessFile("bundles/person-logged.json").toString()) as Bundle;
  const [entry] = bundle.verificationMaterial.tlogEntries ?? logged.verificationMaterial.tlogEntries ?? [];
  // The library takes no time from an entry without such a promise.
  const inclusionPromise = { signedEntryTimestamp: "AAAA" };
  const tlogEntries = [{ ...entry, inclusionPromise, integratedTime: String(Math.floor(time.getTime() / 1000)) }];
  return Buffer.from(
    JSON.stringify({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries } }),
  );
}

describe("a certificate's signature", () => {
  for (const vector of certificateVectors) {
    if (byKey.has(vector.name) || leftToCosign.has(vector.name)) continue;
    const refuse = vector.expected === "invalid" || stricter.has(vector.name) || vector.name === "deep";
    it(`${refuse ? "refuses" : "accepts"} ${vector.name}: ${vector.why}`, () => {
      const { outcome, problem } = verdictOf(vector);
      assert.equal(outcome, refuse ? "invalid" : "valid", problem);
    });
  }

  for (const name of leftToCosign) {
    it(`leaves ${name} to cosign, which refuses it`, () => {
      const vector = certificateVectors.find((one) => one.name === name) ?? assert.fail(name);
      assert.equal(vector.cosign.outcome, "invalid");
    });
  }

  it("says when it was signed, and whom the certificate names", () => {
    const bytes = vectorBundle("bundles/email.json");
    const claim = readBundle(bytes, certificateVectors[0]?.digest ?? "");
    assert(claim.kind === "Signature");
    const check = checkCertificate(bytes, claim.envelope, trusted);
    assert(check.ok);
    assert.equal(check.signer.subject, "release@bank.example");
    assert.equal(check.signer.issuer, undefined);
    assert(check.signer.signedAt > new Date("2026-11-01") && check.signer.signedAt < new Date("2100-01-01"));
    // The one that signed and the issuing authority; a root is revoked by taking it out of the policy.
    assert.equal(check.signer.path.length, 2);
  });

  it("says that a key signed, where no certificate did", () => {
    const bytes = vectorBundle("bundles/key-signed.json");
    const claim = readBundle(bytes, certificateVectors[0]?.digest ?? "");
    assert(claim.kind === "Signature");
    assert.deepEqual(checkCertificate(bytes, claim.envelope, trusted), {
      ok: false,
      problem: "it was signed by a key, without a certificate",
    });
  });

  it("has no time by a log that the policy does not name", () => {
    const dated = vectorBundle("bundles/email.json");
    const claimOf = (bytes: Buffer) => {
      const claim = readBundle(bytes, certificateVectors[0]?.digest ?? "");
      assert(claim.kind === "Signature");
      return claim.envelope;
    };
    const good = checkCertificate(dated, claimOf(dated), trusted);
    assert(good.ok);
    const undated = withLogTime(vectorBundle("bundles/no-timestamp.json"), good.signer.signedAt);
    assert.deepEqual(checkCertificate(undated, claimOf(undated), trusted), {
      ok: false,
      problem: "nothing proves when it was signed",
    });
    // Nor does such an entry move the time that is proven.
    const both = withLogTime(dated, new Date(good.signer.signedAt.getTime() - 60_000));
    const same = checkCertificate(both, claimOf(both), trusted);
    assert(same.ok);
    assert.deepEqual(same.signer.signedAt, good.signer.signedAt);
  });

  it("refuses without a path to the policy's own authorities", () => {
    const stranger = ownTrustRoot(pem("stranger"), timestamps.value);
    assert(stranger.ok);
    const bytes = vectorBundle("bundles/email.json");
    const claim = readBundle(bytes, certificateVectors[0]?.digest ?? "");
    assert(claim.kind === "Signature");
    assert.deepEqual(checkCertificate(bytes, claim.envelope, stranger.value), {
      ok: false,
      problem: "its certificate is by none of the authorities",
    });
  });
});

describe("a keyless signature", () => {
  /** The log's part is cosign's, which must agree: what the library makes of it is not asked for. */
  const leftToCosign: ReadonlySet<string> = new Set(["other-entry", "checkpoint", "proof", "body"]);

  for (const vector of keylessVectors) {
    if (leftToCosign.has(vector.name)) continue;
    // What the root lists is demanded, whatever else a vector is about.
    const unlogged = vector.trustedRoot !== "trusted-root-plain.json" && !vector.logged;
    // Nor is anything demanded that the root does not list: this one asks for a certificate log.
    const refuse = (vector.expected === "invalid" && vector.name !== "plain") || unlogged;
    it(`${refuse ? "refuses" : "accepts"} ${vector.name}: ${vector.why}${unlogged ? "; not logged" : ""}`, () => {
      const trust = readTrustedRoot(keylessFile(vector.trustedRoot).toString());
      assert(trust.ok, trust.ok ? "" : trust.problem);
      const bytes = keylessFile(vector.bundle);
      const claim = readBundle(bytes, vector.digest);
      assert(claim.kind === "Signature" || claim.kind === "Attestation");
      const check = checkCertificate(bytes, claim.envelope, trust.value);
      const asked = compileIdentity(vector.identity);
      assert(asked.ok);
      assert.equal(check.ok && matchesIdentity(asked.pattern, check.signer), !refuse, check.ok ? "" : check.problem);
    });
  }

  for (const name of leftToCosign) {
    it(`leaves ${name} to cosign, which refuses it`, () => {
      assert.equal(keylessVectors.find((vector) => vector.name === name)?.expected, "invalid");
    });
  }
});

describe("the time of a keyless signature", () => {
  it("is that of the timestamp authority, whatever the log says", () => {
    const vector = keylessVectors.find(({ name }) => name === "person-logged");
    assert(vector !== undefined);
    const root = readTrustedRoot(keylessFile(vector.trustedRoot).toString());
    assert(root.ok);
    const bytes = keylessFile(vector.bundle);
    const claim = readBundle(bytes, vector.digest);
    assert(claim.kind === "Signature");
    const check = checkCertificate(bytes, claim.envelope, root.value);
    assert(check.ok);
    const earlier = withLogTime(bytes, new Date(check.signer.signedAt.getTime() - 60_000));
    const same = checkCertificate(earlier, claim.envelope, root.value);
    assert(same.ok, same.ok ? "" : same.problem);
    assert.deepEqual(same.signer.signedAt, check.signer.signedAt);
  });

  describe("in a log that signs the time of its entries", () => {
    const vector = keylessVectors.find(({ name }) => name === "person");
    assert(vector !== undefined);
    const stamped = keylessFile(vector.bundle);
    const claim = readBundle(stamped, vector.digest);
    assert(claim.kind === "Signature");
    const { envelope } = claim;
    const file = JSON.parse(keylessFile(vector.trustedRoot).toString()) as object;
    const log = new TransparencyLog();
    /** Within the ten minutes for which the certificate is valid. */
    const logged = new Date("2026-11-24T16:25:00Z");

    const timeOf = (bundle: Buffer, listed: object): Date | string => {
      const trust = readTrustedRoot(JSON.stringify({ ...file, ...listed }));
      assert(trust.ok, trust.ok ? "" : trust.problem);
      const check = checkCertificate(bundle, envelope, trust.value);
      return check.ok ? check.signer.signedAt : check.problem;
    };

    it("is the log's, where no timestamp authority is listed, whatever others say", () => {
      const listed = { tlogs: [log.listed], timestampAuthorities: [] };
      assert.deepEqual(timeOf(log.add(stamped, envelope, logged), listed), logged);
      assert.deepEqual(timeOf(log.add(withoutTimestamps(stamped), envelope, logged), listed), logged);
    });

    it("is the log's, where a timestamp authority is listed too, and did not stamp it", () => {
      const bundle = log.add(withoutTimestamps(stamped), envelope, logged);
      assert.deepEqual(timeOf(bundle, { tlogs: [log.listed] }), logged);
    });

    it("is not proven by another log, nor outside the time of the certificate", () => {
      const listed = { tlogs: [log.listed], timestampAuthorities: [] };
      assert.match(String(timeOf(new TransparencyLog().add(stamped, envelope, logged), listed)), /promise/);
      const late = new Date("2026-11-24T16:31:00Z");
      assert.match(String(timeOf(log.add(stamped, envelope, late), listed)), /certificate/);
    });
  });
});

describe("the time of a signature by a key", () => {
  const key = createPublicKey(vectorBundle("pem/key-signed.pub"));

  it("is proven by a timestamp of a trusted authority", () => {
    const time = provenTime(vectorBundle("bundles/key-signed.json"), key, timestamps.value);
    assert(time !== undefined && time > new Date("2026-11-01"));
  });

  it("is the earliest that is proven, in whatever order they are", () => {
    const file = (name: string): Buffer => readFileSync(new URL(`../../vectors/timestamps/${name}`, import.meta.url));
    const twice = readTimestampRoot([file("chain.pem").toString()]);
    assert(twice.ok);
    const time = provenTime(file("bundle.json"), createPublicKey(file("signer.pub")), twice.value);
    assert.deepEqual(time, new Date(file("earlier.txt").toString().trim()));
  });

  it("is not proven by an authority without its signing certificate", () => {
    const strangers = readTimestampRoot([pem("stranger-tsa-root")]);
    assert(!strangers.ok);
    assert.match(strangers.problem, /no certificate that signs timestamps/);
  });

  it("is not proven by a log that the policy does not name", () => {
    const bundle = JSON.parse(vectorBundle("bundles/key-signed.json").toString()) as {
      verificationMaterial: { timestampVerificationData?: object };
    };
    delete bundle.verificationMaterial.timestampVerificationData;
    const undated = Buffer.from(JSON.stringify(bundle));
    assert.equal(provenTime(withLogTime(undated, new Date("2026-11-15")), key, timestamps.value), undefined);
  });

  it("is not proven for another key's signature, nor by a bundle without any", () => {
    assert.equal(provenTime(vectorBundle("bundles/email.json"), key, timestamps.value), undefined);
    assert.equal(provenTime(Buffer.from("{}"), key, timestamps.value), undefined);
  });
});

describe("a revocation list", () => {
  const { authorities } = root.value;
  const now = new Date("2026-12-01T00:00:00Z");
  const bytes = vectorBundle("bundles/email.json");
  const claim = readBundle(bytes, certificateVectors[0]?.digest ?? "");
  assert(claim.kind === "Signature");
  const signer = checkCertificate(bytes, claim.envelope, trusted);
  assert(signer.ok);
  const { path } = signer.signer;

  /** Revoked is revoked, whenever and why ever: a signature by such a certificate never counts. */
  const outcomes = { valid: "NotRevoked", invalid: "Revoked", undecided: "Revoked", indeterminate: "Unknown" } as const;

  /** Not by an authority of the policy: the policy says so, and nothing rests on it. */
  const notUsable: ReadonlySet<string> = new Set(["stranger", "namesake"]);

  for (const { name, crl: file, issuer, expected, why } of revocationVectors) {
    // The leaf's authority must have a list too.
    const text = crl(file) + (issuer === "root.pem" ? crl("crls/none.pem") : "");
    if (notUsable.has(name)) {
      it(`is not usable: ${name}, ${why}`, () => {
        assert.equal(readRevocationLists(text, authorities).ok, false);
      });
    } else {
      it(`${outcomes[expected]}: ${name}, ${why}`, () => {
        const list = readRevocationLists(text, authorities);
        assert(list.ok, list.ok ? "" : list.problem);
        assert.equal(revocationOf(path, list.value, now), outcomes[expected]);
      });
    }
  }

  it("may be the successor of one that ends, before the time", () => {
    for (const text of [
      crl("crls/expired.pem") + crl("crls/none.pem"),
      crl("crls/none.pem") + crl("crls/future.pem"),
    ]) {
      const list = readRevocationLists(text, authorities);
      assert(list.ok, list.ok ? "" : list.problem);
      assert.equal(revocationOf(path, list.value, now), "NotRevoked");
      const alone = readRevocationLists(crl("crls/none.pem"), authorities);
      assert(alone.ok);
      assert.ok(list.value.nextUpdate >= alone.value.nextUpdate);
      assert.notEqual(list.value.fingerprint, alone.value.fingerprint);
    }
  });

  it("by an authority of the same name and another key says nothing of who is not in it", () => {
    const list = readRevocationLists(crl("crls/none.pem"), authorities);
    assert(list.ok);
    const namesake = path.map((step) => ({ ...step, issuerKey: "another" }));
    assert.equal(revocationOf(namesake, list.value, now), "Unknown");
    const parsed = parseCertificates(`${pem("namesake")}${pem("issuing")}`);
    assert(parsed.ok);
    // Whose it is says the signature, whatever the order.
    const either = readRevocationLists(crl("crls/leaf.pem"), parsed.certificates);
    assert(either.ok, either.ok ? "" : either.problem);
    assert.equal(revocationOf(path, either.value, now), "Revoked");
    const other = readRevocationLists(crl("crls/namesake.pem"), parsed.certificates);
    assert(other.ok, other.ok ? "" : other.problem);
    assert.equal(revocationOf([], other.value, now), "Unknown");
    assert.notEqual(revocationOf(path, other.value, now), "NotRevoked");
  });

  it("says nothing of certificates whose authority has no list", () => {
    const list = readRevocationLists(crl("crls/root-none.pem"), authorities);
    assert(list.ok);
    assert.equal(revocationOf(path, list.value, now), "Unknown");
  });

  it("knows of nobody once the list of one authority is overdue, and names the first that will be", () => {
    const until = (text: string): { readonly of: string; readonly nextUpdate: Date } => {
      const list = readRevocationLists(text, authorities);
      assert(list.ok, list.ok ? "" : list.problem);
      return { of: revocationOf(path, list.value, now), nextUpdate: list.value.nextUpdate };
    };
    const [overdue, other] = [until(crl("crls/expired.pem")), until(crl("crls/root-none.pem"))];
    assert.ok(overdue.nextUpdate < now && now < other.nextUpdate);
    const both = until(crl("crls/expired.pem") + crl("crls/root-none.pem"));
    assert.deepEqual(both, { of: "Unknown", nextUpdate: overdue.nextUpdate });
    const rootOverdue = { ...overdue, of: "Unknown" };
    assert.deepEqual(until(crl("crls/root-none.pem") + crl("crls/expired.pem")), rootOverdue);
  });

  describe("of our own making", () => {
    const [one, another, third] = [
      listAuthority("one.example"),
      listAuthority("two.example"),
      listAuthority("3.example"),
    ];
    const next = timeField("261230000000Z");
    const problemOf = (text: string): string | undefined => {
      const list = readRevocationLists(text, [one.certificate, another.certificate]);
      return list.ok ? undefined : list.problem;
    };
    const extensions = (...all: readonly Buffer[]): Buffer => der(0xa0, sequence(...all));

    it("is taken from the authority that it names", () => {
      assert.equal(problemOf(revocationList(one, one, [next])), undefined);
      assert.equal(problemOf(revocationList(another, another, [next, extensions(extension(false))])), undefined);
    });

    it("is not taken from another authority, though the policy has both", () => {
      assert.match(problemOf(revocationList(one, another, [next])) ?? "", /signature is not by the authority/);
    });

    it("is not taken from an authority that the policy does not have", () => {
      assert.match(problemOf(revocationList(third, third, [next])) ?? "", /not by one of the authorities in ca/);
    });

    it("must say when the next one comes", () => {
      const entries = sequence(sequence(der(0x02, Buffer.from([7])), timeField("261101000000Z")));
      for (const after of [[], [entries], [extensions(extension(false))]])
        assert.match(problemOf(revocationList(one, one, after)) ?? "", /does not say when the next one comes/);
    });

    it("is not taken with one critical extension among others", () => {
      for (const all of [[extension(true)], [extension(true), extension(false)], [extension(false), extension(true)]])
        assert.match(problemOf(revocationList(one, one, [next, extensions(...all)])) ?? "", /limited to a part/);
    });

    it("is damaged where a part is missing", () => {
      for (const list of [
        sequence(),
        sequence(sequence()),
        sequence(sequence(), sequence(), der(0x03, Buffer.from([0]))),
      ])
        assert.equal(problemOf(toPem(list)), "it is damaged; fetch it again");
    });
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["a certificate", pem("root")],
    ["a private key", "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----"],
    ["a damaged list", "-----BEGIN X509 CRL-----\nMIGH\n-----END X509 CRL-----"],
  ] as const) {
    it(`is not ${what}`, () => {
      const list = readRevocationLists(text, authorities);
      assert(!list.ok);
      assert(!list.problem.includes("MIGH"));
    });
  }
});
