import { z } from "zod";

/** What `cosign sign` states about an artifact. */
export const SIGNATURE_PREDICATE_TYPE = "https://sigstore.dev/cosign/sign/v1";
const payloadType = "application/vnd.in-toto+json";
const statementType = "https://in-toto.io/Statement/v1";

const Base64 = z.base64().max(1024 * 1024);

const Bundle = z.object({
  mediaType: z.string().regex(/^application\/vnd\.dev\.sigstore\.bundle(\.v0\.3\+json|\+json;version=0\.[1-3])$/),
  verificationMaterial: z
    .object({ publicKey: z.object({ hint: z.string().max(256).optional() }).optional() })
    .optional(),
  dsseEnvelope: z.object({
    payload: Base64,
    payloadType: z.string().max(256),
    signatures: z.array(z.object({ sig: Base64 })).length(1),
  }),
});

const Statement = z.object({
  _type: z.string().max(256),
  subject: z
    .array(z.object({ digest: z.record(z.string(), z.string()) }))
    .min(1)
    .max(64),
  predicateType: z.string().min(1).max(512),
});

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** What a bundle says of itself. Nothing of it is proven until its signature is. */
export type BundleClaim =
  | { readonly kind: "Signature"; readonly envelope: Envelope; readonly keyHint?: string | undefined }
  /** A signature of something else: attached here by mistake, or copied by somebody. */
  | { readonly kind: "OtherDigest"; readonly subjects: readonly string[] }
  /** An attestation, which vouches for nothing by itself. */
  | { readonly kind: "OtherPredicate"; readonly predicateType: string }
  | { readonly kind: "Malformed"; readonly problem: string };

/** Reads a bundle by our own eyes, so that no single parser decides what was signed. */
export function readBundle(bytes: Buffer, digest: string): BundleClaim {
  const bundle = Bundle.safeParse(parseJson(bytes));
  if (!bundle.success) return malformed("it is not a Sigstore bundle with one DSSE signature");
  const { dsseEnvelope, verificationMaterial } = bundle.data;
  if (dsseEnvelope.payloadType !== payloadType) return malformed("its payload is not an in-toto statement");
  const payload = Buffer.from(dsseEnvelope.payload, "base64");
  const statement = Statement.safeParse(parseJson(payload));
  if (!statement.success) return malformed("its payload is not an in-toto statement");
  const { _type, predicateType, subject } = statement.data;
  if (predicateType !== SIGNATURE_PREDICATE_TYPE) return { kind: "OtherPredicate", predicateType };
  if (_type !== statementType) return malformed("its payload is not an in-toto statement of version 1");
  const subjects = subject.flatMap((entry) =>
    Object.hasOwn(entry.digest, "sha256") ? `sha256:${entry.digest["sha256"] ?? ""}` : [],
  );
  if (!subjects.includes(digest)) return { kind: "OtherDigest", subjects };
  return {
    kind: "Signature",
    envelope: { payloadType, payload, signature: Buffer.from(dsseEnvelope.signatures[0]?.sig ?? "", "base64") },
    keyHint: fingerprintOf(verificationMaterial?.publicKey?.hint),
  };
}

/** The hint is the sha256 of the key in base64; in our notation people can compare it with a policy's status. */
function fingerprintOf(hint: string | undefined): string | undefined {
  const hash = Buffer.from(hint ?? "", "base64");
  return hash.length === 32 ? `sha256:${hash.toString("hex")}` : undefined;
}

function malformed(problem: string): BundleClaim {
  return { kind: "Malformed", problem };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
