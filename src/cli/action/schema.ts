import { z } from "zod";

/** What `mlsecops rollback`, `ban`, `promote`, `approve`, `pause` and `resume` print with -o json. Fields are added, never renamed. */
export const ActionReport = z.object({
  format: z.literal("mlsecops.io/action/v1"),
  namespace: z.string(),
  model: z.string(),
  wish: z.enum(["Rollback", "Ban", "Promote", "Approve", "Pause", "Resume"]),
  revision: z.string().optional().describe("The revision that it is about."),
  outcome: z
    .enum(["Done", "DryRun", "Nothing", "Refused", "NotAllowed"])
    .describe("Refused: by this command, before anything was asked for. NotAllowed: the API server did not do it."),
  why: z.string().optional().describe("Why nothing was done."),
  effects: z.array(z.string()).describe("What will happen, by what is known now."),
  created: z.string().optional().describe("The ModelAction."),
  deleted: z.array(z.string()).optional().describe("ModelActions."),
  by: z.string().optional().describe("Who asked for it, as the API server knows them."),
});
export type ActionReport = z.output<typeof ActionReport>;
