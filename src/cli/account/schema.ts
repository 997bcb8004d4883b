import { z } from "zod";

/** Who signed, where that counts. */
export const SignerAccount = z.object({
  authority: z.string(),
  keyFingerprint: z.string(),
  subject: z.string().optional(),
  issuer: z.string().optional(),
  signedAt: z.string().optional().describe("RFC 3339; only where it is proven."),
  bundle: z.string().optional().describe("The digest of the bundle that holds the signature."),
});
export type SignerAccount = z.output<typeof SignerAccount>;

export const AuthorityAccount = z.object({
  name: z.string(),
  state: z.enum(["Vouches", "DoesNotVouch", "Unknown", "Unusable"]),
  signatures: z.array(SignerAccount),
  notes: z.array(z.string()).describe("Why a signature does not count, or why nothing is known."),
});
export type AuthorityAccount = z.output<typeof AuthorityAccount>;

export const ConditionAccount = z.object({
  expression: z.string(),
  value: z.enum(["True", "False", "Failed"]),
  problem: z.string().optional().describe("Why it has no value."),
  message: z.string().optional(),
});

export const StatementAccount = SignerAccount.extend({
  counts: z.boolean().describe("Every condition is true."),
  conditions: z.array(ConditionAccount),
});
export type StatementAccount = z.output<typeof StatementAccount>;

export const AttestationAccount = z.object({
  name: z.string(),
  predicateType: z.string(),
  authorities: z.array(z.string()).describe("Whose attestations count."),
  need: z.int(),
  have: z.int().describe("Of how many distinct authorities one counts."),
  match: z.enum(["Any", "Every"]),
  statements: z.array(StatementAccount),
  notes: z.array(z.string()),
});
export type AttestationAccount = z.output<typeof AttestationAccount>;

/** What one policy sees in one artifact. */
export const PolicyAccount = z.object({
  name: z.string(),
  generation: z.int(),
  mode: z.enum(["Enforce", "Warn"]),
  covers: z.boolean(),
  whyNot: z.string().optional().describe("Why it does not cover the artifact in this namespace."),
  problem: z.string().optional().describe("Why what it demands is not known."),
  outcome: z.enum(["Verified", "Rejected", "Indeterminate"]).optional(),
  reason: z.string().optional(),
  need: z.int().describe("How many distinct authorities must sign."),
  have: z.int(),
  authorities: z.array(AuthorityAccount),
  attestations: z.array(AttestationAccount),
});
export type PolicyAccount = z.output<typeof PolicyAccount>;
