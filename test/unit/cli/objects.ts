import type {
  ClusterTrustPolicy,
  ModelRevision,
  SecureModel,
  SecureNamespace,
  VerdictStatus,
} from "../../../src/api/index.ts";
import {
  ClusterTrustPolicySpec,
  ModelRevisionSpec,
  SecureModelSpec,
  SecureNamespaceSpec,
} from "../../../src/api/index.ts";
import { digest, digestOf, later, name, now } from "../trust/support/build.ts";

const image = `registry.example.com/runtime@sha256:${"e".repeat(64)}`;

export function condition(type: string, status: "True" | "False" | "Unknown", reason = "Because") {
  return { type, status, reason, message: `${type} is ${status}`, lastTransitionTime: now.toISOString() };
}

export const verified: VerdictStatus = {
  ...{ outcome: "Verified", reason: "Verified", message: "signed by release", digest },
  signers: [{ policy: "signed", authority: "release", keyFingerprint: `sha256:${"f".repeat(64)}` }],
  policies: [{ name: "signed", generation: 1 }],
  trustFingerprint: `sha256:${"1".repeat(64)}`,
  verifiedAt: now.toISOString(),
  recheckAfter: later(3_600_000).toISOString(),
  notAfter: later(24 * 3_600_000).toISOString(),
};

/** A model that serves what it asks for. */
export function model(status: Partial<NonNullable<SecureModel["status"]>> = {}, spec: object = {}): SecureModel {
  const containers = [{ name: "runtime", image }];
  const reference = `${name}:v1`;
  return {
    metadata: { name: "iris", namespace: "prod", generation: 1 },
    spec: SecureModelSpec.parse({
      source: { oci: { reference } },
      workload: { managed: { template: { spec: { containers } } } },
      ...spec,
    }),
    status: {
      observedGeneration: 1,
      conditions: [condition("Ready", "True"), condition("Serving", "True")],
      artifact: { reference, digest, resolvedAt: now.toISOString(), generation: 1 },
      active: { revision: "iris-1", digest, since: now.toISOString() },
      verdict: verified,
      ...status,
    },
  };
}

/** Not what the model above asks for; each was created ten minutes after the one before. */
export function revision(number: number, status: ModelRevision["status"] = {}): ModelRevision {
  const letter = String.fromCharCode(96 + number);
  return {
    metadata: {
      name: `iris-${number}`,
      namespace: "prod",
      creationTimestamp: later(number * 600_000)
        .toISOString()
        .replace(".000Z", "Z"),
    },
    spec: ModelRevisionSpec.parse({
      ...{ model: "iris", number, hash: letter },
      artifact: { repository: name, digest: digestOf(letter) },
      serving: {
        template: { spec: { containers: [{ name: "runtime", image }] } },
        modelMountPath: "/older",
        port: 8080,
      },
    }),
    status,
  };
}

export function secured(status: SecureNamespace["status"] = {}, spec: object = {}): SecureNamespace {
  return {
    metadata: { name: "prod", generation: 1 },
    spec: SecureNamespaceSpec.parse({ profile: "experiment", enforcement: "Audit", ...spec }),
    status: { observedGeneration: 1, conditions: [condition("Ready", "True")], ...status },
  };
}

export function trustPolicy(spec: object = {}, policyName = "signed", generation = 1): ClusterTrustPolicy {
  return {
    metadata: { name: policyName, generation },
    spec: ClusterTrustPolicySpec.parse({ scope: { references: ["registry.example.com/models/**"] }, ...spec }),
  };
}
