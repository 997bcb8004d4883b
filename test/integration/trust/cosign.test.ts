import assert from "node:assert/strict";
import { Cosign, parsePublicKey } from "../../../src/trust/index.ts";
import { vector, vectorDigests } from "../../unit/trust/support/build.ts";
import { cosignPath } from "./support/signer.ts";

const predicateType = "https://sigstore.dev/cosign/sign/v1";

describe("the real cosign", () => {
  const cosign = new Cosign({ path: cosignPath });

  function judge(bundle: string, key: string, overrides: object = {}): Promise<{ outcome: string; detail?: string }> {
    return cosign.verifyBundle({
      bundle: vector(`${bundle}.bundle.json`),
      by: { kind: "Key", publicKeyPem: vector(`${key}.pub`).toString() },
      digest: vectorDigests.model,
      predicateType,
      ...overrides,
    });
  }

  it("passes its test", async () => {
    const result = await cosign.selfTest();
    assert.ok(result.ok, JSON.stringify(result));
    assert.match(result.version, /^v3\./);
  });

  for (const key of ["p256", "rsa2048", "rsa4096"]) {
    it(`accepts a signature by the key ${key}, and none of it by another key or for another digest`, async () => {
      assert.deepEqual(await judge(key, key), { outcome: "valid" });
      assert.equal((await judge(key, "stranger")).outcome, "invalid");
      assert.equal((await judge(key, key, { digest: vectorDigests.other })).outcome, "invalid");
      assert.equal((await judge(key, key, { predicateType: "https://example.com/scan/v1" })).outcome, "invalid");
    });
  }

  it("refuses what is no signature of the artifact", async () => {
    assert.equal((await judge("other-digest", "p256")).outcome, "invalid");
    assert.equal((await judge("attestation", "p256")).outcome, "invalid");
    for (const bundle of [Buffer.from("{}"), Buffer.from("not JSON"), Buffer.alloc(0)]) {
      assert.equal((await judge("p256", "p256", { bundle })).outcome, "invalid");
    }
  });

  it("refuses a signature of which one byte was changed", async () => {
    const bundle = JSON.parse(vector("p256.bundle.json").toString()) as {
      dsseEnvelope: { signatures: { sig: string }[] };
    };
    const [signature] = bundle.dsseEnvelope.signatures;
    assert.ok(signature !== undefined);
    const bytes = Buffer.from(signature.sig, "base64");
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    signature.sig = bytes.toString("base64");
    assert.equal((await judge("p256", "p256", { bundle: Buffer.from(JSON.stringify(bundle)) })).outcome, "invalid");
  });

  // sigstore/cosign#5091, #5063, #5074. When this fails, cosign has learned it, and `parsePublicKey` may take these keys.
  for (const key of ["p384", "p521", "ed25519"]) {
    it(`does not accept what it signed itself with ${key}, so no policy takes such a key`, async () => {
      assert.equal((await judge(key, key)).outcome, "invalid");
      assert.equal(parsePublicKey(vector(`${key}.pub`).toString()).ok, false);
    });
  }

  it("ends with the caller's signal", async () => {
    assert.equal((await judge("p256", "p256", { signal: AbortSignal.abort() })).outcome, "indeterminate");
  });
});
