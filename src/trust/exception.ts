import type { IndeterminateReason, RejectedReason } from "./verdict.ts";

/** What a person allows for a short time although the policies do not (a ModelAction of type BreakGlass). */
export interface Exception {
  /** The ModelAction. */
  readonly name: string;
  readonly digest: string;
  readonly approver: string;
  readonly reason: string;
  readonly notAfter: Date;
}

/**
 * What nobody can allow: content that is not what its digest says, what is on a deny list, and signatures that were forged
 * or whose certificate is revoked. A deny list outweighs all that vouch, people included.
 */
const final: ReadonlySet<RejectedReason | IndeterminateReason> = new Set<RejectedReason | IndeterminateReason>([
  "DigestDenied",
  "SignerDenied",
  "InvalidReference",
  "AddressDenied",
  "ArtifactNotFound",
  "ArtifactUnsupported",
  "ManifestDigestMismatch",
  "LayerDigestMismatch",
  "InvalidSignature",
  "CertificateRevoked",
]);

/** The exception that applies to a refusal now: the one that lasts longest. */
export function exceptionFor(
  exceptions: readonly Exception[],
  refusal: { readonly digest: string | undefined; readonly reason: RejectedReason | IndeterminateReason },
  now: Date,
): Exception | undefined {
  if (final.has(refusal.reason)) return undefined;
  return exceptions
    .filter(({ digest, notAfter }) => digest === refusal.digest && now < notAfter)
    .reduce<Exception | undefined>(
      (last, next) => (last !== undefined && last.notAfter >= next.notAfter ? last : next),
      undefined,
    );
}
