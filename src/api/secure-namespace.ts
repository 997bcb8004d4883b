import { z } from "zod";
import { EvidenceStatus } from "./evidence.ts";
import type { KindDefinition, TypedObject } from "./kind.ts";
import {
  Digest,
  GROUP,
  OciReference,
  PolicyReference,
  PullSecrets,
  PullServiceAccount,
  ShortName,
  Suspend,
  VERSION,
  commonStatus,
  mapList,
  shown,
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

export const SecureNamespaceSpec = z.strictObject({
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
  deletionPolicy: z
    .enum(["KeepClosed", "Open"])
    .describe(
      "What happens to the admission rules when this object is deleted. KeepClosed: nothing unverified can run, for ever.",
    )
    .default("KeepClosed"),
});
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
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Granted", type: "integer", jsonPath: ".status.grantedDigests" },
    { name: "Ungranted", type: "integer", jsonPath: ".status.ungrantedPods.count" },
    { name: "Message", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
