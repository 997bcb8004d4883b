import type { ModelRevision } from "../api/index.ts";
import { type ObjectClient, isKubeError, secretType } from "../kube/index.ts";
import { type Sender } from "./asking.ts";
import { type LoginSecret, authorizationOf } from "./authorization.ts";
import type { MetricsServer, WatchPlan, WatchedSignal } from "./from-spec.ts";
import { type Look, errorLook } from "./look.ts";
import type { WatchedPod } from "./pods.ts";
import { lookAtAgreement } from "./agreement.ts";
import { type PodTarget, noPod, pickTarget } from "./ask-pod.ts";
import { probePod } from "./probe.ts";
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
    serving,
    signal: { source },
    plan,
    login,
  }: {
    readonly subject: Subject;
    /** What its answers are held against. */
    readonly serving: Subject | undefined;
    readonly signal: WatchedSignal;
    readonly plan: WatchPlan;
    readonly login: Login;
  },
  { now, signal }: LookContext,
): Promise<Look> {
  const turn = Math.floor(now.getTime() / plan.policy.intervalMs);
  const target = podOf(subject, turn);
  const asking = { signal, monotonic: deps.monotonic };
  if (source.kind === "Probe")
    return target === undefined ? noPod : probePod(deps.podSender, target, source.probe, asking);
  if (source.kind === "Agreement") {
    const theirs = serving === undefined ? undefined : podOf(serving, turn);
    return lookAtAgreement(deps.podSender, { mine: target, theirs }, source.agreement, asking);
  }
  const { metadata, spec } = subject.revision;
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

function podOf({ revision, pods }: Subject, turn: number): PodTarget | undefined {
  const address = pickTarget(readyAddresses(pods), turn);
  return address === undefined ? undefined : { address, port: revision.spec.serving.port };
}

function readyAddresses(pods: readonly WatchedPod[]): readonly string[] {
  return pods.flatMap(({ status, metadata }) => {
    const ready = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
    return ready && metadata.deletionTimestamp === undefined ? (status.podIP ?? []) : [];
  });
}
