import type { KubeObject } from "../kube/index.ts";

/** Of a pod, what its health is read from. */
export interface WatchedPod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    /** Why it ended, such as Evicted. */
    readonly reason?: string;
    readonly message?: string;
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
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: Terminated;
  };
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
/** Within which another pod is made for one that ended. */
const replacedMs = 60_000;
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

/**
 * Reads how a revision does from its pods. They fail when at least half of those that there are fail, or when none was ready
 * for too long because each one ended, such as by eviction, and so did what came in its place. Pure.
 */
export function podFinding(pods: readonly WatchedPod[], rules: PodRules, now: Date): PodFinding {
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  // What was evicted is left as an object, and others are made in its place: it says nothing about these.
  const alive = staying.filter((pod) => !hasEnded(pod));
  const failures = alive.flatMap((pod) => failureOf(pod, rules, now) ?? []);
  const { wanted } = rules;
  const ready = alive.filter((pod) => readyCondition(pod)?.status === "True").length;
  const [first] = failures;
  if (first !== undefined && 2 * failures.length >= alive.length) {
    const count = alive.length === 1 ? "" : ` (${failures.length} of ${alive.length} pods fail)`;
    return { state: "Failing", reason: first.reason, message: `${first.message}${count}` };
  }
  if (ready >= wanted) return { state: "Ready", ready, wanted };
  const ending = ready > 0 ? undefined : endingFailure(alive, staying.filter(hasEnded), rules, now);
  if (ending !== undefined) return { state: "Failing", ...ending };
  const waits = alive.flatMap((pod) => waitsFor(pod) ?? [])[0];
  const message = `${ready} of ${wanted} pods are ready${waits === undefined ? "" : `: ${waits}`}`;
  return { state: "Starting", ready, wanted, message };
}

/** Its containers are not started again: the kubelet ended it, or would not begin with it. */
export function hasEnded({ status }: WatchedPod): boolean {
  return status?.phase === "Failed" || status?.phase === "Succeeded";
}

/** None is ready: for how long, back through the pods that ended one after the other. */
function endingFailure(
  alive: readonly WatchedPod[],
  ended: readonly WatchedPod[],
  { startupDeadlineMs }: PodRules,
  now: Date,
): Failure | undefined {
  const newestFirst = ended.toSorted((a, b) => endedAt(b) - endedAt(a));
  const [newest] = newestFirst;
  if (newest === undefined) return undefined;
  const wasRecent = now.getTime() - endedAt(newest) <= startupDeadlineMs + recentMs;
  let since = Math.max(
    ...alive.flatMap((pod) => unreadySince(pod) ?? []),
    // Without another in its place it counts for a while: pods of long ago say nothing about one that is about to be made.
    alive.length === 0 && wasRecent ? endedAt(newest) : -Infinity,
  );
  for (const pod of newestFirst)
    if (endedAt(pod) >= since - replacedMs) since = Math.min(since, unreadySince(pod) ?? since);
  if (since === -Infinity || now.getTime() - since <= startupDeadlineMs) return undefined;
  const { reason = "Failed", message } = newest.status ?? {};
  const why = `pod ${newest.metadata.name} ended: ${reason}${message === undefined ? "" : `, ${message.slice(0, 300)}`}`;
  return { reason: "StartupDeadlineExceeded", message: `no pod is ready ${tooLong(since, startupDeadlineMs)}: ${why}` };
}

/** The newest time that its status tells, in milliseconds. */
function endedAt({ metadata, status }: WatchedPod): number {
  const times = [
    metadata.creationTimestamp,
    ...(status?.conditions ?? []).map(({ lastTransitionTime }) => lastTransitionTime),
    ...(status?.containerStatuses ?? []).map(({ state }) => state?.terminated?.finishedAt),
  ];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? "")).filter((time) => !Number.isNaN(time)));
}

function tooLong(since: number, deadlineMs: number): string {
  return `since ${new Date(since).toISOString()}, longer than the ${Math.round(deadlineMs / 1000)} s of startupDeadline`;
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
    message: `pod ${name} is not ready ${tooLong(unready, rules.startupDeadlineMs)}${waits === undefined ? "" : `: ${waits}`}`,
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
