import { sweepProblems } from "../admission/index.ts";
import type { AdmissionGrantSpec, SecureNamespaceSpec } from "../api/index.ts";
import { isKubeError } from "../kube/index.ts";
import type { PodObject } from "./cluster.ts";
import type { UngrantedPod } from "./decide.ts";
import type { Pass } from "./pass.ts";

const maxEvictions = 20;

/** Those of the pods that run and would not be admitted now. Pure. */
export function ungrantedPods(
  pods: readonly PodObject[],
  grant: AdmissionGrantSpec,
  { profile }: Pick<SecureNamespaceSpec, "profile">,
  now: Date,
): readonly UngrantedPod[] {
  return pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod))
    .flatMap((pod) => {
      const problems = sweepProblems(pod, grant, profile, admittedAt(pod, now));
      return problems.length === 0 ? [] : [{ name: pod.metadata.name, problem: problems.join("; ") }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Returns how many were asked to leave. */
export async function evictPods(
  { client, name: namespace, context: { log } }: Pass,
  pods: readonly UngrantedPod[],
): Promise<number> {
  let evicted = 0;
  for (const { name, problem } of pods.slice(0, maxEvictions)) {
    try {
      await client.evict({ namespace, name });
      evicted += 1;
      log.info({ pod: name, problem }, "evicted an ungranted pod");
    } catch (error) {
      // One pod that a disruption budget holds does not hold the others.
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      log.warn({ err: error, pod: name }, "an ungranted pod could not be evicted");
    }
  }
  return evicted;
}

function isFinished({ status }: PodObject): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/**
 * A grant says until when a pod may be created. One that is past and still stands lets run what was created in time: who
 * wants that ended withdraws it.
 */
function admittedAt({ metadata }: PodObject, now: Date): Date {
  const created = Date.parse(metadata.creationTimestamp ?? "");
  return Number.isNaN(created) ? now : new Date(Math.min(created, now.getTime()));
}
