import { z } from "zod";
import { TreeNode } from "../render/tree.ts";

/** What `mlsecops explain -o json` prints. Fields are added, never renamed; the texts of the tree are for people. */
export const ExplainReport = z.object({
  format: z.literal("mlsecops.io/explain/v1"),
  kind: z.enum(["SecureModel", "SecureNamespace"]),
  namespace: z.string(),
  name: z.string(),
  source: z.enum(["Status", "Registry"]).describe("Whether registries were asked (--refresh)."),
  outcome: z.enum(["good", "bad", "unknown"]).describe("The worst of what follows, where it counts."),
  tree: TreeNode,
});
export type ExplainReport = z.output<typeof ExplainReport>;
