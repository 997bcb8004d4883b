import { z } from "zod";

/** What `cosign sign` states about an artifact. */
export const SIGNATURE_PREDICATE_TYPE = "https://sigstore.dev/cosign/sign/v1";
const payloadType = "application/vnd.in-toto+json";
/** Those of old attestations; a signature has the newest. */
const statementTypes: readonly string[] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];
const maxDepth = 64;
const maxTimestamps = 4;

const Base64 = z.base64().max(8 * 1024 * 1024);
const Certificate = z.object({ rawBytes: z.base64().max(32 * 1024) });

const Material = z
  .object({
    publicKey: z.object({ hint: z.string().max(256).optional() }).optional(),
    certificate: Certificate.optional(),
    x509CertificateChain: z.object({ certificates: z.array(Certificate).min(1).max(8) }).optional(),
    tlogEntries: z.array(z.unknown()).max(8).optional(),
    timestampVerificationData: z
      .object({
        rfc3161Timestamps: z
          .array(z.object({ signedTimestamp: z.base64().max(64 * 1024) }))
          .max(maxTimestamps)
          .optional(),
      })
      .optional(),
  })
  // A signature is by a key or by a certificate: where both are named, two readers may take different ones.
  .refine(
    ({ publicKey, certificate, x509CertificateChain }) =>
      [publicKey, certificate, x509CertificateChain].filter((one) => one !== undefined).length <= 1,
  );

const Bundle = z.object({
  mediaType: z.string().regex(/^application\/vnd\.dev\.sigstore\.bundle(\.v0\.3\+json|\+json;version=0\.[1-3])$/),
  verificationMaterial: Material.optional(),
  // One content only: where there are two, two readers may take different ones.
  messageSignature: z.undefined().optional(),
  dsseEnvelope: z.object({
    payload: Base64,
    payloadType: z.string().max(256),
    signatures: z.array(z.object({ sig: z.base64().max(16 * 1024) })).length(1),
  }),
});

const Statement = z.object({
  _type: z.string().max(256),
  subject: z
    .array(z.object({ digest: z.record(z.string(), z.string()) }))
    .min(1)
    .max(64),
  predicateType: z.string().min(1).max(512),
  predicate: z.unknown(),
});

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** By what a bundle says that it can be verified. */
export type SignedBy =
  { readonly kind: "Key"; readonly hint?: string | undefined } | { readonly kind: "Certificate"; readonly der: Buffer };

interface Statement {
  readonly envelope: Envelope;
  readonly signedBy: SignedBy;
  /** RFC 3161 responses over the signature. */
  readonly timestamps: readonly Buffer[];
}

export interface SignatureClaim extends Statement {
  readonly kind: "Signature";
}

export interface AttestationClaim extends Statement {
  readonly kind: "Attestation";
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** What a bundle says of itself. Nothing of it is proven until its signature is. */
export type BundleClaim =
  | SignatureClaim
  | AttestationClaim
  /** A signature of something else: attached here by mistake, or copied by somebody. */
  | { readonly kind: "OtherDigest"; readonly subjects: readonly string[]; readonly predicateType: string }
  /** An attestation that no policy asks for, so nobody has read it. */
  | { readonly kind: "NotRead"; readonly predicateType: string }
  | { readonly kind: "Malformed"; readonly problem: string };

/** Reads a bundle by our own eyes, so that no single parser decides what was signed. */
export function readBundle(bytes: Buffer, digest: string): BundleClaim {
  const bundle = Bundle.safeParse(parseJson(bytes));
  if (!bundle.success) return malformed("it is not a Sigstore bundle with one DSSE signature");
  const { dsseEnvelope, verificationMaterial: material } = bundle.data;
  if (dsseEnvelope.payloadType !== payloadType) return malformed("its payload is not an in-toto statement");
  const payload = Buffer.from(dsseEnvelope.payload, "base64");
  const content = parseJson(payload);
  // Whoever goes through it does so step by step into the depth.
  if (isDeeperThan(content, maxDepth)) return malformed(`its payload is nested deeper than ${maxDepth} levels`);
  const statement = Statement.safeParse(content);
  if (!statement.success || !statementTypes.includes(statement.data._type))
    return malformed("its payload is not an in-toto statement");
  const { _type, predicateType, predicate, subject } = statement.data;
  // People are shown these: what is no digest, but any text of whoever may push, is left out.
  const subjects = subject.flatMap((entry) => {
    const sha256 = Object.hasOwn(entry.digest, "sha256") ? entry.digest["sha256"] : undefined;
    return sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? `sha256:${sha256}` : [];
  });
  if (!subjects.includes(digest)) return { kind: "OtherDigest", subjects, predicateType };
  const common = {
    envelope: { payloadType, payload, signature: Buffer.from(dsseEnvelope.signatures[0]?.sig ?? "", "base64") },
    signedBy: signedBy(material),
    timestamps: (material?.timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) =>
      Buffer.from(signedTimestamp, "base64"),
    ),
  };
  if (predicateType !== SIGNATURE_PREDICATE_TYPE) return { kind: "Attestation", predicateType, predicate, ...common };
  if (_type !== statementTypes[0]) return malformed("its payload is not an in-toto statement of version 1");
  return { kind: "Signature", ...common };
}

/** A bundle of a signature by a key that holds nothing but what such a signature needs. */
export function keyBundle({ payload, payloadType: type, signature }: Envelope): Buffer {
  const bundle = {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: {} },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType: type,
      signatures: [{ sig: signature.toString("base64") }],
    },
  };
  return Buffer.from(JSON.stringify(bundle));
}

function signedBy(material: z.output<typeof Bundle>["verificationMaterial"]): SignedBy {
  const leaf = material?.certificate ?? material?.x509CertificateChain?.certificates[0];
  if (leaf !== undefined) return { kind: "Certificate", der: Buffer.from(leaf.rawBytes, "base64") };
  const hint = fingerprintOf(material?.publicKey?.hint);
  return hint === undefined ? { kind: "Key" } : { kind: "Key", hint };
}

/** The hint is the sha256 of the key in base64; in our notation people can compare it with a policy's status. */
function fingerprintOf(hint: string | undefined): string | undefined {
  const hash = Buffer.from(hint ?? "", "base64");
  return hash.length === 32 ? `sha256:${hash.toString("hex")}` : undefined;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((entry) => isDeeperThan(entry, levels - 1));
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
