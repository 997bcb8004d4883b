import {
  clusterTrustPolicy,
  type ClusterTrustPolicy,
  type ClusterTrustPolicyStatus,
} from "../api/cluster-trust-policy.ts";
import { parseObject } from "../api/kind.ts";
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
import { expiryOf, trustFreshness, type TrustFreshness } from "./trust-freshness.ts";

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
    const parsed = parseObject(clusterTrustPolicy, policy);
    const spec = parsed.ok ? parsed.value.spec : undefined;
    const isSuspended = spec?.suspend === true;
    const ready = isSuspended ? suspended : readiness(resolved);
    const generation = policy.metadata.generation ?? 0;
    const before = (policy.status?.conditions ?? []) as readonly Condition[];
    const now = deps.now();
    const freshness = trustFreshness(resolved, now);
    const fresh = { ...freshnessCondition(freshness), observedGeneration: generation };
    const conditions = setCondition(
      setCondition(before, { type: "Ready", ...ready, observedGeneration: generation }, now),
      fresh,
      now,
    );
    const status: ClusterTrustPolicyStatus = {
      observedGeneration: generation,
      conditions,
      authorities:
        spec !== undefined && !isSuspended
          ? spec.authorities.map((authority) => describeAuthority(authority, resolved))
          : (policy.status?.authorities ?? []),
      fingerprint: policyFingerprint(resolved),
      dependents: deps.dependents(key),
    };
    const regarding = { ...policy, apiVersion: API_VERSION, kind: clusterTrustPolicy.resource.kind };
    for (const condition of [{ type: "Ready", ...ready }, fresh]) {
      const reason = before.find(({ type }) => type === condition.type)?.reason;
      // That nothing ends soon is news only after something did.
      if (reason === condition.reason || (reason === undefined && condition.reason === "Fresh")) continue;
      deps.events.emit(regarding, {
        type: condition.status === "True" ? "Normal" : "Warning",
        reason: condition.reason,
        note: condition.message,
        action: "Resolve",
      });
    }
    const client = deps.client.withSignal(context.signal);
    await applyStatus(client, clusterTrustPolicy.resource, policy, { status, fieldManager: "mlsecops-trust" });
    return freshness.nextMs === undefined ? {} : { requeueAfterMs: freshness.nextMs };
  };
}

const maxMessage = 2048;

type Authority = ClusterTrustPolicy["spec"]["authorities"][number];
type AuthorityStatus = NonNullable<ClusterTrustPolicyStatus["authorities"]>[number];

function describeAuthority({ name, key, certificate }: Authority, policy: ResolvedPolicy): AuthorityStatus {
  const resolved = policy.authorities.find((authority) => authority.name === name);
  const expiresAt = resolved === undefined ? undefined : expiryOf(resolved);
  return {
    name,
    kind: key !== undefined ? "Key" : certificate !== undefined ? "Certificate" : "Keyless",
    ...(resolved?.key === undefined ? {} : { keyFingerprint: resolved.key.fingerprint }),
    ...(resolved?.root === undefined ? {} : { trustRootFingerprint: resolved.root.fingerprint }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(resolved?.problem === undefined ? {} : { problem: resolved.problem.slice(0, 1024) }),
  };
}

function freshnessCondition(freshness: TrustFreshness): Omit<Condition, "lastTransitionTime"> {
  const { state } = freshness;
  const message = freshness.message.slice(0, maxMessage);
  switch (state) {
    case "Fresh":
      return { type: "TrustFresh", status: "True", reason: "Fresh", message };
    case "ExpiresSoon":
      return { type: "TrustFresh", status: "False", reason: "ExpiresSoon", message };
    case "Expired":
      return { type: "TrustFresh", status: "False", reason: "Expired", message };
  }
}

/** It refuses and vouches as before: pausing a policy must not loosen anything. */
const suspended: Pick<Condition, "status" | "reason" | "message"> = {
  status: "False",
  reason: "Suspended",
  message: "spec.suspend is true: the policy counts as before, and what this status says of its keys may be old",
};

function readiness(policy: ResolvedPolicy): Pick<Condition, "status" | "reason" | "message"> {
  if (policy.unreadable !== undefined)
    return { status: "False", reason: "InvalidSpec", message: policy.unreadable.slice(0, maxMessage) };
  const broken = policy.authorities.filter((authority) => authority.problem !== undefined);
  if (broken.length > 0) {
    const message = broken.map(({ name, problem }) => `authority ${name}: ${problem}`).join("; ");
    return { status: "False", reason: "KeysUnusable", message: message.slice(0, maxMessage) };
  }
  if (policy.authorities.length === 0) {
    return {
      status: "False",
      reason: "NoAuthorities",
      message: "nobody may vouch: everything in scope is refused; add one under spec.authorities",
    };
  }
  return {
    status: "True",
    reason: "KeysResolved",
    message: `${policy.authorities.length} authorities are usable, ${policy.threshold} must sign`,
  };
}
