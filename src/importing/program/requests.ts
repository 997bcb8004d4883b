import {
  type Egress,
  type EgressRequest,
  type EgressResponse,
  type BoundedBody,
  isEgressError,
} from "../../egress/index.ts";
import { ImportError } from "./import-error.ts";

/** What a source is asked with. */
export interface Asking {
  readonly egress: Egress;
  readonly signal: AbortSignal;
  /** For all of one answer with content. */
  readonly deadlineMs: number;
}

/** Sends a request to a source. @throws ImportError */
export async function askSource(
  { egress, signal, deadlineMs }: Asking,
  request: EgressRequest,
): Promise<EgressResponse<BoundedBody>> {
  try {
    return await egress.stream({ deadlineMs, ...request, signal });
  } catch (error) {
    throw sourceError(error, signal);
  }
}

/** The content of an answer. @throws ImportError */
export async function* contentOf(body: BoundedBody, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw sourceError(error, signal);
  }
}

function sourceError(error: unknown, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  if (!isEgressError(error)) return error;
  const { code, message } = error;
  switch (code) {
    case "ConnectionFailed":
    case "NameNotResolved":
    case "Timeout":
    case "Aborted":
      return new ImportError("SourceUnavailable", message, error);
    case "TooLarge":
      return new ImportError("SourceMoved", message, error);
    case "HostNotAllowed": {
      // Where the source wants to lead us.
      const [host = ""] = message.split(" ", 1);
      const hint = "list it in spec.source.http.redirectHosts if that is meant";
      return new ImportError("SourceRefused", `the source leads to another host, ${host}: ${hint}`, error);
    }
    case "AddressDenied":
    case "InvalidUrl":
    case "RedirectDenied":
    case "SchemeNotAllowed":
    case "TlsFailed":
    case "TooManyRedirects":
      return new ImportError("SourceRefused", message, error);
  }
}

/** An answer other than the one that was wanted. */
export function refusal({ status, url }: EgressResponse<unknown>, what: string): ImportError {
  const message = `${url.host} answered HTTP ${status}, asked for ${what}`;
  if (status === 429 || status >= 500) return new ImportError("SourceUnavailable", message);
  if (status === 401 || status === 403)
    return new ImportError(
      "SourceRefused",
      `${message}: give a Secret that may read it, or correct the one that is named`,
    );
  if (status === 404 || status === 410)
    return new ImportError("SourceRefused", `${message}: it is not there, or is hidden from this login`);
  if (status === 412) return new ImportError("SourceMoved", `${what} at ${url.host} changed while it was read`);
  return new ImportError("SourceRefused", message);
}

/** The length that an answer says it has, in bytes. */
export function lengthOf({ headers }: EgressResponse<unknown>): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
