import assert from "node:assert/strict";
import fc from "fast-check";
import { readBundle, SIGNATURE_PREDICATE_TYPE, type BundleClaim } from "../../../src/trust/bundle.ts";
import { isSignedBy } from "../../../src/trust/dsse.ts";
import { stranger, vector, vectorDigests, vectorKey } from "./support/build.ts";

const { model } = vectorDigests;

interface Parts {
  mediaType: string;
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

function altered(change: (parts: Parts) => void): BundleClaim {
  const parts = JSON.parse(vector("p256.bundle.json").toString()) as Parts;
  change(parts);
  return readBundle(Buffer.from(JSON.stringify(parts)), model);
}

function withStatement(change: (statement: Record<string, unknown>) => void): BundleClaim {
  return altered(({ dsseEnvelope }) => {
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as Record<string, unknown>;
    change(statement);
    dsseEnvelope.payload = Buffer.from(JSON.stringify(statement)).toString("base64");
  });
}

describe("bundles", () => {
  for (const name of ["p256", "rsa2048", "rsa4096"]) {
    it(`finds in what cosign made with ${name} a signature of the artifact, by that key and no other`, () => {
      const claim = readBundle(vector(`${name}.bundle.json`), model);
      assert.equal(claim.kind, "Signature");
      const key = vectorKey(`${name}.pub`);
      assert.deepEqual(claim.signedBy, { kind: "Key", hint: key.fingerprint });
      assert.equal(isSignedBy(claim.envelope, key.key), true);
      assert.equal(isSignedBy(claim.envelope, stranger.key), false);
    });

    it(`sees that one byte of what ${name} signed was changed`, () => {
      const claim = readBundle(vector(`${name}.bundle.json`), model);
      assert.equal(claim.kind, "Signature");
      const { key } = vectorKey(`${name}.pub`);
      const { envelope } = claim;
      fc.assert(
        fc.property(
          fc.constantFrom("payload", "signature"),
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          (part, at, flip) => {
            const bytes = Buffer.from(envelope[part]);
            const index = at % bytes.length;
            bytes[index] = (bytes[index] ?? 0) ^ flip;
            assert.equal(isSignedBy({ ...envelope, [part]: bytes }, key), false);
          },
        ),
        { numRuns: 30 },
      );
      assert.equal(isSignedBy({ ...envelope, payloadType: "text/plain" }, key), false);
    });
  }

  it("tells a signature of another digest, also one that was copied", () => {
    assert.deepEqual(readBundle(vector("other-digest.bundle.json"), model), {
      kind: "OtherDigest",
      subjects: [vectorDigests.other],
      predicateType: SIGNATURE_PREDICATE_TYPE,
    });
    assert.equal(readBundle(vector("p256.bundle.json"), vectorDigests.other).kind, "OtherDigest");
  });

  it("tells an attestation", () => {
    const claim = readBundle(vector("attestation.bundle.json"), model);
    assert.equal(claim.kind, "Attestation");
    assert.equal(claim.predicateType, "https://example.com/scan/v1");
    assert.deepEqual(claim.predicate, { note: "scanned" });
  });

  it("finds the digest among several subjects", () => {
    const claim = withStatement((statement) => {
      statement["subject"] = [{ digest: { sha512: "00" } }, { digest: { sha256: model.slice("sha256:".length) } }];
    });
    assert.equal(claim.kind, "Signature");
  });

  const refused: readonly (readonly [what: string, claim: () => BundleClaim, kind: BundleClaim["kind"]])[] = [
    ["another payload type", () => altered((parts) => (parts.dsseEnvelope.payloadType = "text/plain")), "Malformed"],
    ["another media type", () => altered((parts) => (parts.mediaType = "application/json")), "Malformed"],
    ["no signature", () => altered((parts) => (parts.dsseEnvelope.signatures = [])), "Malformed"],
    ["two signatures", () => altered((parts) => parts.dsseEnvelope.signatures.push({ sig: "AAAA" })), "Malformed"],
    [
      "a signature that is not base64",
      () => altered((parts) => (parts.dsseEnvelope.signatures = [{ sig: "?" }])),
      "Malformed",
    ],
    ["a payload that is not JSON", () => altered((parts) => (parts.dsseEnvelope.payload = "AAAA")), "Malformed"],
    [
      "an older statement",
      () => withStatement((statement) => (statement["_type"] = "https://in-toto.io/Statement/v0.1")),
      "Malformed",
    ],
    ["no subject", () => withStatement((statement) => (statement["subject"] = [])), "Malformed"],
    [
      "a subject without sha256",
      () => withStatement((statement) => (statement["subject"] = [{ digest: { sha512: "00" } }])),
      "OtherDigest",
    ],
    [
      "a subject in upper case",
      () =>
        withStatement((statement) => (statement["subject"] = [{ digest: { sha256: model.slice(7).toUpperCase() } }])),
      "OtherDigest",
    ],
    [
      "a signature of a file beside the envelope",
      () => altered((parts) => Object.assign(parts, { messageSignature: { signature: "AAAA" } })),
      "Malformed",
    ],
    [
      "a certificate beside a key",
      () =>
        altered((parts) =>
          Object.assign(parts, { verificationMaterial: { publicKey: {}, certificate: { rawBytes: "AAAA" } } }),
        ),
      "Malformed",
    ],
    [
      "a certificate beside a chain",
      () =>
        altered((parts) =>
          Object.assign(parts, {
            verificationMaterial: {
              certificate: { rawBytes: "AAAA" },
              x509CertificateChain: { certificates: [{ rawBytes: "AAAB" }] },
            },
          }),
        ),
      "Malformed",
    ],
    [
      "five timestamps",
      () =>
        altered((parts) =>
          Object.assign(parts, {
            verificationMaterial: {
              publicKey: {},
              timestampVerificationData: { rfc3161Timestamps: Array(5).fill({ signedTimestamp: "AAAA" }) },
            },
          }),
        ),
      "Malformed",
    ],
    ["no predicate type", () => withStatement((statement) => delete statement["predicateType"]), "Malformed"],
  ];
  for (const [what, claim, kind] of refused) it(`takes ${what} for ${kind}`, () => assert.equal(claim().kind, kind));

  it("repeats no text in place of a digest: whoever may push writes it, and people read it", () => {
    const claim = withStatement((statement) => {
      statement["subject"] = [{ digest: { sha256: "all is well\nsign here" } }, { digest: { sha256: "0".repeat(64) } }];
    });
    assert(claim.kind === "OtherDigest");
    assert.deepEqual(claim.subjects, [`sha256:${"0".repeat(64)}`]);
  });

  it("reads 64 levels of nesting and no more, also where these are thousands", () => {
    const nested = (levels: number): BundleClaim["kind"] => {
      // The statement and its predicate are two of them.
      let predicate: unknown = "x";
      for (let level = 0; level < levels - 1; level++) predicate = [predicate];
      return withStatement((statement) =>
        Object.assign(statement, { predicateType: "https://example.com/x", predicate }),
      ).kind;
    };
    assert.equal(nested(64), "Attestation");
    assert.equal(nested(65), "Malformed");
    const deep = Buffer.from(`${"[".repeat(200_000)}${"]".repeat(200_000)}`);
    assert.equal(altered((parts) => (parts.dsseEnvelope.payload = deep.toString("base64"))).kind, "Malformed");
    assert.equal(readBundle(deep, model).kind, "Malformed");
  });

  it("keeps a predicate's own __proto__ for data", () => {
    const claim = altered((parts) => {
      const text = Buffer.from(parts.dsseEnvelope.payload, "base64").toString();
      const statement = JSON.stringify({ ...(JSON.parse(text) as object), predicateType: "https://example.com/x" });
      const payload = statement.replace(/"predicate":\{.*?\}/, '"predicate":{"__proto__":{"score":1}}');
      assert.match(payload, /__proto__/);
      parts.dsseEnvelope.payload = Buffer.from(payload).toString("base64");
    });
    assert(claim.kind === "Attestation");
    assert.equal((claim.predicate as { score?: number }).score, undefined);
    assert.deepEqual(Object.keys(claim.predicate as object), ["__proto__"]);
  });

  it("takes any bytes and finds no signature in them", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          assert.equal(readBundle(bytes, model).kind, "Malformed");
        },
      ),
    );
  });
});
