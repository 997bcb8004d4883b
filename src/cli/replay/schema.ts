import { z } from "zod";

const Side = z.object({
  outcome: z.enum(["Verified", "Rejected", "Indeterminate", "Unknown"]).describe("Unknown: only with --offline."),
  reason: z.string(),
  message: z.string(),
  standing: z
    .enum(["Admit", "KeepOnly", "Quarantine", "Unknown"])
    .describe("KeepOnly: what runs stays, nothing new starts."),
});
export type Side = z.output<typeof Side>;

export const ReplayChange = z.object({
  kind: z.enum(["SecureModel", "SecureNamespace"]),
  namespace: z.string(),
  name: z.string(),
  part: z.string().describe("source, active (the revision that serves), or the name of an allowed image."),
  reference: z.string(),
  digest: z.string().optional(),
  effect: z
    .enum(["Quarantined", "Refused", "Unknown", "Admitted", "Other"])
    .describe("Quarantined: a model that may run now would be stopped. Refused: an image would no longer be granted."),
  before: Side,
  after: Side,
});
export type ReplayChange = z.output<typeof ReplayChange>;

/** What `mlsecops replay -o json` prints. Fields are added, never renamed. */
export const ReplayReport = z.object({
  format: z.literal("mlsecops.io/replay/v1"),
  source: z.enum(["Registry", "Status"]),
  policies: z.object({ added: z.array(z.string()), changed: z.array(z.string()), removed: z.array(z.string()) }),
  changes: z.array(ReplayChange).describe("The worst first."),
  untouched: z.int().describe("References whose verdict stays as it is."),
  unknown: z.array(z.object({ what: z.string(), why: z.string() })),
});
export type ReplayReport = z.output<typeof ReplayReport>;
