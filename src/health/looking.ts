import type { ModelRevision } from "../api/index.ts";
import { type ObjectClient, isKubeError, secretType } from "../kube/index.ts";
import { type Sender } from "./asking.ts";
import { type LoginSecret, authorizationOf } from "./authorization.ts";
import type { MetricsServer, WatchPlan, WatchedSignal } from "./from-spec.ts";
import { type Look, errorLook } from "./look.ts";
import type { WatchedPod } from "./pods.ts";
import { noPod, pickTarget, probePod } from "./probe.ts";
import { askPrometheus } from "./prometheus.ts";
import { fillQuery } from "./query-text.ts";

export interface LookDependencies {
  readonly client: ObjectClient;
  /** To servers that tenants name. */
  readonly metricsSender: (caBundle: string | undefined) => Sender;
  /** To pods, by the addresses that the kubelets say they have. */
  readonly podSender: Sender;
  readonly monotonic: () => number;
}

export interface Subject {
  readonly revision: ModelRevision;
  readonly pods: readonly WatchedPod[];
}

export interface LookContext {
  readonly now: Date;
  readonly signal: AbortSignal;
}

export type Login = ReturnType<typeof authorizationOf> | { readonly authorization?: undefined };

/** One look at one signal of one revision. */
export async function lookAt(
  deps: LookDependencies,
  {
    subject,
    signal: { source },
    plan,
    login,
  }: {
    readonly subject: Subject;
    readonly signal: WatchedSignal;
    readonly plan: WatchPlan;
    readonly login: Login;
  },
  { now, signal }: LookContext,
): Promise<Look> {
  const { metadata, spec } = subject.revision;
  if (source.kind === "Probe") {
    const turn = Math.floor(now.getTime() / plan.policy.intervalMs);
    const address = pickTarget(readyAddresses(subject.pods), turn);
    if (address === undefined) return noPod;
    const target = { address, port: spec.serving.port };
    return probePod(deps.podSender, target, source.probe, { signal, monotonic: deps.monotonic });
  }
  const { server } = plan;
  // The schema refuses it; what was stored under an older one is told.
  if (server === undefined) return errorLook("NotAllowed", "spec.health.prometheus is not given");
  if ("look" in login) return login.look;
  const filled = fillQuery(source.query.query, {
    namespace: metadata.namespace ?? "",
    model: spec.model,
    revision: metadata.name,
    pods: subject.pods.map((pod) => pod.metadata.name),
  });
  if ("look" in filled) return filled.look;
  const { url, timeoutMs } = server;
  const to = { url, authorization: login.authorization };
  const query = { ...source.query, query: filled.query };
  return askPrometheus(deps.metricsSender(server.caBundle), to, query, { now, signal, timeoutMs });
}

/** The login that a server's Secret holds, read in the model's own namespace, through the operator's RoleBinding there. */
export async function readLogin(
  client: ObjectClient,
  namespace: string,
  server: MetricsServer | undefined,
): Promise<Login> {
  if (server?.secret === undefined) return {};
  try {
    const secret = await client.get<LoginSecret>(secretType, { namespace, name: server.secret });
    return authorizationOf(server.secret, secret);
  } catch (error) {
    if (!isKubeError(error, "Forbidden")) throw error;
    const message = `Secret ${server.secret} may not be read: the operator's RoleBinding in namespace ${namespace} is missing`;
    return { look: errorLook("SecretUnusable", message) };
  }
}

function readyAddresses(pods: readonly WatchedPod[]): readonly string[] {
  return pods.flatMap(({ status, metadata }) => {
    const ready = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
    return ready && metadata.deletionTimestamp === undefined ? (status.podIP ?? []) : [];
  });
}
