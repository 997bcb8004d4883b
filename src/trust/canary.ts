import { SIGNATURE_PREDICATE_TYPE } from "./bundle.ts";
import { canaryVector } from "./canary-vector.ts";

const { digest, publicKeyPem, otherKeyPem, bundle } = canaryVector;
const good = {
  digest,
  by: { kind: "Key", publicKeyPem },
  bundle: Buffer.from(bundle),
  predicateType: SIGNATURE_PREDICATE_TYPE,
} as const;

/** What a sound verifier accepts, and what it refuses: the wrong digest, the wrong key, the wrong kind of statement. */
export const canary = {
  good,
  bad: [
    { ...good, digest: digest.replace(/.{8}$/, "00000000") },
    { ...good, by: { kind: "Key", publicKeyPem: otherKeyPem } },
    { ...good, predicateType: "https://example.com/other/v1" },
  ],
} as const;
