import type { ModelRevisionSpec, SecureModel } from "../api/index.ts";
import type { KubeObject } from "../kube/index.ts";
import { parseDuration } from "../trust/index.ts";

/** Of a model whose spec says nothing: longer than nodes take to hear that a pod leaves, shorter than people wait. */
const defaultDrain = "10s";
/** Kubernetes' own. */
const defaultGraceSeconds = 30;

/** A quarantined pod has this long to end, whatever its own grace is. */
const quarantineGraceSeconds = 10;
/**
 * preStop runs within the grace, and would have the pod answer until its end. So this is the shortest there is: with 0 nobody
 * waits for the node. The kubelet gives a container two seconds after SIGTERM in any case.
 */
const undrainedGraceSeconds = 1;

/** What of a pod says how it ends. */
interface EndingPod extends KubeObject {
  readonly spec?: { readonly containers?: readonly { readonly lifecycle?: { readonly preStop?: object } }[] };
}

/** How long pods of a new revision go on answering after they were told to end, in whole seconds. Pure. */
export function drainSecondsOf({ spec }: SecureModel): number {
  return Math.ceil((parseDuration(spec.workload.managed.drain ?? defaultDrain) ?? 0) / 1_000);
}

/**
 * What draining adds to the containers and to the spec of a revision's pods. A revision keeps what was decided when it was
 * made: one from before there was a default goes without, or its pods would be restarted. Pure.
 */
export function drainOf({ drainSeconds = 0, serving }: ModelRevisionSpec) {
  if (drainSeconds === 0) return { container: {}, pod: {} };
  const { terminationGracePeriodSeconds: own = defaultGraceSeconds } = serving.template.spec;
  return {
    // The kubelet sleeps: the image needs no shell. It begins as the pod leaves the endpoints.
    container: { lifecycle: { preStop: { sleep: { seconds: drainSeconds } } } },
    pod: { terminationGracePeriodSeconds: own + drainSeconds },
  };
}

/** The grace to end a pod with that must not run any more, in seconds. Pure. */
export function quarantineGrace({ spec }: EndingPod): number {
  const drains = spec?.containers?.some(({ lifecycle }) => lifecycle?.preStop !== undefined) === true;
  return drains ? undrainedGraceSeconds : quarantineGraceSeconds;
}

/** Whether a pod would be there after a quarantine if it were left alone: it is alive, or drains. Pure. */
export function outlivesQuarantine(pod: EndingPod, now: Date): boolean {
  const { deletionTimestamp } = pod.metadata;
  return (
    deletionTimestamp === undefined || Date.parse(deletionTimestamp) - now.getTime() > quarantineGrace(pod) * 1_000
  );
}
