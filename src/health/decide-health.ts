import type { HealthPolicy, SignalPolicy } from "./policy.ts";
import type { PodFailureReason, PodFinding } from "./pods.ts";
import type { RevisionRecord } from "./record.ts";
import { type SignalRecord, policyKey, windowOf } from "./signal-record.ts";
import { shortNumber } from "./look.ts";

/** Whether a revision is well. Only Healthy is healthy; a reason stands in every one. */
export type HealthVerdict =
  | { readonly state: "Healthy"; readonly reason: "SignalsGood" | "PodsReady"; readonly message: string }
  | { readonly state: "Unhealthy"; readonly reason: PodFailureReason | "SignalBad"; readonly message: string }
  /** It cannot be told: nothing is promoted on it, and nothing rolled back. */
  | { readonly state: "Unknown"; readonly reason: "NoData" | "NotLookedAt"; readonly message: string }
  | { readonly state: "WarmingUp"; readonly reason: "Starting" | "WarmingUp" | "FewLooks"; readonly message: string };

/** A signal that was not looked at for so many intervals says nothing about now. */
const missedLooks = 3;

/**
 * Whether a revision is well, by what its pods and signals showed. Pods that fail decide at once; signals decide by their
 * windows. Pure.
 */
export function decideHealth(
  record: RevisionRecord | undefined,
  pods: PodFinding,
  policy: HealthPolicy,
  now: Date,
): HealthVerdict {
  if (pods.state === "Failing") return { state: "Unhealthy", reason: pods.reason, message: pods.message };
  const signals = policy.signals.map((signal) => signalState(record?.signals[signal.name], signal, policy, now));
  const bad = signals.find(({ state }) => state === "Bad");
  if (bad !== undefined) return { state: "Unhealthy", reason: "SignalBad", message: bad.message };
  const { completeAt } = record ?? {};
  if (completeAt === undefined) {
    const message = pods.state === "Ready" ? "not looked at yet" : pods.message;
    return { state: "WarmingUp", reason: "Starting", message };
  }
  const warmMs = completeAt + policy.warmUpMs - now.getTime();
  if (warmMs > 0) {
    const message = `its looks count from ${new Date(completeAt + policy.warmUpMs).toISOString()} on, after warmUp`;
    return { state: "WarmingUp", reason: "WarmingUp", message };
  }
  const few = signals.find(({ state }) => state === "Few");
  const unknown = signals.find(({ state }) => state === "Blank" || state === "Missed");
  if (unknown !== undefined)
    return {
      state: "Unknown",
      reason: unknown.state === "Missed" ? "NotLookedAt" : "NoData",
      message: unknown.message,
    };
  if (few !== undefined) return { state: "WarmingUp", reason: "FewLooks", message: few.message };
  // Some answer, and it may be that the rest comes back.
  if (pods.state === "Starting" && pods.ready === 0)
    return { state: "Unknown", reason: "NoData", message: pods.message };
  const ready = pods.state === "Ready" ? `${pods.ready} pods are ready` : pods.message;
  if (signals.length === 0) return { state: "Healthy", reason: "PodsReady", message: ready };
  return {
    state: "Healthy",
    reason: "SignalsGood",
    message: [ready, ...signals.map(({ message }) => message)].join(", "),
  };
}

interface SignalState {
  readonly state: "Good" | "Bad" | "Blank" | "Few" | "Missed";
  readonly message: string;
}

function signalState(
  record: SignalRecord | undefined,
  signal: SignalPolicy,
  { intervalMs }: HealthPolicy,
  now: Date,
): SignalState {
  const { name, window } = signal;
  const at = now.getTime();
  // What was seen under other rules does not count under these.
  if (record === undefined || record.policy !== policyKey(signal))
    return { state: "Few", message: `${name}: 0 of ${window.looks} looks yet` };
  if (record.tripped !== undefined) return { state: "Bad", message: record.tripped.why };
  const recent = windowOf(record, signal, { at, intervalMs });
  const newest = record.samples.at(-1);
  if (newest !== undefined && at - newest.at > missedLooks * intervalMs)
    return { state: "Missed", message: `${name} was last looked at ${Math.round((at - newest.at) / 1000)} s ago` };
  if (recent.length < window.looks)
    return { state: "Few", message: `${name}: ${recent.length} of ${window.looks} looks yet` };
  const blanks = recent.filter(({ mark }) => mark === "Blank").length;
  const bad = recent.filter(({ mark }) => mark === "Bad").length;
  // If what is not known were bad, would it be too much? Then it is not known whether it is well.
  if (blanks > 0 && bad + blanks >= window.failures)
    return {
      state: "Blank",
      message: `${name} has no value in ${blanks} of the last ${recent.length} looks: ${record.blank ?? "now it has"}`,
    };
  return { state: "Good", message: `${name} is ${newest?.value === undefined ? "good" : shortNumber(newest.value)}` };
}
