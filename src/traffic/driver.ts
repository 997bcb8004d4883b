import type { ModelRevision, SecureModel } from "../api/index.ts";
import type { KubeObject, ResourceType } from "../kube/index.ts";

/** How requests are to be shared between what serves and what comes. */
export interface TrafficSplit {
  /** The revision that serves; absent before the first one does. */
  readonly active: ModelRevision | undefined;
  /** The revision that comes; absent where none does. */
  readonly candidate: ModelRevision | undefined;
  /** Percent (0 to 100) of the requests that the candidate answers. */
  readonly weight: number;
  /** The candidate gets a copy of each request, and its answers are dropped (Shadow). */
  readonly mirror: boolean;
  /** One Deployment replaces the pods of one by those of the other, and all of them answer: then who is active gives the port. */
  readonly inPlace?: boolean;
  /** In place, and not done yet: there are pods of both. */
  readonly replacing?: boolean;
}

export interface TrafficProgress {
  readonly done: boolean;
  /** For people: what is missing, or how requests are shared. */
  readonly message: string;
}

/** One way to share requests. Pure. */
export interface TrafficDriver {
  /** What it makes objects of. Those of the model that are not wanted any more are removed by the caller, once all is done. */
  readonly kinds: readonly ResourceType[];
  /** Objects to apply, in order. */
  objects(model: SecureModel, split: TrafficSplit): readonly KubeObject[];
  /** The objects of a model in quarantine: its addresses stay, and nothing is behind them. */
  quarantined(model: SecureModel, port: number): readonly KubeObject[];
  /** How far the living objects of the model are. */
  progress(living: readonly KubeObject[], split: TrafficSplit): TrafficProgress;
}

/** Percent of the requests for the candidate: who is absent gets none, and where one is alone it gets all or none. */
export function candidateWeight({ active, candidate, weight }: TrafficSplit): number {
  if (candidate === undefined || weight <= 0) return 0;
  return active === undefined ? 100 : Math.min(100, weight);
}
