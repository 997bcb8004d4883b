import { z } from "zod";
import type { KindDefinition, TypedObject } from "./kind.ts";
import { Digest, GROUP, Timestamp, VERSION, commonStatus, shown, withRules } from "./schema.ts";

/** The longest time that one action may open for. */
export const MAX_BREAK_GLASS_HOURS = 24;

export const ModelActionSpec = withRules(
  z.strictObject({
    type: z
      .enum(["BreakGlass"])
      .describe("BreakGlass: a digest that the policies refuse may be used in this namespace for a short time.")
      .default("BreakGlass"),
    digest: shown(Digest, `digest: sha256:${"3f5a".repeat(16)}`).describe(
      "What may be used: the digest of the artifact or image, as the refusal names it.",
    ),
    reason: shown(
      z.string().min(10).max(1024).describe("Why, for those who read it later."),
      "reason: INC-4711, the signing service is down",
    ),
    approver: shown(
      z.string().min(1).max(256).describe("Who answers for it: the name under which the object is created."),
      "approver: jane@example.com",
    ),
    notAfter: shown(
      Timestamp.describe(
        `When it ends, at most ${MAX_BREAK_GLASS_HOURS} hours after it is created. Deleting the object ends it at once.`,
      ),
      "notAfter: 2030-01-01T12:00:00Z",
    ),
  }),
);
export type ModelActionSpec = z.output<typeof ModelActionSpec>;

export const ModelActionStatus = z.object({
  ...commonStatus,
  usedBy: z
    .array(z.string().max(512))
    .max(64)
    .describe("SecureModels and SecureNamespaces whose verdict rests on this action now.")
    .optional(),
});
export type ModelActionStatus = z.output<typeof ModelActionStatus>;

export type ModelAction = TypedObject<ModelActionSpec, ModelActionStatus>;

export const modelAction = {
  resource: { group: GROUP, version: VERSION, kind: "ModelAction", plural: "modelactions", namespaced: true },
  shortNames: ["mact"],
  summary: "What a person decided about an artifact, who and why. It never changes; to end it, delete it.",
  spec: ModelActionSpec,
  status: ModelActionStatus,
  example: "spec: {digest: sha256:…, reason: …, approver: …, notAfter: …}",
  rules: [
    {
      rule: "self.spec == oldSelf.spec",
      message: "a ModelAction never changes: delete it and create another one",
    },
  ],
  columns: [
    { name: "Type", type: "string", jsonPath: ".spec.type" },
    { name: "State", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Approver", type: "string", jsonPath: ".spec.approver" },
    { name: "Until", type: "string", jsonPath: ".spec.notAfter" },
    { name: "Used-By", type: "string", jsonPath: ".status.usedBy" },
    { name: "Reason", type: "string", jsonPath: ".spec.reason", priority: 1 },
    { name: "Digest", type: "string", jsonPath: ".spec.digest", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
