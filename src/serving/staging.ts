import type { ModelRevision, RolloutStatus } from "../api/index.ts";
import type { TrafficProgress } from "../traffic/index.ts";
import { approvalOf, authorsOf } from "./approval.ts";
import type { Hold } from "./decide.ts";
import type { Desk } from "./desk.ts";
import { fleetOf, weightsOf } from "./fleet.ts";
import { pausedBy } from "./orders.ts";
import { type StagePlan, decideStage, isStaged } from "./stages.ts";
import { isWell } from "./status.ts";
import { type Traffic, splitOf } from "./traffic.ts";
import { availableOf, deploymentRunning } from "./workload.ts";

/** How far the revision that comes may go beside the one that serves; undefined where it does not come in stages. */
export function stageOf(
  desk: Desk,
  traffic: Traffic,
  { desired, serving }: { readonly desired: ModelRevision | undefined; readonly serving: ModelRevision | undefined },
): StagePlan | undefined {
  const { model, living, now, orders } = desk;
  const { strategy, replicas } = model.spec;
  if (desired === undefined || serving === undefined || !isStaged(strategy)) return undefined;
  if (deploymentRunning(living.deployments, serving.metadata.name) === undefined) return undefined;
  const revision = desired.metadata.name;
  const before = model.status?.rollout;
  const health = desk.healthOf(revision);
  return decideStage(
    {
      strategy,
      replicas,
      revision,
      before,
      shared:
        before?.revision === revision ? sharedAs(desk, traffic, { desired, serving, weight: before.weight }) : notYet,
      answering: availableOf(deploymentRunning(living.deployments, revision)),
      isWell: isWell(model, health),
      health,
      approval: approvalOf({
        model,
        revision: desired,
        // Each stage needs its own.
        orders: orders.filter(({ at }) => isWithin(before, at)),
        authors: authorsOf(model, desired),
      }),
      paused: pausedBy(orders, now),
    },
    now,
  );
}

const notYet: TrafficProgress = { done: false, message: "requests are not shared yet" };

/** Whether requests are shared as they were to be. */
function sharedAs(
  { model, living: { deployments } }: Desk,
  { driver, living }: Traffic,
  {
    desired,
    serving,
    weight,
  }: { readonly desired: ModelRevision; readonly serving: ModelRevision; readonly weight: number },
): TrafficProgress {
  const weights = weightsOf(model.spec.strategy, weight);
  const fleet = fleetOf({ model, deployments, run: desired, serving, ...weights });
  return driver.progress(living, splitOf(model, fleet, serving));
}

/** Since the stage began. The API server tells seconds apart and no more: what may have been said of the one before does not count. */
function isWithin(stage: RolloutStatus | undefined, at: Date): boolean {
  return stage?.since !== undefined && at.getTime() > Date.parse(stage.since);
}

/** Why a revision that takes over without stages is not started yet: people have to approve it first. */
export function approvalHold({ model, orders }: Desk, revision: ModelRevision): Hold | undefined {
  if (!model.spec.strategy.approval) return undefined;
  const { approved, message } = approvalOf({ model, revision, orders, authors: authorsOf(model, revision) });
  return approved ? undefined : { reason: "WaitsForApproval", message };
}
