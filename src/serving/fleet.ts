import type { ModelRevision, SecureModel, StrategySpec } from "../api/index.ts";
import { isStaged, podsOf, stagesOf } from "./stages.ts";
import {
  type DeploymentObject,
  type Workload,
  availableOf,
  deploymentRunning,
  isWorkload,
  revisionRunBy,
} from "./workload.ts";

/** What of a model is to run, and which of it answers. */
export interface Fleet {
  readonly workloads: readonly Workload[];
  /** The revision whose pods alone answer; absent where those of all do. */
  readonly answers?: string | undefined;
  /** Percent of the requests that what is to run is to answer. */
  readonly weight: number;
  /** Answers as well, and nothing is changed of it, until what serves has its pods back. */
  readonly kept?: ModelRevision | undefined;
  /** Deployments that nobody needs any more once the Service leads past them. */
  readonly surplus: readonly DeploymentObject[];
}

/** Percent of the requests for what is to run. */
export interface Weights {
  /** 100 where it may take over. */
  readonly weight: number;
  /** Its share until it can take over. */
  readonly until: number;
}

/** It takes over as soon as it can, and gets no request before. */
export const straight: Weights = { weight: 100, until: 0 };

/** Until all pods answer that are needed to take over, requests are shared as in the stage before. Pure. */
export function weightsOf(strategy: StrategySpec, weight: number): Weights {
  return { weight, until: weight === 100 ? (stagesOf(strategy).at(-1)?.weight ?? 0) : weight };
}

export interface Fielding extends Weights {
  readonly model: SecureModel;
  readonly deployments: readonly DeploymentObject[];
  /** What is to run in the end. */
  readonly run: ModelRevision;
  /** What serves until then, and may. */
  readonly serving: ModelRevision | undefined;
  /** What was on its way before, and may answer until what serves has its pods back. */
  readonly dropped?: ModelRevision | undefined;
}

/**
 * Which Deployments are to be there and which pods answer. A revision stays in the Deployment that it has. Those whose
 * strategy has stages get one of their own; the others are rolled out within the one that has the model's name. What serves
 * gives up pods only as those of the other answer, and goes when all of them do; what comes, and was further before, gives up
 * pods only as those of what serves answer. Pure.
 */
export function fleetOf(fielding: Fielding): Fleet {
  const { model, deployments, run, weight, until } = fielding;
  const { replicas } = model.spec;
  const home = homeOf(fielding);
  const besides = (...kept: readonly Pick<Workload, "revision" | "name">[]) =>
    deployments.filter((one) => !kept.some((workload) => isWorkload(one, workload)));
  const isDropped = (one: DeploymentObject) => revisionRunBy(one) === fielding.dropped?.metadata.name;
  const answering = availableOf(deploymentRunning(deployments, run.metadata.name));
  const other = otherOf(fielding, home);
  if (other === undefined || (weight === 100 && answering >= replicas)) {
    const surplus = besides({ revision: run, name: home });
    const workloads = [{ revision: run, name: home, replicas }];
    if (answering < replicas && surplus.some(isDropped))
      return { workloads, weight: 100, kept: fielding.dropped, surplus: surplus.filter((one) => !isDropped(one)) };
    const isOnly = surplus.length === 0 || answering === 0;
    return { workloads, ...(isOnly ? {} : { answers: run.metadata.name }), weight: 100, surplus };
  }
  const share = podsOf(replicas, weight);
  const missing = replicas - availableOf(deploymentRunning(deployments, other.revision.metadata.name));
  const surplus = besides({ revision: run, name: home }, other);
  const isKept = until > 0 && surplus.some(isDropped);
  return {
    workloads: [
      { revision: run, name: home, replicas: Math.max(share, Math.min(answering, missing)) },
      { revision: other.revision, name: other.name, replicas: keptPods(model, { until, answering, share }) },
    ],
    ...(until > 0 ? {} : { answers: other.revision.metadata.name }),
    weight: until,
    ...(isKept ? { kept: fielding.dropped } : {}),
    surplus: isKept ? surplus.filter((one) => !isDropped(one)) : surplus,
  };
}

/** Where requests are shared by pods, what serves has the rest of them; else all. */
function keptPods(
  { spec: { replicas, strategy } }: SecureModel,
  { until, answering, share }: { readonly until: number; readonly answering: number; readonly share: number },
): number {
  if (until === 0 || strategy.traffic?.httpRoute !== undefined) return replicas;
  return Math.max(1, replicas - Math.min(answering, share));
}

/** What serves until then, in a Deployment that does not have to make way. */
function otherOf(
  { model, deployments, run, serving }: Fielding,
  home: string,
): { readonly revision: ModelRevision; readonly name: string } | undefined {
  if (serving === undefined || serving.metadata.name === run.metadata.name) return undefined;
  const living = deploymentRunning(deployments, serving.metadata.name);
  if (living === undefined) return undefined;
  const { name } = living.metadata;
  // What is of another kind does not become the other, and only Recreate wants it to end before.
  const makesWay = isWorkload(living, { revision: run, name: home }) || model.spec.strategy.type === "Recreate";
  return name === home && makesWay ? undefined : { revision: serving, name };
}

/** The Deployment that a revision is run in. */
function homeOf({ model, deployments, run, serving }: Fielding): string {
  const { name } = model.metadata;
  const own = deploymentRunning(deployments, run.metadata.name);
  if (own !== undefined) return own.metadata.name;
  const isNext = serving !== undefined && deploymentRunning(deployments, serving.metadata.name) !== undefined;
  return isNext && isStaged(model.spec.strategy) ? run.metadata.name : name;
}

/** Whether nothing but what is to run is there any more. */
export function isAlone(deployments: readonly DeploymentObject[], revision: string): boolean {
  return deployments.every((one) => revisionRunBy(one) === revision);
}

/** Percent of the requests that each revision gets, by its name: by weights of a route, or by the pods that answer. Pure. */
export function trafficOf(
  model: SecureModel,
  { answers, workloads, weight, kept }: Fleet,
  deployments: readonly DeploymentObject[],
): ReadonlyMap<string, number> {
  const [comes, serves] = workloads;
  if (model.spec.strategy.traffic?.httpRoute !== undefined && comes !== undefined && serves !== undefined)
    return new Map([
      [comes.revision.metadata.name, weight],
      [serves.revision.metadata.name, 100 - weight],
    ]);
  const all = [...workloads.map(({ revision }) => revision), ...(kept === undefined ? [] : [kept])];
  const pods = all.map(({ metadata }) => {
    const isLedTo = answers === undefined || answers === metadata.name;
    return [metadata.name, isLedTo ? availableOf(deploymentRunning(deployments, metadata.name)) : 0] as const;
  });
  const total = pods.reduce((sum, [, count]) => sum + count, 0);
  return new Map(pods.map(([name, count]) => [name, total === 0 ? 0 : Math.round((100 * count) / total)]));
}
