import { sign, type KeyObject } from "node:crypto";
import { SIGNATURE_PREDICATE_TYPE } from "../../../../src/trust/bundle.ts";
import { preAuthEncoding } from "../../../../src/trust/dsse.ts";
import { bundleType } from "./fake-registry.ts";

const inToto = "application/vnd.in-toto+json";

interface Signed {
  readonly payload: string | Buffer;
  readonly payloadType?: string;
  readonly keys: readonly KeyObject[];
}

/** A bundle in which each of the keys has signed the payload, whatever that is. */
export function envelopeOf({ payload: content, payloadType = inToto, keys }: Signed): string {
  const payload = Buffer.from(content);
  const signatures = keys.map((key) => ({
    sig: sign("sha256", preAuthEncoding({ payloadType, payload }), key).toString("base64"),
  }));
  return JSON.stringify({
    mediaType: bundleType,
    verificationMaterial: { publicKey: {} },
    dsseEnvelope: { payload: payload.toString("base64"), payloadType, signatures },
  });
}

export function statementOf(
  subject: string,
  predicateType = SIGNATURE_PREDICATE_TYPE,
  predicate: unknown = {},
): string {
  return JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { sha256: subject.slice("sha256:".length) } }],
    predicateType,
    predicate,
  });
}

/** What `cosign sign` makes with a key, or with another type what `cosign attest` does. */
export function bundleOf(subject: string, key: KeyObject, predicateType?: string): string {
  return envelopeOf({ payload: statementOf(subject, predicateType), keys: [key] });
}
