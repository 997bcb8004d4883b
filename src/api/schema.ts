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
  readonly reason?: "FieldValueRequired";
}

/** A CEL rule together with the same in TypeScript, for the operator's own parse. */
export interface CheckedRule<T> extends CelRule {
  readonly holds?: (value: T) => boolean;
}

/** Attaches CEL rules to a schema. They travel into the CRD; what zod is to check as well says so by `holds`. */
export function withRules<T extends z.ZodType>(schema: T, ...rules: readonly CheckedRule<z.output<T>>[]): T {
  let checked: T = schema;
  for (const { holds, message } of rules) {
    if (holds !== undefined) checked = checked.refine(holds, { error: message });
  }
  return checked.meta({
    ...schema.meta(),
    "x-kubernetes-validations": rules.map(({ holds: _holds, ...rule }) => rule),
  });
}

/**
 * What the API server says where a pattern fails is the pattern. The hint says what to write instead: it becomes a CEL
 * rule beside the pattern where users write the field, and zod's message everywhere.
 */
export function matching(schema: z.ZodString, pattern: RegExp, hint: string): z.ZodString {
  return schema.regex(pattern, { error: hint }).meta({ ...schema.meta(), [HINT]: hint });
}

/** Shows how a required field is written, to whoever left it out. */
export function shown<T extends z.ZodType>(schema: T, example: string): T {
  return schema.meta({ ...schema.meta(), [EXAMPLE]: example });
}

/** Keys of a schema's metadata that the generator turns into rules; they do not get into the CRD. */
export const HINT = "x-mlsecops-hint";
export const EXAMPLE = "x-mlsecops-example";

/** A list that server-side apply merges by the given keys, as Kubernetes does with containers or conditions. */
export function mapList<T extends z.ZodType>(schema: T, ...keys: readonly string[]): T {
  return schema.meta({ ...schema.meta(), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
}

/** A value that server-side apply replaces as a whole. */
export function atomic<T extends z.ZodType>(schema: T): T {
  return schema.meta({ ...schema.meta(), "x-kubernetes-map-type": "atomic" });
}

/** A Secret says by this label what it may be used for, where a model names it and an address: no other one of the namespace is. */
export const SECRET_USE_LABEL = "mlsecops.io/use";

/** An RFC 3339 time, as the API server writes it. */
export const Timestamp = z.string().max(64).meta({ format: "date-time" });

/** The digest of an OCI manifest or blob. */
export const Digest = matching(
  z.string().max(71),
  /^sha256:[a-f0-9]{64}$/,
  "write sha256: and 64 hexadecimal digits in lower case, as crane digest prints it, for example " +
    `sha256:${"3f5a".repeat(16)}`,
).describe("A digest, such as sha256:3f5a… with 64 hexadecimal digits.");

/** The name of a Kubernetes object (RFC 1123 subdomain). */
export const ObjectName = matching(
  z.string().max(253),
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
  "write the name of a Kubernetes object: a-z, 0-9, - and . only, for example release-key",
);

/** A name that fits in a label value and in a container's name. */
export const ShortName = matching(
  z.string().max(63),
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  "write a name of a-z, 0-9 and -, which begins and ends with a letter or a digit, for example release-team",
);

/** A length of time in Go's notation. */
const durationPattern = /^([0-9]+(ms|s|m|h))+$/;
export const Duration = matching(
  z.string().max(32),
  durationPattern,
  "write a length of time as whole numbers with ms, s, m or h, for example 30s, 5m or 1h30m; a day is 24h",
);

/** In CEL: whether a text is a length of time. A rule that computes with it asks first, so that one mistake is named once. */
export function isDuration(field: string): string {
  return `${field}.matches(r'${durationPattern.source}')`;
}

/** A reference to an OCI artifact or image; the exact grammar is checked where it is resolved. */
export const OciReference = withRules(
  matching(
    z.string().min(1).max(512),
    /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/,
    "write a reference without a scheme such as https://, for example registry.example.com/models/iris:v1",
  ),
  {
    rule: "!self.contains('@') || self.matches(r'@sha256:[a-f0-9]{64}$')",
    message:
      "after @ write a whole digest, for example registry.example.com/models/iris@sha256: and 64 hexadecimal digits; a tag is written with a colon, for example registry.example.com/models/iris:v1",
    holds: (text) => !text.includes("@") || /@sha256:[a-f0-9]{64}$/.test(text),
  },
);

/** What runs the pods of a model. */
export const WorkloadKind = z.enum(["Deployment", "InferenceService"]);
export type WorkloadKind = z.output<typeof WorkloadKind>;

/** Secrets to pull with, by name. */
export const PullSecrets = z.array(z.strictObject({ name: shown(ObjectName, "name: registry-login") })).max(8);

/** A ServiceAccount to pull as. */
export const PullServiceAccount = ObjectName.describe(
  "A ServiceAccount of this namespace to look at the registry as: with its imagePullSecrets and, at registries of AWS, Google Cloud and Azure, as the identity that its annotations name. pullSecrets count first. What nodes pull with is their own affair.",
);

/** A reference to a policy. The kind is written out, so that a namespaced TrustPolicy can join later. */
export const PolicyReference = z.strictObject({
  kind: z.enum(["ClusterTrustPolicy"]).default("ClusterTrustPolicy"),
  name: shown(ObjectName, "name: release"),
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
