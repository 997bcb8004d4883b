import { REVISION_LABEL } from "../admission/index.ts";
import type { ModelRevision, SecureModel } from "../api/index.ts";
import type { Store } from "../kube/index.ts";
import type { Subject } from "./querying.ts";
import { type WatchedPod, hasEnded } from "./pods.ts";

export interface SubjectSources {
  readonly revisions: Pick<Store<ModelRevision>, "get">;
  /** The pods of a model, of whatever revision. */
  readonly podsOf: (namespace: string, model: string) => readonly WatchedPod[];
}

/** What comes and what serves; more are not looked at. */
const maxSubjects = 2;

/** The revisions that have pods: the one that serves, and the newest other one. */
export function subjectsOf(
  { metadata: { namespace = "", name }, status }: SecureModel,
  { revisions, podsOf }: SubjectSources,
): readonly Subject[] {
  const pods = new Map<string, WatchedPod[]>();
  for (const pod of podsOf(namespace, name)) {
    const revision = pod.metadata.labels?.[REVISION_LABEL];
    if (revision === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    pods.set(revision, [...(pods.get(revision) ?? []), pod]);
  }
  const active = status?.active?.revision;
  const isActive = ({ revision }: Subject) => revision.metadata.name === active;
  const activeNumber = revisions.get(`${namespace}/${active ?? ""}`)?.spec.number ?? 0;
  return [...pods]
    .flatMap(([revision, own]): readonly Subject[] => {
      const found = revisions.get(`${namespace}/${revision}`);
      if (found === undefined || found.spec.model !== name) return [];
      // Evicted pods stay behind when another revision has replaced theirs.
      return found.spec.number < activeNumber && own.every(hasEnded) ? [] : [{ revision: found, pods: own }];
    })
    .toSorted((a, b) => Number(isActive(b)) - Number(isActive(a)) || b.revision.spec.number - a.revision.spec.number)
    .slice(0, maxSubjects);
}

/** How many pods a revision is to have: while another one comes in stages, they share. */
export function wantedPods({ spec: { replicas }, status }: SecureModel, revision: string): number {
  const rollout = status?.rollout;
  if (rollout === undefined) return replicas;
  if (rollout.revision === revision) return rollout.pods;
  return rollout.weight === 0 ? replicas : Math.min(replicas, Math.max(1, replicas - rollout.pods));
}
