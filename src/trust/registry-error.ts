import { isEgressError, type EgressErrorCode } from "../egress/index.ts";
import type { IndeterminateReason, RejectedReason } from "./verdict.ts";

export type RegistryErrorCode =
  | "NotFound"
  | "Unauthorized"
  | "RateLimited"
  | "Unavailable"
  | "Timeout"
  | "TooLarge"
  | "DigestMismatch"
  | "Malformed"
  | "AddressDenied"
  | "Aborted";

/** What a failure means for a verdict: a rejection where time alone changes nothing, else indeterminate. */
export type Consequence =
  | { readonly outcome: "Rejected"; readonly reason: RejectedReason }
  | { readonly outcome: "Indeterminate"; readonly reason: IndeterminateReason };

/** The only error that the registry client throws for a failed exchange. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;
  readonly retryAfterMs?: number | undefined;

  constructor(
    code: RegistryErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  get consequence(): Consequence {
    return consequences[this.code];
  }
}

const consequences: Readonly<Record<RegistryErrorCode, Consequence>> = {
  NotFound: { outcome: "Rejected", reason: "ArtifactNotFound" },
  AddressDenied: { outcome: "Rejected", reason: "AddressDenied" },
  // These are about content whose hash was asked for: the same content can only fail again.
  TooLarge: { outcome: "Rejected", reason: "ArtifactUnsupported" },
  Malformed: { outcome: "Rejected", reason: "ArtifactUnsupported" },
  DigestMismatch: { outcome: "Rejected", reason: "ManifestDigestMismatch" },
  Unauthorized: { outcome: "Indeterminate", reason: "RegistryUnauthorized" },
  RateLimited: { outcome: "Indeterminate", reason: "RegistryUnavailable" },
  Unavailable: { outcome: "Indeterminate", reason: "RegistryUnavailable" },
  Timeout: { outcome: "Indeterminate", reason: "RegistryUnavailable" },
  Aborted: { outcome: "Indeterminate", reason: "RegistryUnavailable" },
};

export function isRegistryError(error: unknown, ...codes: readonly RegistryErrorCode[]): error is RegistryError {
  return error instanceof RegistryError && (codes.length === 0 || codes.includes(error.code));
}

const egressCodes: Readonly<Record<EgressErrorCode, RegistryErrorCode>> = {
  InvalidUrl: "AddressDenied",
  SchemeNotAllowed: "AddressDenied",
  HostNotAllowed: "AddressDenied",
  AddressDenied: "AddressDenied",
  RedirectDenied: "AddressDenied",
  TooManyRedirects: "Unavailable",
  NameNotResolved: "Unavailable",
  ConnectionFailed: "Unavailable",
  TlsFailed: "Unavailable",
  Timeout: "Timeout",
  TooLarge: "TooLarge",
  Aborted: "Aborted",
};

/** A failure of the network as one of the registry; anything else is a defect and passes through. */
export function fromEgress(error: unknown): unknown {
  return isEgressError(error) ? new RegistryError(egressCodes[error.code], error.message, { cause: error }) : error;
}
