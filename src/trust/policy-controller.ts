import {
  clusterTrustPolicy,
  type ClusterTrustPolicy,
  type ClusterTrustPolicyStatus,
} from "../api/cluster-trust-policy.ts";
import { API_VERSION } from "../api/schema.ts";
import {
  type Condition,
  type EventRecorder,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  applyStatus,
  setCondition,
} from "../kube/index.ts";
import { policyFingerprint } from "./fingerprint.ts";
import type { ResolvedPolicy } from "./policies.ts";

export interface PolicyDependencies {
  readonly client: ObjectClient;
  readonly store: Store<ClusterTrustPolicy>;
  readonly resolved: (name: string) => ResolvedPolicy | undefined;
  /** How many objects have a verdict that rests on the policy. */
  readonly dependents: (name: string) => number;
  readonly events: Pick<EventRecorder, "emit">;
  readonly now: () => Date;
}

/** Reports what a policy's keys resolved to. Verdicts do not wait for this: they read the same facts themselves. */
export function policyReconciler(deps: PolicyDependencies) {
  return async (key: string, context: ReconcileContext): Promise<ReconcileResult> => {
    const policy = deps.store.get(key);
    const resolved = deps.resolved(key);
    if (policy === undefined || resolved === undefined || policy.metadata.deletionTimestamp !== undefined) return {};
    const ready = policy.spec.suspend ? suspended : readiness(resolved);
    const generation = policy.metadata.generation ?? 0;
    const before = (policy.status?.conditions ?? []) as readonly Condition[];
    const status: ClusterTrustPolicyStatus = {
      observedGeneration: generation,
      conditions: setCondition(before, { type: "Ready", ...ready, observedGeneration: generation }, deps.now()),
      authorities: policy.spec.suspend
        ? (policy.status?.authorities ?? [])
        : resolved.authorities.map(({ name, key: publicKey, problem }) => ({
            name,
            ...(publicKey === undefined ? {} : { keyFingerprint: publicKey.fingerprint }),
            ...(problem === undefined ? {} : { problem: problem.slice(0, 1024) }),
          })),
      fingerprint: policyFingerprint(resolved),
      dependents: deps.dependents(key),
    };
    if (before.find((condition) => condition.type === "Ready")?.reason !== ready.reason) {
      deps.events.emit(
        { ...policy, apiVersion: API_VERSION, kind: clusterTrustPolicy.resource.kind },
        {
          type: ready.status === "True" ? "Normal" : "Warning",
          reason: ready.reason,
          note: ready.message,
          action: "Resolve",
        },
      );
    }
    const client = deps.client.withSignal(context.signal);
    await applyStatus(client, clusterTrustPolicy.resource, policy, { status, fieldManager: "mlsecops-trust" });
    return {};
  };
}

/** It refuses and vouches as before: pausing a policy must not loosen anything. */
const suspended: Pick<Condition, "status" | "reason" | "message"> = {
  status: "False",
  reason: "Suspended",
  message: "spec.suspend is true: the policy counts as before, and what this status says of its keys may be old",
};

function readiness(policy: ResolvedPolicy): Pick<Condition, "status" | "reason" | "message"> {
  if (policy.unreadable !== undefined) return { status: "False", reason: "InvalidSpec", message: policy.unreadable };
  const broken = policy.authorities.filter((authority) => authority.problem !== undefined);
  if (broken.length > 0) {
    const message = broken.map(({ name, problem }) => `authority ${name}: ${problem}`).join("; ");
    return { status: "False", reason: "KeysUnusable", message };
  }
  if (policy.authorities.length === 0) {
    return {
      status: "False",
      reason: "NoAuthorities",
      message: "nobody may vouch: everything in scope is refused; add a key under spec.authorities",
    };
  }
  return { status: "True", reason: "KeysResolved", message: `${policy.authorities.length} keys are usable` };
}
