import assert from "node:assert/strict";
import { type PodRules, type WatchedPod, podFinding } from "../../../src/health/index.ts";

const now = new Date("2026-01-01T01:00:00Z");
const rules: PodRules = { wanted: 1, startupDeadlineMs: 600_000, maxRestarts: 5 };
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000).toISOString();

type Container = NonNullable<NonNullable<WatchedPod["status"]>["containerStatuses"]>[number];

function pod(
  name: string,
  {
    ready = false,
    since = 10,
    container = {},
    scheduled,
    created = since,
    phase = "Running",
  }: {
    ready?: boolean;
    since?: number;
    container?: Partial<Container>;
    scheduled?: string;
    created?: number;
    phase?: string;
  } = {},
): WatchedPod {
  return {
    metadata: { name, creationTimestamp: ago(created) },
    status: {
      phase,
      conditions: [
        { type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(since) },
        ...(scheduled === undefined ? [] : [{ type: "PodScheduled", status: "False", message: scheduled }]),
      ],
      containerStatuses: [{ name: "runtime", ...container }],
    },
  };
}

/** Ready from a while after it was created, where that is another time, until it was evicted. */
function evicted(name: string, times: { created?: number; since?: number; at?: number }): WatchedPod {
  const { created = 7_200, since = created, at = since } = times;
  const container = { state: { terminated: { exitCode: 137, finishedAt: ago(at) } } };
  const one = pod(name, { created, since, phase: "Failed", container });
  return { ...one, status: { ...one.status, reason: "Evicted", message: "the node was low on memory" } };
}

const crashed = { lastState: { terminated: { exitCode: 1, finishedAt: ago(5) } } };
const outOfMemory = { lastState: { terminated: { reason: "OOMKilled", exitCode: 137, finishedAt: ago(5) } } };
const backOff = { state: { waiting: { reason: "CrashLoopBackOff" } } };
const pull = { state: { waiting: { reason: "ImagePullBackOff", message: "no such manifest" } } };

const cases: Record<string, { pods: WatchedPod[]; wanted?: number; is: string; says?: RegExp }> = {
  "all ready": { pods: [pod("a", { ready: true })], is: "Ready" },
  "none wanted": { pods: [], wanted: 0, is: "Ready" },
  "none there": { pods: [], is: "Starting", says: /0 of 1 pods are ready$/ },
  "one comes": { pods: [pod("a", { ready: true }), pod("b")], wanted: 2, is: "Starting", says: /1 of 2/ },
  "a crash loop": {
    pods: [pod("a", { container: { ...crashed, ...backOff, restartCount: 3 } })],
    is: "CrashLoop",
    says: /container runtime of pod a ended with code 1 and was restarted 3 times/,
  },
  "one crash is none": { pods: [pod("a", { container: { ...crashed, ...backOff, restartCount: 1 } })], is: "Starting" },
  "out of memory again and again": {
    pods: [pod("a", { container: { ...outOfMemory, ...backOff, restartCount: 4 } })],
    is: "OutOfMemory",
    says: /out of memory/,
  },
  "a leak: ready now, and restarted often": {
    pods: [pod("a", { ready: true, container: { ...outOfMemory, restartCount: 5 } })],
    is: "OutOfMemory",
    says: /maxRestarts is 5/,
  },
  "restarts of long ago": {
    pods: [
      pod("a", {
        ready: true,
        container: { restartCount: 50, lastState: { terminated: { exitCode: 1, finishedAt: ago(3_600) } } },
      }),
    ],
    is: "Ready",
  },
  "an image that is not there, at first": {
    pods: [pod("a", { container: pull })],
    is: "Starting",
    says: /waits: ImagePullBackOff, no such manifest/,
  },
  "an image that is not there, after the deadline": {
    pods: [pod("a", { since: 601, container: pull })],
    is: "ImageUnavailable",
    says: /not ready since 2026-01-01T00:49:59.000Z, longer than the 600 s of startupDeadline: container runtime of pod a waits: ImagePullBackOff/,
  },
  "no node": {
    pods: [pod("a", { since: 900, scheduled: "0/3 nodes are available" })],
    is: "StartupDeadlineExceeded",
    says: /has no node: 0\/3 nodes/,
  },
  "one of three fails": {
    pods: [
      pod("a", { container: { ...crashed, ...backOff, restartCount: 9 } }),
      pod("b", { ready: true }),
      pod("c", { ready: true }),
    ],
    wanted: 3,
    is: "Starting",
  },
  "half of them fail": {
    pods: [pod("a", { container: { ...crashed, ...backOff, restartCount: 9 } }), pod("b", { ready: true })],
    wanted: 2,
    is: "CrashLoop",
    says: /\(1 of 2 pods fail\)/,
  },
  "evicted ones, and others in their place": {
    pods: [
      evicted("a", { since: 900 }),
      evicted("b", { since: 900 }),
      pod("c", { ready: true }),
      pod("d", { ready: true }),
    ],
    wanted: 2,
    is: "Ready",
  },
  "evicted ones, and others that fail": {
    pods: [
      ...["a", "b", "c"].map((name) => evicted(name, { since: 900 })),
      pod("d", { container: { ...crashed, ...backOff, restartCount: 9 } }),
    ],
    is: "CrashLoop",
    says: /\(CrashLoopBackOff\)$/,
  },
  "evicted a moment ago, and others are coming": {
    pods: [evicted("a", { since: 60 }), evicted("b", { since: 50 }), pod("c", { since: 60 }), pod("d", { since: 50 })],
    wanted: 2,
    is: "Starting",
    says: /^0 of 2 pods are ready$/,
  },
  "evicted long ago, and all of them unready for a moment": {
    pods: [
      evicted("a", { since: 3_600 }),
      evicted("b", { since: 900 }),
      pod("c", { created: 3_600, since: 60 }),
      pod("d", { created: 900, since: 30 }),
    ],
    wanted: 2,
    is: "Starting",
  },
  "evicted again and again before it is ready": {
    pods: [
      evicted("a", { created: 1_000, at: 600 }),
      evicted("b", { created: 598, at: 300 }),
      pod("c", { since: 297 }),
    ],
    is: "StartupDeadlineExceeded",
    says: /^no pod is ready since 2026-01-01T00:43:20.000Z, longer than the 600 s of startupDeadline: pod b ended: Evicted, the node was low on memory$/,
  },
  "evicted, and none in their place": {
    pods: [evicted("a", { since: 900 }), evicted("b", { since: 800 })],
    wanted: 2,
    is: "StartupDeadlineExceeded",
    says: /^no pod is ready since 2026-01-01T00:46:40.000Z/,
  },
  "evicted long ago, and none in their place yet": {
    pods: [evicted("a", { since: 86_400 })],
    is: "Starting",
  },
};

describe("reading health from pods", () => {
  for (const [name, { pods, wanted = 1, is, says = /./ }] of Object.entries(cases))
    it(name, () => {
      const finding = podFinding(pods, { ...rules, wanted }, now);
      assert.equal(finding.state === "Failing" ? finding.reason : finding.state, is);
      if (finding.state !== "Ready") assert.match(finding.message, says);
    });

  it("does not look at pods that are on their way out", () => {
    const leaving = pod("a", { container: { ...crashed, ...backOff, restartCount: 9 } });
    const metadata = { ...leaving.metadata, deletionTimestamp: ago(1) };
    assert.equal(podFinding([{ ...leaving, metadata }, pod("b", { ready: true })], rules, now).state, "Ready");
  });

  it("reads init containers too, and pods without a status", () => {
    const initialising: WatchedPod = {
      metadata: { name: "a", creationTimestamp: ago(1) },
      status: { initContainerStatuses: [{ name: "prepare", ...crashed, ...backOff, restartCount: 3 }] },
    };
    const finding = podFinding([initialising], rules, now);
    assert.equal(finding.state, "Failing");
    assert.equal(podFinding([{ metadata: { name: "a" } }], rules, now).state, "Starting");
  });
});
