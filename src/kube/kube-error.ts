/** What a caller can act on. A closed union, so that a switch over it is checked for completeness. */
export type KubeErrorCode =
  | "BadRequest"
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "Gone"
  | "Invalid"
  | "TooManyRequests"
  | "Timeout"
  | "Unavailable"
  /** Refused here, before it was sent: the lease that permits writes is not held. */
  | "Fenced"
  /** The caller's own signal ended the request. */
  | "Aborted";

export interface KubeErrorOptions {
  readonly status?: number | undefined;
  /** `reason` of the API server's Status, or a short CamelCase word of our own. */
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The only error that this package throws for a failed request. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly code: KubeErrorCode;
  readonly status?: number;
  readonly reason?: string;
  /** How long the server asked us to stay away, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(code: KubeErrorCode, message: string, options: KubeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.status !== undefined) this.status = options.status;
    if (options.reason !== undefined) this.reason = options.reason;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether it is a KubeError, with one of these codes if any are given. */
export function isKubeError<C extends KubeErrorCode = KubeErrorCode>(
  error: unknown,
  ...codes: readonly C[]
): error is KubeError & { readonly code: C } {
  return error instanceof KubeError && (codes.length === 0 || (codes as readonly KubeErrorCode[]).includes(error.code));
}

/** The part of meta/v1 Status that is read here. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: { readonly retryAfterSeconds?: number };
}

/** A failed HTTP answer as an error. `body` is usually a meta/v1 Status, but a proxy may have answered instead. */
export function errorFromResponse(status: number, body: string, retryAfterMs?: number): KubeError {
  const parsed = parseStatus(body);
  const text = parsed?.message ?? body.slice(0, 256).trim();
  return new KubeError(codeOf(status, parsed?.reason), text === "" ? `HTTP ${status}` : text, {
    status,
    reason: parsed?.reason,
    retryAfterMs: retryAfterMs ?? secondsToMs(parsed?.details?.retryAfterSeconds),
  });
}

/** The Status that a watch sends in an ERROR event. */
export function errorFromStatus(object: unknown): KubeError {
  const status = isRecord(object) ? (object as Status) : {};
  return new KubeError(codeOf(status.code ?? 500, status.reason), status.message ?? "the watch failed", {
    status: status.code,
    reason: status.reason,
    retryAfterMs: secondsToMs(status.details?.retryAfterSeconds),
  });
}

/** Retry-After as RFC 9110 section 10.2.3 allows it: seconds, or an HTTP date. */
export function parseRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

function codeOf(status: number, reason: string | undefined): KubeErrorCode {
  switch (status) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 408:
    case 504:
      return "Timeout";
    case 409:
      return reason === "AlreadyExists" ? "AlreadyExists" : "Conflict";
    case 410:
      return "Gone";
    case 422:
      return "Invalid";
    case 429:
      return "TooManyRequests";
    default:
      return status >= 400 && status < 500 ? "BadRequest" : "Unavailable";
  }
}

function parseStatus(body: string): Status | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) && value["kind"] === "Status" ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
