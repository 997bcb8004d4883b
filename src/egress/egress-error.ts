/** What a caller can act on. A closed union, so that a switch over it is checked for completeness. */
export type EgressErrorCode =
  | "InvalidUrl"
  /** Plain http to a host that the administrator did not list. */
  | "SchemeNotAllowed"
  /** The administrator gave a list of hosts and this is not one of them. */
  | "HostNotAllowed"
  /** The address behind the name is one that no tenant may reach through the operator. */
  | "AddressDenied"
  | "NameNotResolved"
  | "ConnectionFailed"
  | "TlsFailed"
  | "Timeout"
  | "TooLarge"
  | "TooManyRedirects"
  | "RedirectDenied"
  /** The caller's own signal ended the request. */
  | "Aborted";

/** The only error that this package throws for a failed request. The message says what to change. */
export class EgressError extends Error {
  override readonly name = "EgressError";
  readonly code: EgressErrorCode;

  constructor(code: EgressErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

export function isEgressError(error: unknown, ...codes: readonly EgressErrorCode[]): error is EgressError {
  return error instanceof EgressError && (codes.length === 0 || codes.includes(error.code));
}
