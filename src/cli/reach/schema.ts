import { z } from "zod";

const Deciding = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
  side: z.enum(["Ingress", "Egress"]).describe("Egress: of the source. Ingress: of the destination."),
  rule: z.int().optional().describe("Counted from 0. Absent: that there is no such rule decides."),
});

const evaluation = {
  outcome: z.enum(["Allowed", "Denied", "Unknown"]),
  why: z.string(),
  by: z.array(Deciding).describe("What decides. Empty where no policy has a say."),
};

/** What `mlsecops reach -o json` prints. Fields are added, never renamed. */
export const ReachReport = z.object({
  format: z.literal("mlsecops.io/reach/v1"),
  from: z.string(),
  to: z.string(),
  ...evaluation,
  backends: z
    .array(z.object({ pod: z.string(), port: z.int().optional(), ...evaluation }))
    .describe("Of a Service: each pod that may answer. One that is reached is enough."),
  unknown: z.array(z.object({ what: z.string(), why: z.string() })).describe("What could not be read."),
});
export type ReachReport = z.output<typeof ReachReport>;
