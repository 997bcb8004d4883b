import { z } from "zod";

/** The API group and version of every kind. */
export const GROUP = "mlsecops.io";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}`;

/** A CEL rule that the API server checks (`x-kubernetes-validations`). The message says what to write instead. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** Attaches CEL rules to a schema; they travel into the CRD, zod itself does not run them. */
export function withRules<T extends z.ZodType>(schema: T, ...rules: readonly CelRule[]): T {
  return schema.meta({ ...schema.meta(), "x-kubernetes-validations": rules });
}

/** A list that server-side apply merges by the given keys, as Kubernetes does with containers or conditions. */
export function mapList<T extends z.ZodType>(schema: T, ...keys: readonly string[]): T {
  return schema.meta({ ...schema.meta(), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
}

/** A value that server-side apply replaces as a whole. */
export function atomic<T extends z.ZodType>(schema: T): T {
  return schema.meta({ ...schema.meta(), "x-kubernetes-map-type": "atomic" });
}

/** An RFC 3339 time, as the API server writes it. */
export const Timestamp = z.string().max(64).meta({ format: "date-time" });

/** The digest of an OCI manifest or blob. */
export const Digest = z
  .string()
  .max(71)
  .regex(/^sha256:[a-f0-9]{64}$/)
  .describe("A digest, such as sha256:3f5a… with 64 hexadecimal digits.");

/** The name of a Kubernetes object (RFC 1123 subdomain). */
export const ObjectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);

/** A name that fits in a label value and in a container's name. */
export const ShortName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

/** A length of time in Go's notation. */
export const Duration = z
  .string()
  .max(32)
  .regex(/^([0-9]+(ms|s|m|h))+$/);

/** A reference to an OCI artifact or image; the exact grammar is checked where it is resolved. */
export const OciReference = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/);

/** A reference to a policy. The kind is written out, so that a namespaced TrustPolicy can join later. */
export const PolicyReference = z.strictObject({
  kind: z.enum(["ClusterTrustPolicy"]).default("ClusterTrustPolicy"),
  name: ObjectName,
});
export type PolicyReference = z.output<typeof PolicyReference>;

export const ConditionSchema = z.object({
  type: z.string().max(316),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/),
  message: z.string().max(32768),
  lastTransitionTime: Timestamp,
  observedGeneration: z.int().min(0).optional(),
});

/** What every kind's status holds (kstatus compatible). */
export const commonStatus = {
  observedGeneration: z.int().min(0).describe("The generation of the spec that this status speaks of.").optional(),
  conditions: mapList(z.array(ConditionSchema).max(16), "type").optional(),
};

/** Pauses the operator's work on one object; what is enforced stays enforced. */
export const Suspend = z
  .boolean()
  .describe("Pauses the operator's work on this object. What is enforced stays enforced; nothing is loosened.")
  .default(false);
