import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { parsePublicKey } from "../../../src/trust/index.ts";
import { vector } from "./support/build.ts";

function problem(pem: string): string {
  const parsed = parsePublicKey(pem);
  assert.ok(!parsed.ok);
  return parsed.problem;
}

describe("public keys", () => {
  for (const file of ["p256.pub", "rsa2048.pub", "rsa4096.pub", "stranger.pub"]) {
    it(`takes ${file} as cosign wrote it, and knows it by its SubjectPublicKeyInfo`, () => {
      const pem = vector(file).toString();
      const parsed = parsePublicKey(pem);
      assert.ok(parsed.ok);
      const der = createPublicKey(pem).export({ type: "spki", format: "der" });
      assert.equal(parsed.key.fingerprint, `sha256:${createHash("sha256").update(der).digest("hex")}`);
    });
  }

  it("is the same key however its text is laid out", () => {
    const pem = vector("p256.pub").toString();
    const variants = [pem, `\n\n${pem}\n`, pem.replaceAll("\n", "\r\n"), pem.trim()].map(parsePublicKey);
    const keys = variants.flatMap((parsed) => (parsed.ok ? [parsed.key] : []));
    assert.equal(keys.length, 4);
    assert.equal(new Set(keys.map((key) => key.fingerprint)).size, 1);
    assert.equal(new Set(keys.map((key) => key.pem)).size, 1);
  });

  it("refuses a private key of any kind and repeats none of it", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const sec1 = privateKey.export({ type: "sec1", format: "pem" }).toString();
    const cosign =
      "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
    for (const pem of [pkcs8, sec1, cosign, vector("p256.pub").toString() + pkcs8]) {
      const message = problem(pem);
      assert.match(message, /PRIVATE key/);
      for (const line of pem.split("\n").filter((text) => text.length > 5)) assert.ok(!message.includes(line));
    }
  });

  const unusable: readonly (readonly [what: string, pem: string, message: RegExp])[] = [
    ["nothing", "", /exactly one PEM block/],
    ["words", "release key", /exactly one PEM block/],
    ["two keys", vector("p256.pub").toString() + vector("stranger.pub").toString(), /exactly one PEM block/],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", /openssl x509/],
    ["damaged base64", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", /damaged/],
    ["something endless", "A".repeat(20_000), /longer than/],
    ["a short RSA key", pemOf("rsa", { modulusLength: 1024 }), /1024 bits/],
    ["a curve that is not supported", pemOf("ec", { namedCurve: "secp256k1" }), /key on secp256k1/],
    [
      "P-384, which cosign signs with but does not verify",
      vector("p384.pub").toString(),
      /key on secp384r1; use an EC key on P-256/,
    ],
    ["P-521", vector("p521.pub").toString(), /key on secp521r1/],
    ["Ed25519", vector("ed25519.pub").toString(), /Ed25519 key; use/],
    ["an RSA key of an odd size", pemOf("rsa", { modulusLength: 2056 }), /2056 bits/],
    ["a key for key agreement", pemOf("x25519"), /type is not supported/],
    ["Ed448", pemOf("ed448"), /type is not supported/],
  ];
  for (const [what, pem, message] of unusable) {
    it(`refuses ${what} and says what to give`, () => assert.match(problem(pem), message));
  }
});

function pemOf(type: string, options: object = {}): string {
  const generate = generateKeyPairSync as (
    type: string,
    options: object,
  ) => { publicKey: ReturnType<typeof createPublicKey> };
  return generate(type, options).publicKey.export({ type: "spki", format: "pem" }).toString();
}
