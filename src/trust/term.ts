import type { ResolvedPolicy, Validity } from "./policies.ts";
import type { RejectedReason, Term } from "./verdict.ts";

/** Something new in the registry can change these, and whoever has just signed does not want to wait for an hour. */
const curable: ReadonlySet<string> = new Set<RejectedReason>([
  "NoSignature",
  "InvalidSignature",
  "UntrustedSigner",
  "ThresholdNotMet",
  "AttestationMissing",
  "AttestationRejected",
  "ArtifactNotFound",
]);
const curableRecheckMs = 60_000;
/** A tenth of the time: what became due at once, such as by a restart, is spread over that. */
const maxSpread = 0.1;
const indeterminateRetryMs = 30_000;
const maxRetryMs = 3_600_000;

export function strictestValidity(policies: readonly ResolvedPolicy[]): Validity {
  const all = policies.map((policy) => policy.validity);
  return {
    recheckAfterMs: Math.min(3_600_000, ...all.map((validity) => validity.recheckAfterMs)),
    validForMs: Math.min(...all.map((validity) => validity.validForMs), maxValidMs),
    onExpiry: all.some((validity) => validity.onExpiry === "Quarantine") ? "Quarantine" : "KeepRunning",
    maxGraceMs: Math.min(...all.map((validity) => validity.maxGraceMs), maxValidMs),
  };
}

/** Ten years: beyond that a sum of times could leave what a Date holds. */
const maxValidMs = 10 * 365 * 24 * 3_600_000;

/** For how long a decision at `now` holds, by the strictest of the policies behind it. */
export function strictestTerm(policies: readonly ResolvedPolicy[], now: Date, spread = 0) {
  const validity = strictestValidity(policies);
  return {
    /** `until`: the facts themselves hold no longer, whatever the policies allow. */
    holds(until?: Date): Term {
      const notAfter = earlier(after(now, validity.validForMs), until);
      return {
        verifiedAt: now,
        notAfter,
        onExpiry: validity.onExpiry,
        graceUntil: after(notAfter, validity.maxGraceMs),
      };
    },
    recheckAfter(reason: RejectedReason | "Verified", until?: Date): Date {
      const dueMs = validity.recheckAfterMs * (1 - spread * maxSpread);
      const ms = curable.has(reason) ? Math.min(dueMs, curableRecheckMs) : dueMs;
      return earlier(after(now, ms), until);
    },
    /** A registry that says when to come back is believed, within reason. */
    retryAt(retryAfterMs: number | undefined): Date {
      return after(
        now,
        Math.min(Math.max(retryAfterMs ?? 0, Math.min(validity.recheckAfterMs, indeterminateRetryMs)), maxRetryMs),
      );
    },
  };
}

export function after(start: Date, ms: number): Date {
  return new Date(start.getTime() + ms);
}

export function earlier(time: Date, other: Date | undefined): Date {
  return new Date(Math.min(time.getTime(), other?.getTime() ?? Infinity));
}
