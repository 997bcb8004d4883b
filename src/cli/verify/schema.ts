import { z } from "zod";
import { PolicyAccount, SignerAccount } from "../account/schema.ts";

/** What `mlsecops verify -o json` prints. Fields are added, never renamed. */
export const VerifyReport = z.object({
  format: z.literal("mlsecops.io/verify/v1"),
  reference: z.string(),
  namespace: z.string(),
  outcome: z.enum(["Verified", "Rejected", "Indeterminate"]),
  reason: z.string().describe("As in the status of a SecureModel."),
  message: z.string(),
  digest: z.string().optional(),
  verifiedAt: z.string().describe("RFC 3339, as every time here."),
  validUntil: z.string().optional().describe("Only where it is Verified."),
  recheckAfter: z.string(),
  signers: z.array(SignerAccount.omit({ bundle: true }).extend({ policy: z.string() })),
  attestations: z.array(z.object({ policy: z.string(), name: z.string(), authority: z.string() })),
  missing: z.array(z.string()).describe("What it takes for every policy to be satisfied."),
  warnings: z.array(z.string()),
  policies: z.array(PolicyAccount),
});
export type VerifyReport = z.output<typeof VerifyReport>;
