import { z } from "zod";
import type { KindDefinition, TypedObject } from "./kind.ts";
import {
  Digest,
  Duration,
  GROUP,
  ObjectName,
  ShortName,
  Suspend,
  VERSION,
  commonStatus,
  isDuration,
  mapList,
  matching,
  shown,
  withRules,
} from "./schema.ts";

const KeySource = withRules(
  z.strictObject({
    inline: z
      .string()
      .max(4096)
      .describe("A public key in PEM, as `cosign generate-key-pair` writes it to cosign.pub.")
      .optional(),
    secretRef: z
      .strictObject({
        name: shown(ObjectName, "name: release-key"),
        key: matching(
          z.string().min(1).max(253),
          /^[-._a-zA-Z0-9]+$/,
          "write a key of the Secret's data, for example cosign.pub",
        ).default("cosign.pub"),
      })
      .describe("A Secret in the operator's own namespace that holds the public key.")
      .optional(),
  }),
  {
    rule: "has(self.inline) != has(self.secretRef)",
    message:
      "give exactly one of inline (a PEM public key) or secretRef, for example secretRef: {name: release-key, key: cosign.pub}",
  },
  {
    rule: "!has(self.inline) || self.inline.contains('-----BEGIN PUBLIC KEY-----')",
    message:
      "inline must be a PEM public key that starts with -----BEGIN PUBLIC KEY-----; never put a private key here",
  },
);

const Authority = z.strictObject({
  name: ShortName.describe("What people call this signer; it appears in verdicts."),
  key: shown(KeySource, "key: {secretRef: {name: release-key}}"),
});

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

export const ClusterTrustPolicySpec = z.strictObject({
  suspend: Suspend,
  mode: z
    .enum(["Enforce", "Warn"])
    .describe(
      "Enforce: an artifact in scope must satisfy this policy. Warn: only reported; a Warn policy never grants.",
    )
    .default("Enforce"),
  scope: shown(Scope, "scope: {references: [registry.example.com/models/**]}"),
  authorities: mapList(
    z.array(Authority).max(16).describe("Who may vouch. One valid signature by any of them satisfies this policy."),
    "name",
  ).default([]),
  deny: z
    .strictObject({ digests: z.array(Digest).max(1000).default([]) })
    .describe("Artifacts that are refused whoever signed them.")
    .optional(),
  validity: Validity.default({ recheckAfter: "1h", validFor: "24h", onExpiry: "Quarantine", maxGrace: "24h" }),
});
export type ClusterTrustPolicySpec = z.output<typeof ClusterTrustPolicySpec>;

export const ClusterTrustPolicyStatus = z.object({
  ...commonStatus,
  authorities: mapList(
    z
      .array(
        z.object({
          name: ShortName,
          keyFingerprint: z.string().max(71).describe("sha256 of the key's DER SubjectPublicKeyInfo.").optional(),
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
    { name: "Authorities", type: "string", jsonPath: ".spec.authorities[*].name" },
    { name: "Dependents", type: "integer", jsonPath: ".status.dependents" },
    { name: "Scope", type: "string", jsonPath: ".spec.scope.references", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
} as const satisfies KindDefinition;
