import { z } from "zod";
import type { KindDefinition, TypedObject } from "./kind.ts";
import { Digest, GROUP, ObjectName, Timestamp, VERSION, commonStatus, shown, withRules } from "./schema.ts";

/** The longest time that one action may open for. */
export const MAX_BREAK_GLASS_HOURS = 24;

/**
 * Whether a name is that of a person: Kubernetes' own parts and ServiceAccounts have names that start with system:. The one
 * of these that people have is that of a cluster's first administrator. Pure.
 */
export function isPerson(name: string): boolean {
  return name === "system:admin" || !name.startsWith("system:");
}

/** The same in CEL, of an expression. */
export const isPersonCel = (name: string) => `(${name} == 'system:admin' || !${name}.startsWith('system:'))`;

const ModelActionFields = z.strictObject({
  type: z
    .enum(["BreakGlass", "Ban", "Promote", "Pause", "Approve", "Resume"])
    .describe(
      "BreakGlass: a digest that the policies refuse may be used in this namespace for a short time. Ban: a revision must not run; one that serves is left for an older one. Promote: a revision that was banned before this was created may run again. Pause: while this exists and has not ended, no other revision of the model is started, be it a new one or an older one. Approve: a revision may take the step of its rollout that waits for people. Resume: new revisions are started again, although the model was latched before this was created.",
    )
    .default("BreakGlass"),
  digest: Digest.describe(
    "Of BreakGlass: what may be used: the digest of the artifact or image, as the refusal names it.",
  ).optional(),
  model: ObjectName.describe("Of the others: the SecureModel, in this namespace.").optional(),
  revision: ObjectName.describe("Of Ban, Promote and Approve: the ModelRevision.").optional(),
  reason: shown(
    z.string().min(10).max(1024).describe("Why, for those who read it later."),
    "reason: INC-4711, the signing service is down",
  ),
  approver: z
    .string()
    .min(1)
    .max(256)
    .describe("Of BreakGlass: who answers for it: the name under which the object is created.")
    .optional(),
  requestedBy: z
    .string()
    .min(1)
    .max(256)
    .describe("Of the others: who wants it: the name under which the object is created.")
    .optional(),
  notAfter: Timestamp.describe(
    `When it ends: of BreakGlass, at most ${MAX_BREAK_GLASS_HOURS} hours after it is created; a Pause without it has no end. Deleting the object ends it at once.`,
  ).optional(),
});

const isGlass = "self.type == 'BreakGlass'";
const ofRevision: readonly string[] = ["Ban", "Promote", "Approve"];
const ending: readonly string[] = ["BreakGlass", "Pause"];
const celList = (types: readonly string[]) => `[${types.map((type) => `'${type}'`).join(", ")}]`;

export const ModelActionSpec = withRules(
  ModelActionFields,
  {
    rule: `!(${isGlass}) || (has(self.digest) && has(self.approver) && has(self.notAfter))`,
    message: `for BreakGlass give digest, approver and notAfter, for example digest: sha256:${"3f5a".repeat(16)}, approver: jane@example.com, notAfter: 2030-01-01T12:00:00Z`,
    holds: ({ type, digest, approver, notAfter }) =>
      type !== "BreakGlass" || [digest, approver, notAfter].every((given) => given !== undefined),
  },
  {
    rule: `${isGlass} || (has(self.model) && has(self.requestedBy))`,
    message: "give model and requestedBy, for example model: iris, requestedBy: jane@example.com",
    holds: ({ type, model, requestedBy }) =>
      type === "BreakGlass" || (model !== undefined && requestedBy !== undefined),
  },
  {
    rule: `(self.type in ${celList(ofRevision)}) == has(self.revision)`,
    message: "give the revision for Ban, Promote and Approve, and for them only, as kubectl get mrev names it",
    holds: ({ type, revision }) => ofRevision.includes(type) === (revision !== undefined),
  },
  {
    rule: `${isGlass} ? !has(self.model) && !has(self.requestedBy) : !has(self.digest) && !has(self.approver)`,
    message: "give digest and approver for BreakGlass only, and model and requestedBy for the other types only",
    holds: ({ type, digest, approver, model, requestedBy }) =>
      (type === "BreakGlass" ? [model, requestedBy] : [digest, approver]).every((given) => given === undefined),
  },
  {
    rule: `self.type in ${celList(ending)} || !has(self.notAfter)`,
    message: "give notAfter for BreakGlass and Pause only: the other types do not end",
    holds: ({ type, notAfter }) => ending.includes(type) || notAfter === undefined,
  },
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
  summary: "What a person decided about an artifact or a model, who and why. It never changes; to end it, delete it.",
  spec: ModelActionSpec,
  status: ModelActionStatus,
  example: "spec: {type: Pause, model: iris, reason: …, requestedBy: …}",
  rules: [
    {
      rule: "self.spec == oldSelf.spec",
      message: "a ModelAction never changes: delete it and create another one",
    },
  ],
  columns: [
    { name: "Type", type: "string", jsonPath: ".spec.type" },
    { name: "State", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Model", type: "string", jsonPath: ".spec.model" },
    { name: "Revision", type: "string", jsonPath: ".spec.revision" },
    { name: "Requested-By", type: "string", jsonPath: ".spec.requestedBy" },
    { name: "Approver", type: "string", jsonPath: ".spec.approver" },
    { name: "Until", type: "string", jsonPath: ".spec.notAfter" },
    { name: "Used-By", type: "string", jsonPath: ".status.usedBy" },
    { name: "Reason", type: "string", jsonPath: ".spec.reason", priority: 1 },
    { name: "Digest", type: "string", jsonPath: ".spec.digest", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
