import { z } from "zod";
import { EvidenceStatus } from "./evidence.ts";
import type { KindDefinition, TypedObject } from "./kind.ts";
import { HealthSpec, LatchStatus, PastRollback, RollbackSpec, RollbackStatus } from "./model-health.ts";
import { NotificationSinks } from "./model-notifications.ts";
import { RolloutStatus, StrategySpec } from "./model-strategy.ts";
import { ModelSource, SourceStatus } from "./model-source.ts";
import { PodTemplate, plainPath } from "./pod-template.ts";
import {
  Digest,
  Duration,
  GROUP,
  ObjectName,
  PolicyReference,
  Suspend,
  Timestamp,
  VERSION,
  WorkloadKind,
  commonStatus,
  isDuration,
  matching,
  shown,
  withRules,
} from "./schema.ts";
import { VerdictStatus } from "./verdict.ts";

const template =
  "template: {spec: {containers: [{name: runtime, image: registry.example.com/runtimes/onnx@sha256:…}]}}";

/** A container that mounts something over the model, below it or above it would show another one than was verified. */
const modelIsHidden = (mounts: string) => {
  const [model, mount] = ["(self.modelMountPath + '/')", "(m.mountPath + '/')"];
  return `${mounts}.exists(m, has(m.mountPath) && (${mount}.startsWith(${model}) || ${model}.startsWith(${mount})))`;
};
const modelIsHiddenIn = (list: string) =>
  `(has(self.template.spec.${list}) && self.template.spec.${list}.exists(c, has(c.volumeMounts) && ${modelIsHidden("c.volumeMounts")}))`;

/** What KServe takes for the container that answers. */
const kserveContainer = "kserve-container";

const ManagedWorkloadFields = z.strictObject({
  kind: WorkloadKind.describe(
    "What the operator makes: a Deployment, or an InferenceService of KServe in RawDeployment mode, from which KServe makes the Deployment. Deployment where nothing is written.",
  ).optional(),
  template: shown(
    PodTemplate.describe("How the runtime's pods look. The verified model is mounted read-only in every container."),
    template,
  ),
  modelMountPath: matching(
    z.string().min(2).max(1024),
    plainPath,
    "write an absolute path without a colon, empty, . or .. parts, for example /models",
  )
    .describe("Where the model is mounted.")
    .default("/models"),
  port: z
    .int()
    .min(1)
    .max(65535)
    .describe("The port of the first container that answers inference requests.")
    .default(8080),
  drain: Duration.describe(
    "How long a pod goes on answering after it was told to end, so that whoever has not heard of it yet fails no request. 10s where nothing is written, 10m at most; 0s turns it off. It comes on top of terminationGracePeriodSeconds. What is revoked does not drain.",
  ).optional(),
});

const ManagedWorkload = withRules(
  ManagedWorkloadFields,
  {
    rule: `!has(self.drain) || !${isDuration("self.drain")} || duration(self.drain) <= duration('10m')`,
    message: "drain must be between 0s and 10m, for example drain: 15s",
    fieldPath: ".drain",
  },
  {
    rule: `!has(self.kind) || self.kind != 'InferenceService' || !has(self.template) || !has(self.template.spec) || size(self.template.spec.containers) == 0 || self.template.spec.containers[0].name == '${kserveContainer}'`,
    message:
      "with kind: InferenceService the first container is the one that KServe asks, and has the name that KServe knows: name: kserve-container",
    holds: ({ kind, template }) => kind !== "InferenceService" || template.spec.containers[0]?.name === kserveContainer,
  },
  {
    rule: `!has(self.template) || !has(self.template.spec) || !(${modelIsHiddenIn("containers")} || ${modelIsHiddenIn("initContainers")})`,
    message:
      "nothing may be mounted over the model, below or above it: with modelMountPath: /models use another path, for example mountPath: /scratch",
    holds: ({ template, modelMountPath }) =>
      [...template.spec.containers, ...(template.spec.initContainers ?? [])]
        .flatMap(({ volumeMounts }) => volumeMounts ?? [])
        .every(({ mountPath }) => {
          const [model, mount] = [`${modelMountPath}/`, `${mountPath}/`];
          return !mount.startsWith(model) && !model.startsWith(mount);
        }),
  },
);

export const SecureModelSpec = z.strictObject({
  suspend: Suspend,
  source: shown(ModelSource, "source: {oci: {reference: registry.example.com/models/iris:v1}}"),
  policies: z
    .array(PolicyReference)
    .max(16)
    .describe("Policies that must vouch for the model, in addition to every policy whose scope matches.")
    .default([]),
  workload: shown(
    z.strictObject({ managed: shown(ManagedWorkload, `managed: {${template}}`) }),
    `workload: {managed: {${template}}}`,
  ),
  replicas: z.int().min(0).max(1000).default(1),
  strategy: StrategySpec.describe("How a revision takes the place of the one that serves.").default({
    type: "RollingUpdate",
    steps: [],
    hold: "5m",
    approval: false,
  }),
  health: HealthSpec.describe(
    "How it is found out whether a revision is well, while it comes and for as long as it serves. Without it: by its pods alone.",
  ).optional(),
  rollback: RollbackSpec.describe("What is done about an unhealthy revision.").optional(),
  notifications: NotificationSinks.describe(
    "Who is told what happens to the model, by CloudEvents over HTTP.",
  ).optional(),
  historyLimit: z.int().min(1).max(50).describe("How many ModelRevisions are kept besides the active one.").default(5),
});
export type SecureModelSpec = z.output<typeof SecureModelSpec>;

const RevisionPointer = z.object({
  revision: ObjectName,
  digest: Digest,
  since: Timestamp.describe("When this revision took this role."),
});
export type RevisionPointer = z.output<typeof RevisionPointer>;

export const SecureModelStatus = z.object({
  ...commonStatus,
  replicas: z.int().min(0).optional(),
  readyReplicas: z.int().min(0).optional(),
  selector: z.string().max(1024).describe("The label selector of the pods, for the scale subresource.").optional(),
  artifact: z
    .object({
      reference: z.string().max(512).describe("The reference as written in the spec."),
      digest: Digest,
      platformDigests: z.array(Digest).max(64).optional(),
      resolvedAt: Timestamp,
      generation: z.int().min(0).describe("The generation of the spec that it was resolved for."),
    })
    .describe("What the source resolved to.")
    .optional(),
  source: SourceStatus.describe("What was imported, where the source is not OCI.").optional(),
  verdict: VerdictStatus.optional(),
  active: RevisionPointer.describe("The revision that serves.").optional(),
  candidate: RevisionPointer.describe("The revision that is being rolled out.").optional(),
  rollout: RolloutStatus.describe(
    "How far the candidate is, where the strategy has stages. It ends when it has taken over.",
  ).optional(),
  lastKnownGood: RevisionPointer.describe("The newest revision that served healthily.").optional(),
  rollback: RollbackStatus.describe(
    "Why another revision serves than the spec asks for. It ends when the spec asks for one that is not banned.",
  ).optional(),
  latch: LatchStatus.describe(
    "Why no other revision is started: there were too many rollbacks, and nobody has looked since. It ends by a ModelAction of type Resume, or by a Promote of the revision that the spec asks for.",
  ).optional(),
  rollbacks: z.array(PastRollback).max(20).describe("The newest rollbacks, oldest first.").optional(),
  quarantine: z
    .object({
      since: Timestamp,
      reason: z.string().max(128),
      message: z.string().max(2048),
      snapshot: z.string().max(253).describe("The ConfigMap with the last logs and status of the pods.").optional(),
    })
    .optional(),
  evidence: EvidenceStatus.describe("Where the object's chain of evidence stood when this was written.").optional(),
});
export type SecureModelStatus = z.output<typeof SecureModelStatus>;

export type SecureModel = TypedObject<SecureModelSpec, SecureModelStatus>;

export const secureModel = {
  resource: { group: GROUP, version: VERSION, kind: "SecureModel", plural: "securemodels", namespaced: true },
  shortNames: ["smodel"],
  summary: "Which verified version of a model serves now.",
  spec: SecureModelSpec,
  status: SecureModelStatus,
  scale: { spec: ".spec.replicas", status: ".status.replicas", selector: ".status.selector" },
  example: `spec: {source: {oci: {reference: registry.example.com/models/iris:v1}}, workload: {managed: {${template}}}}`,
  rules: [
    {
      rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')",
      message:
        "metadata.name must start with a letter, hold only a-z, 0-9 and -, and have at most 52 characters, for example name: fraud-scorer",
    },
    {
      rule: "!self.metadata.name.endsWith('-active') && !self.metadata.name.endsWith('-candidate')",
      message:
        "metadata.name must not end with -active or -candidate: Services of another model's revisions are called so, for example name: fraud-scorer",
    },
  ],
  columns: [
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Serving", type: "string", jsonPath: '.status.conditions[?(@.type=="Serving")].status' },
    { name: "Healthy", type: "string", jsonPath: '.status.conditions[?(@.type=="Healthy")].status' },
    { name: "Verdict", type: "string", jsonPath: ".status.verdict.outcome" },
    { name: "Active", type: "string", jsonPath: ".status.active.revision" },
    { name: "Candidate", type: "string", jsonPath: ".status.candidate.revision" },
    { name: "Step", type: "integer", jsonPath: ".status.rollout.step", priority: 1 },
    { name: "Weight", type: "integer", jsonPath: ".status.rollout.weight", priority: 1 },
    { name: "Pods", type: "integer", jsonPath: ".status.readyReplicas" },
    { name: "Signed-By", type: "string", jsonPath: ".status.verdict.signers[*].authority" },
    { name: "Source", type: "string", jsonPath: ".spec.source.oci.reference", priority: 1 },
    { name: "Imported-From", type: "string", jsonPath: ".status.source.imported.from", priority: 1 },
    { name: "Digest", type: "string", jsonPath: ".status.artifact.digest", priority: 1 },
    { name: "Message", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
