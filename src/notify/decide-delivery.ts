import type { EgressErrorCode } from "../egress/index.ts";
import { type Random, backoffDelay } from "../kube/index.ts";

/** What came of one attempt. */
export type Answer =
  | { readonly kind: "Status"; readonly status: number; readonly retryAfter?: string | undefined }
  | { readonly kind: "NotSent"; readonly code: Exclude<EgressErrorCode, "Aborted">; readonly message: string }
  /** It could not be signed. */
  | { readonly kind: "NoKey"; readonly message: string };

export type Next =
  | { readonly kind: "Delivered" }
  | { readonly kind: "Retry"; readonly afterMs: number; readonly message: string }
  | { readonly kind: "GiveUp"; readonly result: "Refused" | "NotAllowed"; readonly message: string };

const backoff = { initialMs: 1_000, maxMs: 5 * 60_000 };
/** Said by the receiver of the moment, not of the event. */
const passing: readonly number[] = [408, 425, 429];
const settled: readonly EgressErrorCode[] = [
  "InvalidUrl",
  "SchemeNotAllowed",
  "HostNotAllowed",
  "AddressDenied",
  "RedirectDenied",
  "TooManyRedirects",
];

/**
 * What to do after an attempt; `failures` counts those in a row, this one included. Pure but for `random`.
 * Any answer of 200 to 299 is a delivery, whatever its body says: so it is for CloudEvents and for Standard Webhooks.
 */
export function decideDelivery(
  answer: Answer,
  { failures, now, random }: { readonly failures: number; readonly now: Date; readonly random?: Random },
): Next {
  const retry = (message: string, atLeastMs = 0): Next => ({
    kind: "Retry",
    afterMs: Math.max(atLeastMs, backoffDelay(backoff, failures, random)),
    message,
  });
  switch (answer.kind) {
    case "NoKey":
      return retry(answer.message);
    case "NotSent":
      if (!settled.includes(answer.code)) return retry(answer.message);
      return { kind: "GiveUp", result: "NotAllowed", message: answer.message };
    case "Status": {
      const { status, retryAfter } = answer;
      if (status >= 200 && status < 300) return { kind: "Delivered" };
      if (status >= 300 && status < 400) {
        const message = `the receiver redirects (${status}), and that is not followed: give the final address`;
        return { kind: "GiveUp", result: "Refused", message };
      }
      const message = `the receiver answers ${status}`;
      if (status >= 500 || passing.includes(status)) return retry(message, retryAfterMs(retryAfter, now));
      return { kind: "GiveUp", result: "Refused", message };
    }
  }
}

/** Seconds, or a date, as RFC 9110 has it; 0 where it is neither. Pure. */
export function retryAfterMs(text: string | undefined, now: Date): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now.getTime());
}
