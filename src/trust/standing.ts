import type { Verdict } from "./verdict.ts";

/** Admit: may be granted and started. KeepOnly: what runs stays, nothing new starts. Quarantine: must not run. */
export type Standing = "Admit" | "KeepOnly" | "Quarantine";

/** What a verdict permits at a time; later it may be less, never more. */
export function effectiveStanding(verdict: Verdict, now: Date): Standing {
  switch (verdict.outcome) {
    case "Rejected":
      return "Quarantine";
    case "Verified":
      return now < verdict.notAfter ? "Admit" : afterExpiry(verdict, now);
    case "Indeterminate": {
      const { carried } = verdict;
      // Somebody took the key away on purpose: that does not wait for a registry to come back.
      if (carried === undefined || carried.trust === "Withdrawn") return "Quarantine";
      if (now < carried.notAfter) return "KeepOnly";
      // The grace was given by policies that knew the artifact; those of today may not.
      return carried.trust === "Same" ? afterExpiry(carried, now) : "Quarantine";
    }
  }
}

function afterExpiry(held: { readonly onExpiry: string; readonly graceUntil: Date }, now: Date): Standing {
  return held.onExpiry === "KeepRunning" && now < held.graceUntil ? "KeepOnly" : "Quarantine";
}
