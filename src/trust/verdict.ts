import type { VerdictStatus } from "../api/verdict.ts";
import type { FormatRefusal } from "../formats/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { Exception } from "./exception.ts";

const maxWarnings = 16;

/** These are API: they stand in conditions and people filter by them. */
export type RejectedReason =
  /** What is in a model. */
  | FormatRefusal
  | "DigestDenied"
  | "PolicyMissing"
  | "OutOfScope"
  | "NoPolicy"
  | "NoAuthorities"
  | "PolicyNotReady"
  | "InvalidReference"
  | "AddressDenied"
  | "ArtifactNotFound"
  /** A manifest that this operator, or a container runtime, cannot make sense of. */
  | "ArtifactUnsupported"
  | "ManifestDigestMismatch"
  | "LayerDigestMismatch"
  | "NoSignature"
  | "InvalidSignature"
  | "UntrustedSigner"
  | "SignerDenied"
  | "CertificateRevoked"
  /** An age is demanded and no time of signing is proven. */
  | "SigningTimeUnproven"
  | "TooNew"
  | "TooOld"
  /** Fewer distinct authorities have signed than the policy demands. */
  | "ThresholdNotMet"
  | "AttestationMissing"
  /** An attestation is there and says what the policy does not accept. */
  | "AttestationRejected";

export type IndeterminateReason =
  | "RegistryUnavailable"
  | "RegistryUnauthorized"
  | "VerifierUnavailable"
  | "PolicyUnreadable"
  /** Such as a key in a key management service that does not answer. */
  | "AuthorityUnknown"
  | "RevocationUnknown";

export interface Signer {
  readonly policy: string;
  readonly authority: string;
  readonly keyFingerprint: string;
  /** Whom the certificate names; signers by key have none. */
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  /** Where it is proven. */
  readonly signedAt?: Date | undefined;
}

/** Who made an attestation that a policy demands. */
export interface AttestedBy {
  readonly policy: string;
  readonly name: string;
  readonly authority: string;
}

export interface PolicyGeneration {
  readonly name: string;
  readonly generation: number;
}

/** How long a verdict holds, and what happens to what runs on it afterwards. */
export interface Term {
  readonly verifiedAt: Date;
  readonly notAfter: Date;
  readonly onExpiry: "Quarantine" | "KeepRunning";
  /** With `KeepRunning`: from then on it is quarantined all the same. */
  readonly graceUntil: Date;
}

interface Common {
  readonly message: string;
  readonly digest?: string | undefined;
  /** Every Enforce policy that had a say. */
  readonly policies: readonly PolicyGeneration[];
  readonly trustFingerprint: string;
  readonly decidedAt: Date;
  readonly recheckAfter: Date;
  /** What Warn policies would have said, and what else people should know. */
  readonly warnings: readonly string[];
}

export interface Verified extends Common, Term {
  readonly outcome: "Verified";
  /** BreakGlass: not the policies but a person allows it. */
  readonly reason: "Verified" | "BreakGlass";
  readonly digest: string;
  /** At least one for every policy, unless the glass was broken. */
  readonly signers: readonly Signer[];
  readonly attestations: readonly AttestedBy[];
  readonly exception?: Exception | undefined;
}

export interface Rejected extends Common {
  readonly outcome: "Rejected";
  readonly reason: RejectedReason;
}

/** What an earlier verdict about the same digest leaves behind while no new one can be had. */
export interface Carried extends Term {
  readonly signers: readonly Signer[];
  readonly attestations: readonly AttestedBy[];
  readonly policies: readonly PolicyGeneration[];
  readonly trustFingerprint: string;
  /**
   * Same: the policies are what they were. Changed: they are others, and whether the artifact satisfies them is unknown.
   * Withdrawn: a policy no longer has any key that vouched for the artifact.
   */
  readonly trust: "Same" | "Changed" | "Withdrawn";
}

export interface Indeterminate extends Common {
  readonly outcome: "Indeterminate";
  readonly reason: IndeterminateReason;
  readonly carried?: Carried | undefined;
  /** The earlier verdict still holds: same digest, same trust, and its time is not over. */
  readonly stands: boolean;
}

/** Three outcomes, never two, and no default. */
export type Verdict = Verified | Rejected | Indeterminate;

/**
 * The verdict as it stands in a status. An indeterminate one keeps what the verdict before it rested on, unchanged, so
 * that the next one can go on from there, also after a restart.
 */
export function toVerdictStatus(verdict: Verdict): VerdictStatus {
  const common = {
    outcome: verdict.outcome,
    reason: verdict.reason,
    message: verdict.message,
    recheckAfter: verdict.recheckAfter.toISOString(),
    ...(verdict.digest === undefined ? {} : { digest: verdict.digest }),
    ...(verdict.warnings.length === 0
      ? {}
      : { warnings: verdict.warnings.slice(0, maxWarnings).map((warning) => truncateUtf8(warning, 1024)) }),
  };
  switch (verdict.outcome) {
    case "Verified":
      return { ...common, ...basis(verdict), ...exceptional(verdict.exception) };
    case "Rejected":
      return {
        ...common,
        policies: verdict.policies.map((policy) => ({ ...policy })),
        trustFingerprint: verdict.trustFingerprint,
        verifiedAt: verdict.decidedAt.toISOString(),
      };
    case "Indeterminate":
      return verdict.carried === undefined ? common : { ...common, ...basis(verdict.carried) };
  }
}

function exceptional(exception: Exception | undefined): Pick<VerdictStatus, "exception"> {
  if (exception === undefined) return {};
  const { name, approver, notAfter } = exception;
  return { exception: { action: name, approver, notAfter: notAfter.toISOString() } };
}

function basis(held: Verified | Carried): Partial<VerdictStatus> {
  return {
    signers: held.signers.map(({ policy, authority, keyFingerprint, subject, issuer, signedAt }) => ({
      policy,
      authority,
      keyFingerprint,
      ...(subject === undefined ? {} : { subject }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(signedAt === undefined ? {} : { signedAt: signedAt.toISOString() }),
    })),
    ...(held.attestations.length === 0 ? {} : { attestations: held.attestations.map((attested) => ({ ...attested })) }),
    policies: held.policies.map((policy) => ({ ...policy })),
    trustFingerprint: held.trustFingerprint,
    verifiedAt: held.verifiedAt.toISOString(),
    notAfter: held.notAfter.toISOString(),
  };
}
