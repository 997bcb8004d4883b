import { z } from "zod";

export const PreviewImage = z.object({
  image: z.string(),
  use: z.enum(["container", "init", "imageVolume"]),
  problem: z.enum(["NotPinned", "NotGranted"]).optional().describe("Absent: it would be admitted."),
  why: z
    .enum(["NoPolicy", "Verified", "Rejected", "Indeterminate", "NotAsked", "InvalidReference"])
    .optional()
    .describe("What is known of an image that is not granted. Verified: it only is not among the allowed images."),
  message: z.string().optional(),
});
export type PreviewImage = z.output<typeof PreviewImage>;

export const PreviewItem = z.object({
  kind: z.string(),
  name: z.string(),
  controlledBy: z.string().optional().describe("KIND/NAME of what made it, such as ReplicaSet/web-5d4."),
  refused: z.boolean(),
  images: z.array(PreviewImage),
  problems: z.array(z.string()).describe("What the profile refuses besides images."),
});
export type PreviewItem = z.output<typeof PreviewItem>;

export const PreviewConsequence = z.object({
  what: z
    .enum(["PodSecurity", "Token", "Quota", "Network", "Cut", "Breach"])
    .describe(
      "PodSecurity: refused by the level of the namespace. Token: no longer mounted. Quota: below what runs. Network: declared, and cannot be opened. Cut: traffic that is open now. Breach: lets in or out more than is declared, also then.",
    ),
  object: z.string().describe("KIND/NAME, or what of the spec it is about."),
  message: z.string(),
});
export type PreviewConsequence = z.output<typeof PreviewConsequence>;

/** What `mlsecops preview -o json` prints. Fields are added, never renamed. */
export const PreviewReport = z.object({
  format: z.literal("mlsecops.io/preview/v1"),
  namespace: z.string(),
  profile: z.enum(["experiment", "training", "serving"]),
  secured: z.enum(["No", "Audit", "Enforce"]).describe("What the SecureNamespace is now."),
  refused: z.int(),
  operatorSees: z
    .int()
    .optional()
    .describe("How many running pods the SecureNamespace's status counts as not granted."),
  allowedImages: z
    .array(z.object({ name: z.string(), outcome: z.string(), reason: z.string(), message: z.string() }))
    .describe("Those of the SecureNamespace that are not Verified: Enforce would not let them run."),
  items: z.array(PreviewItem),
  consequences: z.array(PreviewConsequence).describe("What Enforce would change beside images."),
  unknown: z.array(z.object({ what: z.string(), why: z.string() })).describe("What could not be read."),
  notChecked: z.array(z.string()),
});
export type PreviewReport = z.output<typeof PreviewReport>;
