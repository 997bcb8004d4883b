import { z } from "zod";
import { Digest, ObjectName, ShortName, Timestamp } from "./schema.ts";

/**
 * A verdict as it stands in a status: a fact with an expiry. It names what it rests on, so that a change of policy, key or
 * artifact finds it. The outcome has no default.
 */
export const VerdictStatus = z.object({
  outcome: z.enum(["Verified", "Rejected", "Indeterminate"]),
  reason: z.string().max(128),
  message: z.string().max(2048),
  digest: Digest.optional(),
  signers: z
    .array(
      z.object({
        policy: ObjectName,
        authority: ShortName,
        keyFingerprint: z.string().max(71).describe("sha256 of the signing key's DER SubjectPublicKeyInfo."),
        subject: z.string().max(512).describe("Whom the certificate names.").optional(),
        issuer: z.string().max(512).describe("Who vouched for the subject.").optional(),
        signedAt: Timestamp.describe("When it was signed, where that is proven.").optional(),
      }),
    )
    .max(64)
    .optional(),
  attestations: z
    .array(z.object({ policy: ObjectName, name: ShortName, authority: ShortName }))
    .max(64)
    .describe("The attestations that the policies demand, and who made them.")
    .optional(),
  exception: z
    .object({ action: ObjectName, approver: z.string().max(256), notAfter: Timestamp })
    .describe("The ModelAction without which the policies would refuse.")
    .optional(),
  policies: z
    .array(z.object({ name: ObjectName, generation: z.int().min(0) }))
    .max(64)
    .optional(),
  trustFingerprint: z
    .string()
    .max(71)
    .describe("A hash over the policies and keys that this verdict rests on.")
    .optional(),
  warnings: z
    .array(z.string().max(1024))
    .max(16)
    .describe("What policies in mode Warn would have refused, and what else people should know.")
    .optional(),
  verifiedAt: Timestamp.describe("When the outcome was last established.").optional(),
  recheckAfter: Timestamp.describe("From then on the verdict is stale and is computed again.").optional(),
  notAfter: Timestamp.describe("From then on the verdict no longer holds.").optional(),
});
export type VerdictStatus = z.output<typeof VerdictStatus>;
