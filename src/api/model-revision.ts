import { z } from "zod";
import type { KindDefinition, TypedObject } from "./kind.ts";
import { RevisionBan, RevisionHealth } from "./model-health.ts";
import { PodTemplate } from "./pod-template.ts";
import {
  Digest,
  Duration,
  GROUP,
  ObjectName,
  PullServiceAccount,
  Timestamp,
  VERSION,
  WorkloadKind,
  commonStatus,
} from "./schema.ts";
import { VerdictStatus } from "./verdict.ts";

export const ModelRevisionSpec = z.strictObject({
  model: ObjectName.describe("The SecureModel that this is a revision of."),
  number: z.int().min(1).describe("1 for the first revision of a model, then counting up."),
  hash: z
    .string()
    .max(64)
    .describe("A hash over the serving spec and the resolved digest: the identity of the revision."),
  artifact: z.strictObject({
    repository: z.string().max(512).describe("The normalised repository, without tag or digest."),
    digest: Digest,
    platformDigests: z.array(Digest).max(64).default([]),
  }),
  serving: z.strictObject({
    kind: WorkloadKind.describe("What runs it; a Deployment where nothing is written.").optional(),
    template: PodTemplate,
    modelMountPath: z.string().max(1024),
    port: z.int().min(1).max(65535),
    drain: Duration.describe("As the SecureModel says it.").optional(),
  }),
  drainSeconds: z
    .int()
    .min(0)
    .max(600)
    .describe(
      "How long its pods go on answering after they were told to end. Absent in revisions from before pods drained: theirs do not.",
    )
    .optional(),
  pullSecrets: z
    .array(z.strictObject({ name: ObjectName }))
    .max(8)
    .default([]),
  serviceAccountName: PullServiceAccount.optional(),
});
export type ModelRevisionSpec = z.output<typeof ModelRevisionSpec>;

export const ModelRevisionStatus = z.object({
  ...commonStatus,
  phase: z.enum(["Candidate", "Active", "Superseded", "RolledBack", "Quarantined"]).optional(),
  phaseSince: Timestamp.optional(),
  servedFrom: Timestamp.describe("When it first became active.").optional(),
  healthyFrom: Timestamp.describe(
    "When it was first found healthy while it served. Only such a revision is gone back to.",
  ).optional(),
  traffic: z.int().min(0).max(100).describe("Percent of the model's requests that its pods get now.").optional(),
  health: RevisionHealth.describe("How it was when it was last looked at.").optional(),
  ban: RevisionBan.describe(
    "Why it does not run again: it is the one that failed, until the spec asks for another.",
  ).optional(),
  verdict: VerdictStatus.optional(),
});
export type ModelRevisionStatus = z.output<typeof ModelRevisionStatus>;

export type ModelRevision = TypedObject<ModelRevisionSpec, ModelRevisionStatus>;

export const modelRevision = {
  resource: { group: GROUP, version: VERSION, kind: "ModelRevision", plural: "modelrevisions", namespaced: true },
  shortNames: ["mrev"],
  summary: "What exactly revision N of a model was, and how it ended. Written only by the operator.",
  spec: ModelRevisionSpec,
  status: ModelRevisionStatus,
  rules: [
    {
      rule: "self.spec == oldSelf.spec",
      message: "a ModelRevision never changes: edit the SecureModel, a new revision follows",
    },
  ],
  columns: [
    { name: "Model", type: "string", jsonPath: ".spec.model" },
    { name: "Number", type: "integer", jsonPath: ".spec.number" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Verdict", type: "string", jsonPath: ".status.verdict.outcome" },
    { name: "Health", type: "string", jsonPath: ".status.health.state" },
    { name: "Banned", type: "string", jsonPath: ".status.ban.reason" },
    { name: "Traffic", type: "integer", jsonPath: ".status.traffic", priority: 1 },
    { name: "Digest", type: "string", jsonPath: ".spec.artifact.digest", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
