import { errors } from "undici";
import { EgressError } from "./egress-error.ts";

/** What happened to the request by the time it failed. */
interface Waiting {
  readonly expired: boolean;
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** Every failure of a request as the one error of this package. */
export function translateError(error: unknown, url: URL, waiting: Waiting): EgressError {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof EgressError) return inner;
  }
  const host = url.host;
  if (waiting.expired) return new EgressError("Timeout", `${host} did not answer within ${waiting.ms} ms`, error);
  if (waiting.signal.aborted) return new EgressError("Aborted", `the request to ${host} was given up`, error);
  if (
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError
  ) {
    return new EgressError("Timeout", `${host} did not answer in time`, error);
  }
  const code = codeOf(error);
  if (code === "ENOTFOUND" || code.startsWith("EAI_") || code === "ENODATA") {
    return new EgressError(
      "NameNotResolved",
      `${url.hostname} could not be resolved (${code}); check the name and the cluster's DNS`,
      error,
    );
  }
  if (isTlsCode(code)) {
    return new EgressError(
      "TlsFailed",
      `the certificate of ${host} is not accepted (${code}); give the operator the CA that signed it, or correct the certificate`,
      error,
    );
  }
  return new EgressError("ConnectionFailed", `no connection to ${host}${code === "" ? "" : ` (${code})`}`, error);
}

function codeOf(error: unknown): string {
  // Node bundles the failures of several addresses; the first one speaks for them.
  const single: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const code = single instanceof Error && "code" in single ? single.code : undefined;
  return typeof code === "string" ? code : "";
}

function isTlsCode(code: string): boolean {
  return (
    code.startsWith("ERR_TLS_") ||
    code.startsWith("ERR_SSL_") ||
    code === "EPROTO" ||
    /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED/.test(
      code,
    )
  );
}
