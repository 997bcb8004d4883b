import { installCrds, must } from "../../admission/support.ts";

/** The admission policies, where they are installed, let only the operator write its records. */
const asOperator = ["--as=system:serviceaccount:mlsecops-system:mlsecops-operator", "--as-group=system:masters"];

const apiVersion = "mlsecops.io/v1alpha1";
const hour = 3_600_000;

export interface FleetObject {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** Writes objects, and their statuses as the operator would. No operator runs: nobody changes them. */
export async function write(...objects: readonly FleetObject[]): Promise<void> {
  await installCrds();
  for (const { status, ...object } of objects) {
    const input = { apiVersion, ...object };
    await must([...asOperator, "apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
    if (status === undefined) continue;
    const { namespace, name } = object.metadata;
    await must([
      ...[...asOperator, "patch", object.kind.toLowerCase(), name, "--subresource=status", "--type=merge"],
      ...(namespace === undefined ? [] : ["-n", namespace]),
      `--patch=${JSON.stringify({ status })}`,
    ]);
  }
}

export async function remove(...objects: readonly FleetObject[]): Promise<void> {
  for (const { kind, metadata } of objects) {
    const place = metadata.namespace === undefined ? [] : ["-n", metadata.namespace];
    await must([
      ...asOperator,
      "delete",
      kind.toLowerCase(),
      metadata.name,
      "--wait=false",
      "--ignore-not-found",
      ...place,
    ]);
  }
}

export function verified(digest: string, policy: string, authority: string): object {
  const now = Date.now();
  return {
    ...{ outcome: "Verified", reason: "Verified", message: `signed by ${authority}`, digest },
    signers: [{ policy, authority, keyFingerprint: `sha256:${"a".repeat(64)}` }],
    policies: [{ name: policy, generation: 1 }],
    trustFingerprint: `sha256:${"b".repeat(64)}`,
    verifiedAt: new Date(now).toISOString(),
    recheckAfter: new Date(now + hour).toISOString(),
    notAfter: new Date(now + 24 * hour).toISOString(),
  };
}

export function condition(type: string, status: string, reason: string): object {
  return { type, status, reason, message: `because of ${reason}`, lastTransitionTime: new Date().toISOString() };
}

/** A model that serves, pinned to the digest of its reference. */
export function servingModel(namespace: string, name: string, reference: string, verdict: object): FleetObject {
  const digest = reference.slice(reference.indexOf("@") + 1);
  const containers = [{ name: "runtime", image: `registry.example.com/runtime@sha256:${"c".repeat(64)}` }];
  return {
    kind: "SecureModel",
    metadata: { name, namespace },
    spec: { source: { oci: { reference } }, workload: { managed: { template: { spec: { containers } } } } },
    status: {
      observedGeneration: 1,
      conditions: [condition("Ready", "True", "Serving"), condition("Serving", "True", "Serving")],
      artifact: { reference, digest, resolvedAt: new Date().toISOString(), generation: 1 },
      active: { revision: `${name}-r1`, digest, since: new Date().toISOString() },
      verdict,
    },
  };
}

export function grant(namespace: string, digest: string, model: string): FleetObject {
  const notAfter = new Date(Date.now() + 24 * hour).toISOString();
  const grantors = [{ kind: "SecureModel", name: model, notAfter }];
  return {
    kind: "AdmissionGrant",
    metadata: { name: "mlsecops", namespace },
    spec: { digests: { [digest]: { imageVolume: { notAfter, grantors } } }, revisions: {} },
  };
}
