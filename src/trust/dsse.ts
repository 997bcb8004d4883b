import { constants, verify, type KeyObject } from "node:crypto";
import type { Envelope } from "./bundle.ts";

/** What DSSE signs: the payload together with its type and the lengths of both. */
export function preAuthEncoding({ payloadType, payload }: Pick<Envelope, "payloadType" | "payload">): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/**
 * Whether the key may have made the signature. "No" is certain; "yes" is for cosign to confirm. It keeps the signatures
 * of strangers, of which anybody who may push can attach many, from costing a process each; and it keeps one fault in
 * one verifier from admitting anything.
 */
export function mayHaveSigned(envelope: Envelope, key: KeyObject): boolean {
  const data = preAuthEncoding(envelope);
  return candidates(key).some(({ algorithm, padding }) => {
    try {
      return verify(algorithm, data, padding === undefined ? key : { key, padding }, envelope.signature);
    } catch {
      return false; // A signature that is not even well formed.
    }
  });
}

interface Candidate {
  readonly algorithm: string | null;
  readonly padding?: number;
}

/** Every way in which Sigstore clients sign with a key of this kind. */
function candidates(key: KeyObject): readonly Candidate[] {
  const hashes = ["sha256", "sha384", "sha512"];
  const kind = key.asymmetricKeyType;
  if (kind === "ed25519") return [{ algorithm: null }];
  if (kind !== "rsa") return hashes.map((algorithm) => ({ algorithm }));
  const paddings = [constants.RSA_PKCS1_PADDING, constants.RSA_PKCS1_PSS_PADDING];
  return hashes.flatMap((algorithm) => paddings.map((padding) => ({ algorithm, padding })));
}
