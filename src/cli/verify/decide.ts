import type { Verdict } from "../../trust/index.ts";
import { missingFor } from "../account/missing.ts";
import type { PolicyAccount } from "../account/schema.ts";
import type { VerifyReport } from "./schema.ts";

export interface Asked {
  readonly reference: string;
  readonly namespace: string;
}

/** The verdict and what it rests on, for people and for programs. Pure. */
export function reportOf(asked: Asked, verdict: Verdict, accounts: readonly PolicyAccount[]): VerifyReport {
  const verified = verdict.outcome === "Verified" ? verdict : undefined;
  return {
    format: "mlsecops.io/verify/v1",
    ...asked,
    outcome: verdict.outcome,
    reason: verdict.reason,
    message: verdict.message,
    ...(verdict.digest === undefined ? {} : { digest: verdict.digest }),
    verifiedAt: verdict.decidedAt.toISOString(),
    ...(verified === undefined ? {} : { validUntil: verified.notAfter.toISOString() }),
    recheckAfter: verdict.recheckAfter.toISOString(),
    signers: (verified?.signers ?? []).map(({ policy, authority, keyFingerprint, subject, issuer, signedAt }) => ({
      ...{ policy, authority, keyFingerprint },
      ...(subject === undefined ? {} : { subject }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(signedAt === undefined ? {} : { signedAt: signedAt.toISOString() }),
    })),
    attestations: (verified?.attestations ?? []).map(({ policy, name, authority }) => ({ policy, name, authority })),
    missing: [...missingFor(accounts)],
    warnings: [...verdict.warnings],
    policies: [...accounts],
  };
}

/** 0 Verified, 1 Rejected, 3 Indeterminate: what is not known is neither. */
export function exitStatus({ outcome }: Pick<VerifyReport, "outcome">): 0 | 1 | 3 {
  switch (outcome) {
    case "Verified":
      return 0;
    case "Rejected":
      return 1;
    case "Indeterminate":
      return 3;
  }
}
