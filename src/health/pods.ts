import type { KubeObject } from "../kube/index.ts";

/** Of a pod, what its health is read from. */
export interface WatchedPod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface Terminated {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly finishedAt?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  readonly lastState?: { readonly terminated?: Terminated };
}

export type PodFailureReason =
  "CrashLoop" | "OutOfMemory" | "Restarting" | "ImageUnavailable" | "StartupDeadlineExceeded";

/** How the pods of one revision are. */
export type PodFinding =
  | { readonly state: "Ready"; readonly ready: number; readonly wanted: number }
  /** Some are not ready, and may become so. */
  | { readonly state: "Starting"; readonly ready: number; readonly wanted: number; readonly message: string }
  | { readonly state: "Failing"; readonly reason: PodFailureReason; readonly message: string };

export interface PodRules {
  /** How many there are to be. */
  readonly wanted: number;
  readonly startupDeadlineMs: number;
  readonly maxRestarts: number;
}

/** A container that was restarted so often, and waits to be restarted again, does not come up by itself. */
const crashLoopRestarts = 3;
/** What happened longer ago says nothing about now. */
const recentMs = 10 * 60_000;
const pullReasons = [
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "RegistryUnavailable",
];

interface Failure {
  readonly reason: PodFailureReason;
  readonly message: string;
}

/** Reads how a revision does from its pods. They fail when at least half of those that there are fail. Pure. */
export function podFinding(pods: readonly WatchedPod[], rules: PodRules, now: Date): PodFinding {
  const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const failures = alive.flatMap((pod) => failureOf(pod, rules, now) ?? []);
  const { wanted } = rules;
  const ready = alive.filter((pod) => readyCondition(pod)?.status === "True").length;
  const [first] = failures;
  if (first !== undefined && 2 * failures.length >= alive.length) {
    const count = alive.length === 1 ? "" : ` (${failures.length} of ${alive.length} pods fail)`;
    return { state: "Failing", reason: first.reason, message: `${first.message}${count}` };
  }
  if (ready >= wanted) return { state: "Ready", ready, wanted };
  const waits = alive.flatMap((pod) => waitsFor(pod) ?? [])[0];
  const message = `${ready} of ${wanted} pods are ready${waits === undefined ? "" : `: ${waits}`}`;
  return { state: "Starting", ready, wanted, message };
}

function failureOf(pod: WatchedPod, rules: PodRules, now: Date): Failure | undefined {
  const { name } = pod.metadata;
  for (const container of containersOf(pod)) {
    const failure = containerFailure(container, rules, now);
    if (failure !== undefined)
      return { ...failure, message: `container ${container.name} of pod ${name} ${failure.message}` };
  }
  const unready = unreadySince(pod);
  if (unready === undefined || now.getTime() - unready <= rules.startupDeadlineMs) return undefined;
  const waits = waitsFor(pod);
  const isPull = containersOf(pod).some(({ state }) => pullReasons.includes(state?.waiting?.reason ?? ""));
  return {
    reason: isPull ? "ImageUnavailable" : "StartupDeadlineExceeded",
    message: `pod ${name} is not ready since ${new Date(unready).toISOString()}, longer than the ${Math.round(rules.startupDeadlineMs / 1000)} s of startupDeadline${waits === undefined ? "" : `: ${waits}`}`,
  };
}

function containerFailure(
  { restartCount = 0, state, lastState }: ContainerStatus,
  { maxRestarts }: PodRules,
  now: Date,
): Failure | undefined {
  const last = lastState?.terminated;
  const isOutOfMemory = last?.reason === "OOMKilled";
  const ended = isOutOfMemory ? "is out of memory" : `ended with code ${last?.exitCode ?? "unknown"}`;
  if (state?.waiting?.reason === "CrashLoopBackOff" && restartCount >= crashLoopRestarts)
    return {
      reason: isOutOfMemory ? "OutOfMemory" : "CrashLoop",
      message: `${ended} and was restarted ${restartCount} times (CrashLoopBackOff)`,
    };
  const isRecent = now.getTime() - Date.parse(last?.finishedAt ?? "") <= recentMs;
  if (restartCount < maxRestarts || !isRecent) return undefined;
  return {
    reason: isOutOfMemory ? "OutOfMemory" : "Restarting",
    message: `${ended} and was restarted ${restartCount} times, maxRestarts is ${maxRestarts}`,
  };
}

/** Since when a pod is not ready, in milliseconds; undefined where it is, or nothing says since when. */
function unreadySince(pod: WatchedPod): number | undefined {
  const condition = readyCondition(pod);
  if (condition?.status === "True") return undefined;
  const since = Date.parse(condition?.lastTransitionTime ?? pod.metadata.creationTimestamp ?? "");
  return Number.isNaN(since) ? undefined : since;
}

function waitsFor(pod: WatchedPod): string | undefined {
  if (readyCondition(pod)?.status === "True") return undefined;
  const { name } = pod.metadata;
  for (const container of containersOf(pod)) {
    const { reason, message } = container.state?.waiting ?? {};
    if (reason === undefined || reason === "ContainerCreating" || reason === "PodInitializing") continue;
    return `container ${container.name} of pod ${name} waits: ${reason}${message === undefined ? "" : `, ${message.slice(0, 300)}`}`;
  }
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === "PodScheduled" && status === "False");
  return unscheduled?.message === undefined
    ? undefined
    : `pod ${name} has no node: ${unscheduled.message.slice(0, 300)}`;
}

function readyCondition({ status }: WatchedPod) {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

function containersOf({ status }: WatchedPod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
