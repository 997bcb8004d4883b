import { verify, type KeyObject } from "node:crypto";
import type { Envelope } from "./bundle.ts";

/** What DSSE signs: the payload together with its type and the lengths of both. */
export function preAuthEncoding({ payloadType, payload }: Pick<Envelope, "payloadType" | "payload">): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

const hashes: ReadonlyMap<string, string> = new Map([
  ["secp384r1", "sha384"],
  ["secp521r1", "sha512"],
]);

/**
 * Whether the key made the signature, by our own arithmetic; cosign must confirm it. It keeps the signatures of
 * strangers, of which anybody who may push can attach many, from costing a process each; and it keeps one fault in one
 * verifier from admitting anything. The hash is the one that goes with the kind of key, as cosign takes it.
 */
export function isSignedBy(envelope: Envelope, key: KeyObject): boolean {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  return verify(hashes.get(curve) ?? "sha256", preAuthEncoding(envelope), key, envelope.signature);
}
