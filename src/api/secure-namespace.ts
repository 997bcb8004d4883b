import { z } from "zod";
import { EvidenceStatus } from "./evidence.ts";
import type { KindDefinition, TypedObject } from "./kind.ts";
import { NamespaceNetwork } from "./namespace-network.ts";
import { NamespacePeople } from "./namespace-people.ts";
import { ContainerLimits, NamespaceQuota, WorkloadAccounts } from "./namespace-resources.ts";
import {
  Digest,
  GROUP,
  OciReference,
  PolicyReference,
  PullSecrets,
  PullServiceAccount,
  ShortName,
  Suspend,
  Timestamp,
  VERSION,
  commonStatus,
  mapList,
  shown,
  withRules,
} from "./schema.ts";
import { VerdictStatus } from "./verdict.ts";

/** How a digest may be used by a pod. */
export const Use = z.enum(["container", "init", "imageVolume"]);
export type Use = z.output<typeof Use>;

const AllowedImage = z.strictObject({
  name: ShortName.describe("A name for this entry; it appears in the status."),
  reference: shown(
    OciReference.describe("The image, by tag or by digest; a tag is resolved and the digest is granted."),
    "reference: registry.example.com/runtimes/onnx:1.0",
  ),
  uses: z.array(Use).min(1).max(3).default(["container"]),
  policies: z
    .array(PolicyReference)
    .max(16)
    .describe("Policies that must vouch for it, in addition to every policy whose scope matches.")
    .optional(),
  pullSecrets: PullSecrets.describe("Secrets of type kubernetes.io/dockerconfigjson in this namespace.").optional(),
  serviceAccountName: PullServiceAccount.optional(),
});
export type AllowedImage = z.output<typeof AllowedImage>;

export const Profile = z.enum(["experiment", "training", "serving"]);
export type Profile = z.output<typeof Profile>;

const specFields = z.strictObject({
  suspend: Suspend,
  profile: shown(
    Profile.describe(
      "What the namespace is for. In serving only the operator's own workloads run, as their revision says, and nobody can exec into them.",
    ),
    "profile: serving",
  ),
  enforcement: shown(
    z
      .enum(["Audit", "Enforce"])
      .describe("Audit reports what Enforce would refuse and refuses nothing. Enforce lets the API server refuse it."),
    "enforcement: Audit to begin with, then enforcement: Enforce",
  ),
  allowedImages: mapList(
    z.array(AllowedImage).max(64).describe("What may run here besides models: runtimes, notebooks, training images."),
    "name",
  ).default([]),
  onUngranted: z
    .enum(["Report", "Evict"])
    .describe("What is done with a running pod that the grant does not cover.")
    .default("Report"),
  namespace: z
    .enum(["Adopt", "Create"])
    .describe("Adopt waits for a Namespace of this name. Create makes one if there is none.")
    .default("Adopt"),
  podSecurity: z
    .enum(["restricted", "baseline"])
    .describe("The Pod Security Standard that pods must meet. Every profile has restricted.")
    .default("restricted"),
  network: NamespaceNetwork.describe(
    "The traffic that is declared; all else is cut, both ways. The metadata service of clouds is never reached.",
  ).prefault({}),
  onBreach: z
    .enum(["Report", "Block"])
    .describe(
      "What is done about objects that let in or out more than spec.network declares. Report names them in the status. Block has the API server refuse new ones too, and still reports what is there.",
    )
    .default("Report"),
  quota: NamespaceQuota.describe(
    'How much all of the namespace may use, beside the profile\'s defaults, for example requests.nvidia.com/gpu: "2".',
  ).optional(),
  limits: ContainerLimits.describe("What one container gets and may have, beside the profile's defaults.").optional(),
  serviceAccounts: WorkloadAccounts.describe(
    "ServiceAccounts that workloads may run as. No token is mounted for them or for default, and they have no rights.",
  ).default([]),
  people: NamespacePeople.describe(
    "Who may enter, and as what. Each role has the least that it needs in this profile.",
  ).default([]),
  deletionPolicy: z
    .enum(["KeepClosed", "Open", "DeleteNamespace"])
    .describe(
      "What happens when this object is deleted. KeepClosed: nothing unverified can run, for ever, and the walls stay. Open: the rules and walls go, all else stays. DeleteNamespace: the Namespace goes with all that is in it, if the operator created it.",
    )
    .default("KeepClosed"),
});
export const SecureNamespaceSpec = withRules(
  specFields,
  {
    rule: "self.deletionPolicy != 'DeleteNamespace' || self.namespace == 'Create'",
    message:
      "deletionPolicy: DeleteNamespace is for namespaces that the operator makes: write namespace: Create, or KeepClosed",
    holds: ({ deletionPolicy, namespace }) => deletionPolicy !== "DeleteNamespace" || namespace === "Create",
  },
  {
    rule: "self.profile == oldSelf.profile || self.enforcement == 'Audit' || oldSelf.enforcement == 'Audit'",
    message:
      "another profile would cut what runs: set enforcement: Audit first, look at what Enforce would refuse with mlsecops preview, then change the profile and enforce again",
  },
);
export type SecureNamespaceSpec = z.output<typeof SecureNamespaceSpec>;

export const SecureNamespaceStatus = z.object({
  ...commonStatus,
  images: mapList(
    z
      .array(
        z.object({
          name: ShortName,
          reference: z.string().max(512),
          digest: Digest.optional(),
          verdict: VerdictStatus,
        }),
      )
      .max(64),
    "name",
  ).optional(),
  grantedDigests: z.int().min(0).describe("How many digests the namespace's AdmissionGrant holds.").optional(),
  ungrantedPods: z
    .object({
      count: z.int().min(0),
      examples: z.array(z.object({ name: z.string().max(253), problem: z.string().max(1024) })).max(10),
    })
    .describe("Running pods that would not be admitted now.")
    .optional(),
  profile: Profile.describe("The profile that is in force.").optional(),
  walls: z
    .object({
      objects: z.int().min(0).describe("How many objects of the operator keep the namespace apart."),
      repaired: z
        .int()
        .min(0)
        .describe("How often one of them had been deleted or changed, and was brought back.")
        .optional(),
      lastRepair: z
        .object({ object: z.string().max(512), time: Timestamp })
        .describe("The last of them, as KIND/NAME.")
        .optional(),
    })
    .optional(),
  breaches: z
    .object({
      count: z.int().min(0),
      examples: z
        .array(
          z.object({
            apiVersion: z.string().max(317),
            kind: z.string().max(63),
            name: z.string().max(253),
            reason: z.string().max(128),
            direction: z.enum(["Ingress", "Egress"]).optional(),
            allows: z.string().max(1024),
            pods: z.object({ count: z.int().min(0), examples: z.array(z.string().max(253)).max(5) }),
          }),
        )
        .max(16),
    })
    .describe("Objects that let in or out more than is declared, and the pods that this affects.")
    .optional(),
  access: z
    .object({
      count: z.int().min(0),
      examples: z
        .array(
          z.object({
            binding: z.string().max(512).describe("RoleBinding/NAME or ClusterRoleBinding/NAME."),
            subjects: z.string().max(1024),
            allows: z.string().max(1024),
          }),
        )
        .max(16),
    })
    .describe("Bindings that give more in this namespace than spec.people says.")
    .optional(),
  evidence: EvidenceStatus.describe("Where the object's chain of evidence stood when this was written.").optional(),
});
export type SecureNamespaceStatus = z.output<typeof SecureNamespaceStatus>;

export type SecureNamespace = TypedObject<SecureNamespaceSpec, SecureNamespaceStatus>;

export const secureNamespace = {
  resource: { group: GROUP, version: VERSION, kind: "SecureNamespace", plural: "securenamespaces", namespaced: false },
  shortNames: ["sns"],
  summary: "What a namespace is for and what may run in it. Its name is the namespace's name.",
  spec: SecureNamespaceSpec,
  status: SecureNamespaceStatus,
  example: "spec: {profile: serving, enforcement: Audit}",
  rules: [
    {
      rule: "!self.metadata.name.startsWith('kube-') && self.metadata.name != 'default'",
      message:
        "system namespaces (kube-*, default) cannot be secured: use a namespace made for one purpose, for example name: fraud-serving",
    },
    {
      rule: "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
      message: "metadata.name must be the name of a namespace, for example name: fraud-serving",
    },
  ],
  columns: [
    { name: "Profile", type: "string", jsonPath: ".spec.profile" },
    { name: "Enforcement", type: "string", jsonPath: ".spec.enforcement" },
    { name: "Enforced", type: "string", jsonPath: '.status.conditions[?(@.type=="Enforced")].status' },
    { name: "Isolated", type: "string", jsonPath: '.status.conditions[?(@.type=="Isolated")].status' },
    { name: "Tight", type: "string", jsonPath: '.status.conditions[?(@.type=="AccessTight")].status' },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Granted", type: "integer", jsonPath: ".status.grantedDigests" },
    { name: "Ungranted", type: "integer", jsonPath: ".status.ungrantedPods.count" },
    { name: "Message", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
