import { z } from "zod";
import type { KindDefinition, TypedObject } from "./kind.ts";
import { GROUP, ObjectName, Timestamp, VERSION, atomic } from "./schema.ts";

/** The fixed name of the one AdmissionGrant of a namespace: the admission policies look for exactly this. */
export const GRANT_NAME = "mlsecops";

const Grantor = z.object({
  kind: z.enum(["SecureModel", "SecureNamespace"]),
  name: ObjectName,
  notAfter: Timestamp,
});
export type Grantor = z.output<typeof Grantor>;

const UseGrant = z.object({
  notAfter: Timestamp.describe("The latest notAfter of the grantors; a pod created later is refused."),
  grantors: z.array(Grantor).min(1).max(256),
});
export type UseGrant = z.output<typeof UseGrant>;

const DigestGrant = z.object({
  container: UseGrant.optional(),
  init: UseGrant.optional(),
  imageVolume: UseGrant.optional(),
});
export type DigestGrant = z.output<typeof DigestGrant>;

/** Rows are compared with the pod's as lists of strings, which CEL does without any knowledge of defaults. */
const Row = z.array(z.string().max(32768)).max(8);

const GrantedContainer = z.object({
  name: z.string().max(63),
  image: z.string().max(1024),
  command: z.array(z.string().max(32768)).max(256),
  args: z.array(z.string().max(32768)).max(256),
  workingDir: z.string().max(4096),
  env: z.array(Row).max(256).describe("Rows of [name, value, fieldPath]."),
  volumeMounts: z.array(Row).max(64).describe("Rows of [name, mountPath, subPath, readOnly]."),
});
export type GrantedContainer = z.output<typeof GrantedContainer>;

const GrantedRevision = z.object({
  model: ObjectName,
  serviceAccountName: z.string().max(253),
  containers: z.array(GrantedContainer).min(1).max(8),
  initContainers: z.array(GrantedContainer).max(8),
  volumes: z.array(Row).max(32).describe("Rows of [name, kind, reference]."),
  import: z
    .boolean()
    .describe("It imports what the model is made of: the pod of a Job, not of a ReplicaSet.")
    .optional(),
});
export type GrantedRevision = z.output<typeof GrantedRevision>;

export const AdmissionGrantSpec = atomic(
  z.object({
    digests: z
      .record(z.string(), DigestGrant)
      .meta({ maxProperties: 5000 })
      .describe("What may run in this namespace: digest, then use.")
      .default({}),
    revisions: z
      .record(z.string(), GrantedRevision)
      .meta({ maxProperties: 1000 })
      .describe("How a pod of a revision looks. In a serving namespace a pod must look exactly so.")
      .default({}),
  }),
);
export type AdmissionGrantSpec = z.output<typeof AdmissionGrantSpec>;

export const AdmissionGrantStatus = z.object({});

export type AdmissionGrant = TypedObject<AdmissionGrantSpec, Record<string, never>>;

export const admissionGrant = {
  resource: { group: GROUP, version: VERSION, kind: "AdmissionGrant", plural: "admissiongrants", namespaced: true },
  shortNames: ["agrant"],
  summary:
    "Which digests may run in this namespace, in which use, until when, and who granted each. Written only by the operator.",
  spec: AdmissionGrantSpec,
  status: AdmissionGrantStatus,
  rules: [
    {
      rule: `self.metadata.name == '${GRANT_NAME}'`,
      message: `a namespace has one AdmissionGrant and its name is ${GRANT_NAME}`,
    },
  ],
  columns: [{ name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" }],
} as const satisfies KindDefinition;
