import type { ModelRevision, SecureModel } from "../api/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import { type LivingWorkload, isAlive } from "./actions.ts";
import { availableOf, deploymentRunning, revisionOf } from "./workload.ts";

interface Dropping {
  readonly model: SecureModel;
  readonly living: Pick<LivingWorkload, "deployments" | "pods">;
  readonly revisions: readonly ModelRevision[];
  readonly active: ModelRevision | undefined;
  /** What is to run now. */
  readonly desired: ModelRevision | undefined;
  /** What the spec asks for, where something else is to run. */
  readonly asked: ModelRevision | undefined;
  readonly healthOf: (revision: string) => HealthVerdict | undefined;
}

/**
 * The revision that was on its way when the spec asked for something else, and that has taken pods from what serves: it goes on
 * answering until what serves, or what comes now, has them back. None that is banned or unhealthy, and none where a route shares
 * the requests: there what serves has kept all of its pods. Whether it may run is for the caller to judge. Pure.
 */
export function droppedOf({
  model,
  living: { deployments, pods },
  revisions,
  active,
  desired,
  asked,
  healthOf,
}: Dropping): ModelRevision | undefined {
  const { replicas, strategy } = model.spec;
  if (active === undefined || strategy.traffic?.httpRoute !== undefined || strategy.type === "Recreate")
    return undefined;
  const going = new Set([active, desired].flatMap((revision) => revision?.metadata.name ?? []));
  const answering = [...going].map((name) => availableOf(deploymentRunning(deployments, name)));
  if (answering.reduce((sum, count) => sum + count, 0) >= replicas) return undefined;
  const podsOf = ({ metadata }: ModelRevision) =>
    pods.filter((pod) => isAlive(pod) && revisionOf(pod) === metadata.name).length;
  // Of pods that one Deployment replaces by others, all answer.
  const answers = ({ metadata, status }: ModelRevision) =>
    (status?.traffic ?? 0) > 0 || deploymentRunning(deployments, metadata.name) === undefined;
  return revisions
    .filter(
      (revision) =>
        !going.has(revision.metadata.name) &&
        revision.metadata.name !== asked?.metadata.name &&
        answers(revision) &&
        revision.status?.ban === undefined &&
        healthOf(revision.metadata.name)?.state !== "Unhealthy" &&
        revision.spec.serving.port === active.spec.serving.port &&
        podsOf(revision) > 0,
    )
    .toSorted((a, b) => podsOf(b) - podsOf(a))[0];
}
