import { z } from "zod";
import { Authority, DeniedSigner, TimestampAuthority } from "./authority.ts";
import type { KindDefinition, TypedObject } from "./kind.ts";
import {
  Digest,
  Duration,
  GROUP,
  ShortName,
  Suspend,
  Timestamp,
  VERSION,
  commonStatus,
  isDuration,
  mapList,
  matching,
  shown,
  withRules,
} from "./schema.ts";

const Scope = z.strictObject({
  references: shown(
    z
      .array(
        matching(
          z.string().min(1).max(512),
          /^[a-z0-9*][A-Za-z0-9._:/*-]*$/,
          "write a pattern over references without scheme, tag and digest, for example registry.example.com/models/**",
        ),
      )
      .min(1)
      .max(64)
      .describe(
        "Patterns over the normalised reference without tag or digest, such as registry.example.com/models/**. " +
          "* matches within one path segment, ** matches any number of segments.",
      ),
    "references: [registry.example.com/models/**]",
  ),
  namespaces: z
    .array(
      matching(
        z.string().min(1).max(63),
        /^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?$/,
        "write names of namespaces, with * for any characters, for example fraud-* or fraud-serving",
      ),
    )
    .min(1)
    .max(64)
    .describe("Names of namespaces, * allowed. Absent means every namespace.")
    .optional(),
});

const Validity = withRules(
  z.strictObject({
    recheckAfter: Duration.describe("How old a verdict may be before it is computed again.").default("1h"),
    validFor: Duration.describe("How long a verdict holds when it cannot be computed again.").default("24h"),
    onExpiry: z
      .enum(["Quarantine", "KeepRunning"])
      .describe("What is done with a running model when its verdict has expired and none can be had.")
      .default("Quarantine"),
    maxGrace: Duration.describe("With onExpiry KeepRunning: after this time it is quarantined all the same.").default(
      "24h",
    ),
  }),
  {
    rule: `!${isDuration("self.recheckAfter")} || duration(self.recheckAfter) >= duration('10s')`,
    message: "recheckAfter must be at least 10s, for example recheckAfter: 1h",
    fieldPath: ".recheckAfter",
  },
  {
    rule: `!(${isDuration("self.validFor")} && ${isDuration("self.recheckAfter")}) || duration(self.validFor) > duration(self.recheckAfter)`,
    message: "validFor must be longer than recheckAfter, for example recheckAfter: 1h, validFor: 24h",
    fieldPath: ".validFor",
  },
);

const Condition = z.strictObject({
  expression: shown(
    z
      .string()
      .min(1)
      .max(2048)
      .describe(
        "An expression in CEL that must be true. It sees predicate (of the attestation), artifact.name, artifact.digest and now.",
      ),
    "expression: predicate.score >= 0.9",
  ),
  message: z.string().max(512).describe("What people are told when it is false.").optional(),
});

const Attestation = withRules(
  z.strictObject({
    name: ShortName.describe("What people call this evidence; it appears in verdicts."),
    predicateType: shown(
      z.string().min(1).max(512).describe("The in-toto predicate type, such as https://slsa.dev/provenance/v1."),
      "predicateType: https://slsa.dev/provenance/v1",
    ),
    authorities: z
      .array(ShortName)
      .min(1)
      .max(16)
      .describe("Whose attestations count: names of spec.authorities. Absent means any of them.")
      .optional(),
    threshold: z.int().min(1).max(16).describe("How many distinct authorities must attest.").default(1),
    match: z
      .enum(["Any", "Every"])
      .describe(
        "Any: one attestation that meets the conditions is enough. Every: each that these authorities made must meet them, so a later bad one counts.",
      )
      .default("Any"),
    conditions: z.array(Condition).max(16).default([]),
    maximumAge: Duration.describe("How old an attestation may be, by a proven time of signing.").optional(),
  }),
  {
    rule: "!has(self.authorities) || !has(self.threshold) || self.threshold <= size(self.authorities)",
    message: "threshold must not be more than there are authorities, for example authorities: [a, b], threshold: 2",
    fieldPath: ".threshold",
  },
);

const Age = withRules(
  z.strictObject({
    minimum: Duration.describe("How long ago it must have been signed, so that there was time to object.").optional(),
    maximum: Duration.describe("How long ago it may have been signed.").optional(),
  }),
  {
    rule:
      `!has(self.minimum) || !has(self.maximum) || !${isDuration("self.minimum")} || !${isDuration("self.maximum")} || ` +
      "duration(self.maximum) > duration(self.minimum)",
    message: "maximum must be longer than minimum, for example minimum: 24h, maximum: 2160h",
    fieldPath: ".maximum",
  },
);

/** Of src/formats, without those that hold pickles or programs. */
export const DATA_FORMATS = [
  "safetensors",
  "onnx",
  "gguf",
  "skops",
  "hdf5",
  "keras",
  "npy",
  "npz",
  "savedmodel",
  "tflite",
  "torchscript",
  "xgboost-json",
  "xgboost-ubj",
  "lightgbm",
  "pmml",
  "json",
  "text",
  "empty",
  "unknown",
] as const;

const Formats = z.strictObject({
  allow: z
    .array(z.enum(DATA_FORMATS))
    .min(1)
    .max(32)
    .describe(
      "Absent: formats that hold data only (safetensors, onnx, gguf, skops, npy, npz, xgboost-json, xgboost-ubj, lightgbm, json, text, empty).",
    )
    .optional(),
  allowPickle: z
    .boolean()
    .describe("Let pickle, joblib and PyTorch files in, whose types are all trusted. Loading one runs what it says.")
    .default(false),
  trustedTypes: z
    .array(
      matching(
        z.string().min(1).max(512),
        /^[A-Za-z_][\w.:]*(\.\*)?$/,
        "write a Python type with its module, for example sklearn.linear_model._logistic.LogisticRegression, or sklearn.linear_model.* for the classes of a module",
      ),
    )
    .max(1024)
    .describe("What a pickle or skops file may name beside plain data. A refusal lists what is missing.")
    .default([]),
});

export const ClusterTrustPolicySpec = withRules(
  z.strictObject({
    suspend: Suspend,
    mode: z
      .enum(["Enforce", "Warn"])
      .describe(
        "Enforce: an artifact in scope must satisfy this policy. Warn: only reported; a Warn policy never grants.",
      )
      .default("Enforce"),
    scope: shown(Scope, "scope: {references: [registry.example.com/models/**]}"),
    authorities: mapList(z.array(Authority).max(16).describe("Who may vouch."), "name").default([]),
    threshold: z
      .int()
      .min(1)
      .max(16)
      .describe("How many distinct authorities must have signed. Two that rest on one key or identity count once.")
      .default(1),
    timestampAuthorities: mapList(
      z.array(TimestampAuthority).max(8).describe("Who may prove when a signature was made (RFC 3161)."),
      "name",
    ).default([]),
    attestations: mapList(
      z.array(Attestation).max(8).describe("What must be attested beside the signatures. All of these."),
      "name",
    ).default([]),
    formats: Formats.describe("What may be in a model, by its content and never by its name.").optional(),
    age: Age.describe("When the artifact must have been signed, by a proven time.").optional(),
    deny: z
      .strictObject({
        digests: z.array(Digest).max(1000).describe("Artifacts that are refused whoever signed them.").default([]),
        keys: z
          .array(Digest)
          .max(256)
          .describe("Fingerprints of keys whose signatures never count, as a policy's status shows them.")
          .default([]),
        signers: z.array(DeniedSigner).max(64).describe("Signers whose certificates never count.").default([]),
      })
      .describe("What is refused, and who is not believed. It outweighs all that vouch.")
      .optional(),
    validity: Validity.default({ recheckAfter: "1h", validFor: "24h", onExpiry: "Quarantine", maxGrace: "24h" }),
  }),
  {
    rule: "!has(self.authorities) || size(self.authorities) == 0 || !has(self.threshold) || self.threshold <= size(self.authorities)",
    message: "threshold must not be more than there are authorities, for example threshold: 2 with two authorities",
    fieldPath: ".threshold",
  },
  {
    rule:
      "!has(self.attestations) || self.attestations.all(wanted, !has(wanted.authorities) || wanted.authorities.all(name, " +
      "has(self.authorities) && self.authorities.exists(authority, authority.name == name)))",
    message: "attestations[].authorities must be names of spec.authorities, for example authorities: [release-team]",
    fieldPath: ".attestations",
  },
);
export type ClusterTrustPolicySpec = z.output<typeof ClusterTrustPolicySpec>;

export const ClusterTrustPolicyStatus = z.object({
  ...commonStatus,
  authorities: mapList(
    z
      .array(
        z.object({
          name: ShortName,
          kind: z.enum(["Key", "Certificate", "Keyless"]).optional(),
          keyFingerprint: z.string().max(71).describe("sha256 of the key's DER SubjectPublicKeyInfo.").optional(),
          trustRootFingerprint: z
            .string()
            .max(71)
            .describe("A hash over the certificate authorities, logs and timestamp authorities.")
            .optional(),
          expiresAt: Timestamp.describe("When the first certificate of it, or its revocation list, ends.").optional(),
          problem: z.string().max(1024).optional(),
        }),
      )
      .max(16),
    "name",
  ).optional(),
  fingerprint: z.string().max(71).describe("A hash over everything a verdict by this policy rests on.").optional(),
  dependents: z
    .int()
    .min(0)
    .describe("How many SecureModels and SecureNamespaces have a verdict that rests on this policy.")
    .optional(),
});
export type ClusterTrustPolicyStatus = z.output<typeof ClusterTrustPolicyStatus>;

export type ClusterTrustPolicy = TypedObject<ClusterTrustPolicySpec, ClusterTrustPolicyStatus>;

export const clusterTrustPolicy = {
  resource: {
    group: GROUP,
    version: VERSION,
    kind: "ClusterTrustPolicy",
    plural: "clustertrustpolicies",
    namespaced: false,
  },
  shortNames: ["ctp"],
  summary: "Who may vouch for an artifact, and until when.",
  spec: ClusterTrustPolicySpec,
  status: ClusterTrustPolicyStatus,
  example: "spec: {scope: {references: [registry.example.com/models/**]}}",
  rules: [],
  columns: [
    { name: "Mode", type: "string", jsonPath: ".spec.mode" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Needs", type: "integer", jsonPath: ".spec.threshold" },
    { name: "Authorities", type: "string", jsonPath: ".spec.authorities[*].name" },
    { name: "Fresh", type: "string", jsonPath: '.status.conditions[?(@.type=="TrustFresh")].reason' },
    { name: "Dependents", type: "integer", jsonPath: ".status.dependents" },
    { name: "Scope", type: "string", jsonPath: ".spec.scope.references", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
