import { z } from "zod";

export const StatusRow = z.object({
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
  ready: z.enum(["True", "False", "Unknown"]),
  reason: z.string().describe("Of the condition Ready."),
  message: z.string(),
  serving: z.enum(["True", "False", "Unknown"]).optional().describe("SecureModels only."),
  verdict: z.string().optional().describe("An outcome, or how many of the allowed images are Verified."),
  validUntil: z.string().optional().describe("When the first verdict, or the first certificate, ends."),
  recheckAfter: z.string().optional().describe("When the operator looks again."),
  attention: z.array(z.string()).describe("What somebody should look at."),
});
export type StatusRow = z.output<typeof StatusRow>;

/** What `mlsecops status -o json` prints. Fields are added, never renamed. */
export const StatusReport = z.object({
  format: z.literal("mlsecops.io/status/v1"),
  rows: z.array(StatusRow).describe("What needs attention first."),
  unknown: z.array(z.object({ what: z.string(), why: z.string() })).describe("What could not be read."),
});
export type StatusReport = z.output<typeof StatusReport>;
