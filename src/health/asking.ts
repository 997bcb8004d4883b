import {
  type Egress,
  type EgressErrorCode,
  type EgressRequest,
  type EgressResponse,
  isEgressError,
} from "../egress/index.ts";
import { type Look, type LookErrorReason, errorLook } from "./look.ts";

export type Sender = Pick<Egress, "request">;

const reasons: Readonly<Record<Exclude<EgressErrorCode, "Aborted">, LookErrorReason>> = {
  InvalidUrl: "NotAllowed",
  SchemeNotAllowed: "NotAllowed",
  HostNotAllowed: "NotAllowed",
  AddressDenied: "NotAllowed",
  TooManyRedirects: "NotAllowed",
  RedirectDenied: "NotAllowed",
  NameNotResolved: "Unreachable",
  ConnectionFailed: "Unreachable",
  TlsFailed: "Unreachable",
  Timeout: "Timeout",
  TooLarge: "TooLarge",
};

/**
 * Asks, and makes a look of whatever goes wrong on the way.
 * @throws EgressError `Aborted` when the caller's own signal ended it: that says nothing about the signal.
 */
export async function ask(
  sender: Sender,
  request: EgressRequest,
): Promise<{ readonly answer: EgressResponse<Buffer> } | { readonly look: Look }> {
  try {
    return { answer: await sender.request(request) };
  } catch (error) {
    if (!isEgressError(error) || error.code === "Aborted") throw error;
    return { look: errorLook(reasons[error.code], error.message) };
  }
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
