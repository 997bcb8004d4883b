import { type ObjectClient, isKubeError, secretType } from "../kube/index.ts";
import { lookAtAgreement } from "./agreement.ts";
import { type PodTarget, noPod, pickTarget } from "./ask-pod.ts";
import { type Sender } from "./asking.ts";
import { type LoginSecret, authorizationOf } from "./authorization.ts";
import type { MetricsServer, WatchedSignal } from "./from-spec.ts";
import { type Look, errorLook } from "./look.ts";
import type { WatchedPod } from "./pods.ts";
import { probePod } from "./probe.ts";
import { type Login, type Querying, type Subject, askAlone, askShared, questionOf } from "./querying.ts";

export interface LookDependencies extends Pick<Querying, "metricsSender"> {
  readonly client: ObjectClient;
  /** To pods, by the addresses that the kubelets say they have. */
  readonly podSender: Sender;
  readonly monotonic: () => number;
}

/** What is to be looked at of a revision. */
export interface Sight {
  readonly subject: Subject;
  /** What its answers are held against. */
  readonly serving: Subject | undefined;
  readonly signal: WatchedSignal;
}

export interface Looking extends Pick<Querying, "plan" | "login" | "now" | "signal"> {
  /** Whether queries may share a request. */
  readonly together: boolean;
}

export interface Looks {
  /** As many as sights, in their order. */
  readonly looks: readonly Look[];
  /** The queries could not share a request. */
  readonly apart: boolean;
}

/** One look at each signal of each revision. Queries that ask for the value of now share a request, where they can. */
export async function lookAtAll(deps: LookDependencies, sights: readonly Sight[], looking: Looking): Promise<Looks> {
  const querying: Querying = { ...looking, metricsSender: deps.metricsSender };
  const asked = sights.map(({ subject, signal: { source } }) =>
    source.kind === "Prometheus" ? questionOf(subject, source.query, looking) : undefined,
  );
  const questions = asked.filter((question) => question !== undefined);
  const shared = looking.together ? askShared(questions, querying) : Promise.resolve(new Map<never, Look>());
  const looks = sights.map(async (sight, index) => {
    const question = asked[index];
    if (question === undefined) return lookAtPods(deps, sight, looking);
    return (await shared)?.get(question) ?? askAlone(question, querying);
  });
  return { looks: await Promise.all(looks), apart: (await shared) === undefined };
}

async function lookAtPods(
  deps: LookDependencies,
  { subject, serving, signal: { source } }: Sight,
  { plan, now, signal }: Looking,
): Promise<Look> {
  const turn = Math.floor(now.getTime() / plan.policy.intervalMs);
  const mine = podOf(subject, turn);
  const asking = { signal, monotonic: deps.monotonic };
  if (source.kind === "Agreement") {
    const theirs = serving === undefined ? undefined : podOf(serving, turn);
    return lookAtAgreement(deps.podSender, { mine, theirs }, source.agreement, asking);
  }
  if (source.kind !== "Probe" || mine === undefined) return noPod;
  return probePod(deps.podSender, mine, source.probe, asking);
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
