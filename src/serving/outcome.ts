import type { ModelRevision } from "../api/index.ts";
import { isAlive } from "./actions.ts";
import type { Desk } from "./desk.ts";
import type { Judgement } from "./gather.ts";
import { snapshotName } from "./snapshot.ts";
import type { Outcome } from "./status.ts";

/** By the name of the revision. */
export type Judgements = ReadonlyMap<string, Judgement>;

/** The revision that serves, and what is thought of it. */
export interface Active {
  readonly revision: ModelRevision;
  readonly judgement: Judgement;
}

type Seen = Pick<Outcome, "plan" | "ready" | "desired" | "running" | "rolledBack" | "rollout" | "traffic">;

/** What a pass comes to, for the status. */
export function outcomeOf(desk: Desk, seen: Seen): Outcome {
  const { living, model } = desk;
  const tornDown = seen.running === undefined && desk.stands();
  return {
    ...seen,
    health: seen.running === undefined ? undefined : desk.healthOf(seen.running.metadata.name),
    deployments: living.deployments,
    tornDown,
    // Promised before it is taken: no pod goes without it.
    snapshot: tornDown && living.pods.some(isAlive) ? snapshotName(model) : undefined,
  };
}
