import { verify } from "node:crypto";
import { z } from "zod";
import { EVIDENCE_PREDICATE_TYPE, EvidenceStatement, STATEMENT_TYPE } from "../api/index.ts";
import type { PublicKey } from "../trust/index.ts";
import { canonicalJson } from "./canonical.ts";
import type { SigningKey } from "./signing-key.ts";

/** A Sigstore bundle with one DSSE signature, as cosign verify-blob-attestation reads it. */
export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const maxBundleBytes = 1024 * 1024;
const payloadType = "application/vnd.in-toto+json";

const Bundle = z.strictObject({
  mediaType: z.literal(BUNDLE_TYPE),
  verificationMaterial: z.strictObject({ publicKey: z.strictObject({ hint: z.base64().max(64) }) }),
  dsseEnvelope: z.strictObject({
    payload: z.base64(),
    payloadType: z.string().max(256),
    signatures: z.array(z.strictObject({ sig: z.base64().max(512) })).max(16),
  }),
});

/** What is wrong with a record by itself, or with its place. These are API: people filter by them. */
export type RecordProblem =
  | "Unreadable"
  | "SignatureCount"
  | "WrongPayloadType"
  | "WrongStatement"
  | "WrongPredicateType"
  | "NotCanonical"
  | "UnknownKey"
  | "BadSignature";

export type ReadRecord =
  | { readonly ok: true; readonly statement: EvidenceStatement; readonly signature: Signature }
  | { readonly ok: false; readonly problem: RecordProblem; readonly message: string };

export interface Signature {
  /** Of the key it names: a hint, not a proof. */
  readonly keyFingerprint: string;
  readonly signed: Buffer;
  readonly bytes: Buffer;
}

/** @throws ZodError when the statement is not of the documented form: nothing else is ever signed. */
export function signRecord(statement: EvidenceStatement, key: SigningKey): Buffer {
  const payload = Buffer.from(canonicalJson(EvidenceStatement.parse(statement)));
  const hint = Buffer.from(key.public.fingerprint.slice("sha256:".length), "hex").toString("base64");
  const signature = key.sign(preAuthEncoding(payloadType, payload));
  const bundle: z.output<typeof Bundle> = {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint } },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType,
      signatures: [{ sig: signature.toString("base64") }],
    },
  };
  return Buffer.from(canonicalJson(bundle));
}

/** Reads a record without believing it: whose signature it is has to be asked with `isSignedBy`. */
export function readRecord(bytes: Buffer): ReadRecord {
  if (bytes.length > maxBundleBytes) return bad("Unreadable", `it is longer than ${maxBundleBytes} bytes`);
  const bundle = Bundle.safeParse(parseJson(bytes));
  if (!bundle.success) return bad("Unreadable", "it is not a Sigstore bundle v0.3 with a DSSE envelope");
  const { dsseEnvelope: envelope, verificationMaterial } = bundle.data;
  const [first, ...others] = envelope.signatures;
  if (first === undefined || others.length > 0)
    return bad("SignatureCount", `it has ${envelope.signatures.length} signatures instead of one`);
  if (envelope.payloadType !== payloadType)
    return bad("WrongPayloadType", `its payload is ${envelope.payloadType}, not an in-toto statement`);
  const payload = Buffer.from(envelope.payload, "base64");
  const json = parseJson(payload);
  const head = z.object({ _type: z.string(), predicateType: z.string() }).safeParse(json);
  if (!head.success || head.data._type !== STATEMENT_TYPE)
    return bad("WrongStatement", "its payload is not an in-toto statement of version 1");
  if (head.data.predicateType !== EVIDENCE_PREDICATE_TYPE)
    return bad("WrongPredicateType", `its predicate is ${head.data.predicateType.slice(0, 256)}, which is no evidence`);
  const statement = EvidenceStatement.safeParse(json);
  if (!statement.success) {
    const [issue] = statement.error.issues;
    return bad("WrongStatement", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not of the documented form"}`);
  }
  // Two spellings could mean two things to two readers, a key that is there twice for one.
  if (!payload.equals(Buffer.from(canonicalJson(statement.data))))
    return bad("NotCanonical", "its statement is not written in canonical JSON");
  if (!bytes.equals(Buffer.from(canonicalJson(bundle.data))))
    return bad("NotCanonical", "the bundle is not written in canonical JSON");
  const hint = Buffer.from(verificationMaterial.publicKey.hint, "base64");
  return {
    ok: true,
    statement: statement.data,
    signature: {
      keyFingerprint: `sha256:${hint.toString("hex")}`,
      signed: preAuthEncoding(payloadType, payload),
      bytes: Buffer.from(first.sig, "base64"),
    },
  };
}

export function isSignedBy({ signed, bytes }: Signature, { key }: PublicKey): boolean {
  return verify("sha256", signed, key, bytes);
}

/** What DSSE signs: the payload together with its type and the lengths of both. */
function preAuthEncoding(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

function bad(problem: RecordProblem, message: string): ReadRecord {
  return { ok: false, problem, message };
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
