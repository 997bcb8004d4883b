import assert from "node:assert/strict";
import fc from "fast-check";
import { firstExpiry, parseCertificates, pathToRoot, pemBlocks } from "../../../src/trust/certificates.ts";
import { ownTrustRoot, readTimestampRoot, readTrustedRoot, type Parsed } from "../../../src/trust/trust-root.ts";
import { pem, vectorBundle } from "./support/vectors.ts";

function valueOf<T>(parsed: Parsed<T>): T {
  assert(parsed.ok, parsed.ok ? "" : parsed.problem);
  return parsed.value;
}

function problemOf(parsed: Parsed<unknown>): string {
  assert(!parsed.ok);
  return parsed.problem;
}

const times = valueOf(readTimestampRoot([pem("tsa-chain")]));
const file = JSON.parse(vectorBundle("trusted-root.json").toString()) as Record<string, unknown>;
const log = { publicKey: { rawBytes: "AAAA" } };

describe("certificates in PEM", () => {
  const refused: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
    ["nothing", "", /must be PEM blocks/],
    ["text", "no certificate", /must be PEM blocks/],
    ["a public key", vectorBundle("pem/key-signed.pub").toString(), /must be PEM blocks/],
    [
      "a private key",
      `${pem("root")}-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----`,
      /holds a PRIVATE key: remove it/,
    ],
    [
      "a certificate and a public key",
      pem("root") + vectorBundle("pem/key-signed.pub").toString(),
      /must be PEM blocks/,
    ],
    ["one that ends too soon", pem("root").replace(/-----END[^]*/, ""), /must be PEM blocks/],
    [
      "one that ends too soon after a whole one",
      pem("root") + pem("issuing").replace(/-----END[^]*/, ""),
      /and nothing else/,
    ],
    [
      "a damaged one",
      "-----BEGIN CERTIFICATE-----\nMIGH\n-----END CERTIFICATE-----",
      /one of its certificates is damaged/,
    ],
    ["33 of them", pem("root").repeat(33), /more than 32/],
  ];
  for (const [what, text, problem] of refused) {
    it(`are not ${what}`, () => {
      const parsed = parseCertificates(text);
      assert(!parsed.ok);
      assert.match(parsed.problem, problem);
      assert.ok(!parsed.problem.includes("MIGH"));
    });
  }

  it("may have comments between them, and other ends of lines", () => {
    const text = `subject=CN root\n${pem("root")}\nissuing:\r\n${pem("issuing").replaceAll("\n", "\r\n")}`;
    const parsed = parseCertificates(text);
    assert(parsed.ok);
    assert.equal(parsed.certificates.length, 2);
    assert.equal(parseCertificates(pem("root").repeat(32)).ok, true);
  });

  it("are found in time, whatever the text", () => {
    for (const text of [
      "-----BEGIN A-----".repeat(20_000),
      `-----BEGIN A-----${"A".repeat(400_000)}`,
      "-".repeat(400_000),
    ]) {
      assert.equal(pemBlocks(text, "CERTIFICATE"), undefined);
    }
    fc.assert(fc.property(fc.string(), (text) => assert.equal(parseCertificates(text).ok, false)));
  });

  it("lead to a root through every one above, or to nothing", () => {
    const parsed = parseCertificates(pem("chain"));
    assert(parsed.ok);
    const issuing = parsed.certificates.find(({ subject, issuer }) => subject !== issuer);
    const root = parsed.certificates.find(({ subject, issuer }) => subject === issuer);
    assert(issuing !== undefined && root !== undefined);
    assert.deepEqual(pathToRoot(issuing, [root]), [issuing, root]);
    assert.equal(pathToRoot(issuing, []), undefined);
    assert.equal(pathToRoot(issuing, [issuing]), undefined);
    assert.deepEqual(pathToRoot(root, []), [root]);
    assert.deepEqual(firstExpiry([issuing, root]), firstExpiry([root, issuing]));
    assert.equal(firstExpiry([root]).getTime(), Date.parse(root.validTo));
  });
});

describe("a certificate authority of one's own", () => {
  it("is trusted with its timestamp authorities, and says when it ends", () => {
    const root = valueOf(ownTrustRoot(pem("chain"), times));
    assert.deepEqual([root.hasTimestampAuthorities, root.demandsLog, root.demandsCertificateLog], [true, false, false]);
    assert.ok(root.expiresAt > new Date("2040-01-01"));
    assert.match(root.fingerprint, /^sha256:/);
    assert.equal(
      valueOf(ownTrustRoot(`${pem("root")}${pem("issuing")}`, times)).authorities.length,
      root.authorities.length,
    );
    assert.notEqual(valueOf(ownTrustRoot(pem("root"), times)).fingerprint, root.fingerprint);
    assert.equal(valueOf(readTrustedRoot(root.json)).fingerprint, root.fingerprint);
  });

  const refused: readonly (readonly [what: string, ca: string, problem: RegExp])[] = [
    ["an issuing authority without its root", pem("issuing"), /does not lead to a root that is given too/],
    ["a certificate that is no authority", `${pem("root")}${pem("tsa")}`, /is not a certificate authority/],
    ["no certificates", "?", /^its certificate authorities are not usable: it must be PEM/],
  ];
  for (const [what, ca, problem] of refused) {
    it(`is not ${what}`, () => assert.match(problemOf(ownTrustRoot(ca, times)), problem));
  }

  it("is nothing without a timestamp authority", () => {
    assert.match(problemOf(ownTrustRoot(pem("chain"), undefined)), /add one to spec\.timestampAuthorities/);
  });
});

describe("timestamp authorities", () => {
  it("are chains in any order, several in one text or in several", () => {
    assert.equal(times.chains.length, 1);
    assert.equal(valueOf(readTimestampRoot([`${pem("tsa-root")}${pem("tsa")}`])).fingerprint, times.fingerprint);
    assert.equal(valueOf(readTimestampRoot([pem("tsa-chain"), pem("tsa-chain")])).chains.length, 2);
    assert.equal(valueOf(readTimestampRoot([`${pem("tsa-chain")}${pem("tsa-root")}`])).chains.length, 1);
  });

  for (const [what, text, problem] of [
    ["without a certificate that signs", pem("tsa-root"), /no certificate that signs timestamps/],
    ["without a root", pem("tsa"), /does not lead to a root/],
    ["in other words", "?", /must be PEM/],
  ] as const) {
    it(`are not ${what}`, () => {
      assert.match(problemOf(readTimestampRoot([text])), problem);
      assert.match(problemOf(readTimestampRoot([pem("tsa-chain"), text])), problem);
    });
  }
});

describe("a trusted root", () => {
  const read = (changes: object): Parsed<unknown> => readTrustedRoot(JSON.stringify({ ...file, ...changes }));

  it("is what cosign makes, whatever the order of its fields", () => {
    const root = valueOf(readTrustedRoot(JSON.stringify(file)));
    assert.equal(root.hasTimestampAuthorities, true);
    const turned = Object.fromEntries(Object.entries(file).reverse());
    assert.equal(valueOf(readTrustedRoot(JSON.stringify(turned, null, 4))).fingerprint, root.fingerprint);
  });

  const chain = (certificate: string): object => ({ certChain: { certificates: [{ rawBytes: certificate }] } });
  const refused: readonly (readonly [what: string, changes: object, problem: RegExp])[] = [
    ["of another type", { mediaType: "application/json" }, /\(mediaType: /],
    [
      "without certificate authorities",
      { certificateAuthorities: [] },
      /at least one certificate authority \(certificateAuthorities: /,
    ],
    [
      "without anybody who proves a time",
      { timestampAuthorities: [], tlogs: [] },
      /neither a transparency log nor a timestamp authority/,
    ],
    [
      "with an authority without certificates",
      { certificateAuthorities: [{ certChain: { certificates: [] } }] },
      /certificateAuthorities\.0/,
    ],
    ["with a damaged certificate", { certificateAuthorities: [chain("AAAA")] }, /damaged/],
    ["with a certificate that is not base64", { certificateAuthorities: [chain("?")] }, /rawBytes/],
    ["with a damaged timestamp authority", { timestampAuthorities: [chain("AAAA")] }, /damaged/],
    ["with 33 logs", { tlogs: Array(33).fill(log) }, /tlogs/],
    ["with a damaged log", { tlogs: [log] }, /damaged|it is/],
  ];
  for (const [what, changes, problem] of refused) {
    it(`is not one ${what}`, () => assert.match(problemOf(read(changes)), problem));
  }

  it("is not any text", () => {
    assert.match(problemOf(readTrustedRoot("{")), /make it with cosign trusted-root create/);
    assert.match(problemOf(readTrustedRoot("null")), /it is not a trusted root/);
    fc.assert(fc.property(fc.json(), (text) => assert.equal(readTrustedRoot(text).ok, false)));
  });
});
