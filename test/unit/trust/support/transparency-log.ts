import { createHash, generateKeyPairSync, sign } from "node:crypto";
import type { Envelope } from "../../../../src/trust/bundle.ts";

interface Parts {
  readonly verificationMaterial: object;
}

/** A transparency log as Rekor was in its first version: it signs the time of each entry. */
export class TransparencyLog {
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });

  /** How a trusted root lists it. */
  get listed(): object {
    return {
      baseUrl: "https://rekor.bank.example",
      hashAlgorithm: "SHA2_256",
      publicKey: {
        rawBytes: this.#publicKey.toString("base64"),
        keyDetails: "PKIX_ECDSA_P256_SHA_256",
        validFor: { start: "2020-01-01T00:00:00Z" },
      },
      logId: { keyId: this.#id.toString("base64") },
    };
  }

  /** The bundle with an entry of this log, in the oldest form, to which the log's signature is enough. */
  add(bundle: Buffer, { payload, signature }: Envelope, at: Date): Buffer {
    const parts = JSON.parse(bundle.toString()) as Parts;
    const value = createHash("sha256").update(payload).digest("hex");
    const content = {
      apiVersion: "0.0.1",
      kind: "dsse",
      spec: { payloadHash: { algorithm: "sha256", value }, signatures: [{ signature: signature.toString("base64") }] },
    };
    const body = Buffer.from(JSON.stringify(content)).toString("base64");
    const integratedTime = at.getTime() / 1000;
    const promised = JSON.stringify({ body, integratedTime, logID: this.#id.toString("hex"), logIndex: 1 });
    const promise = sign("sha256", Buffer.from(promised), this.#keys.privateKey);
    const entry = {
      logIndex: "1",
      logId: { keyId: this.#id.toString("base64") },
      kindVersion: { kind: "dsse", version: "0.0.1" },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: promise.toString("base64") },
      canonicalizedBody: body,
    };
    return Buffer.from(
      JSON.stringify({
        ...parts,
        mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
        verificationMaterial: { ...parts.verificationMaterial, tlogEntries: [entry] },
      }),
    );
  }

  get #publicKey(): Buffer {
    return this.#keys.publicKey.export({ type: "spki", format: "der" });
  }

  get #id(): Buffer {
    return createHash("sha256").update(this.#publicKey).digest();
  }
}

export function withoutTimestamps(bundle: Buffer): Buffer {
  const parts = JSON.parse(bundle.toString()) as { verificationMaterial: { timestampVerificationData?: object } };
  delete parts.verificationMaterial.timestampVerificationData;
  return Buffer.from(JSON.stringify(parts));
}
