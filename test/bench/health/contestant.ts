import type { KubeObject, ObjectClient } from "../../../src/kube/index.ts";
import { pods } from "../../integration/operator/support/simulated-kubelet.ts";

/** How often each tool looks; Flagger takes no less. */
export const intervalMs = 10_000;
/** So many bad looks of the last, or of all, and it is given up. */
export const window = { looks: 5, failures: 3 };
export const replicas = 2;
/** How often what has become of it is looked at. */
export const pollMs = 500;

/** What a lane looks like at one moment. */
export interface Moment {
  /** The tool has decided to go back. */
  readonly isGivenUp: boolean;
  /** The new version is through, and serves alone. */
  readonly isPromoted: boolean;
  /** In the tool's own words. */
  readonly says: string;
  /** Pods of the new version that are ready and not about to end. */
  readonly newPods: number;
}

/** One version after another under one tool. */
export interface Contestant {
  readonly tool: "ours" | "Argo Rollouts" | "Flagger";
  /** The name under which its values are played. */
  readonly trace: string;
  /** The revision that the trace is about, where the tool tells revisions apart. */
  readonly revision: () => string | undefined;
  /** The first version serves. */
  readonly prepare: () => Promise<void>;
  /** Asks for the second version. */
  readonly update: () => Promise<void>;
  readonly moment: () => Promise<Moment>;
}

interface Pod extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export async function readyPods(client: ObjectClient, namespace: string, labels: Readonly<Record<string, string>>) {
  const found = await client.list<Pod>(pods, { namespace });
  return found.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value) &&
      status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true,
  ).length;
}

/** As `until` of the tests, and seldom enough to leave the API server to what is measured. */
export async function reached(what: string, condition: () => Promise<boolean>, withinMs: number): Promise<void> {
  const limit = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
