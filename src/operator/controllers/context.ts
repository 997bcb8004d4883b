import type { OperatorIdentity } from "../../admission/index.ts";
import type { IsolationDependencies } from "../../isolation/index.ts";
import type { Clock, EventRecorder, Logger, Metrics, ObjectClient } from "../../kube/index.ts";
import type { Informers } from "../informers.ts";

/** What every controller is made with. */
export interface ControllerContext {
  readonly informers: Informers;
  /** Writes. */
  readonly client: ObjectClient;
  readonly events: Pick<EventRecorder, "emit">;
  readonly identity: OperatorIdentity;
  readonly shared: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics };
}

/** What those are made with besides that verify artifacts and grant them. */
export type Granting = Pick<
  IsolationDependencies,
  "verifier" | "policies" | "exceptions" | "pullCredentials" | "grants" | "guardProblems" | "evidence"
>;

/** A pass may read tens of gigabytes from a registry. It takes longer than the verifier's own limit for that, which tells why. */
export const passDeadlineMs = 20 * 60_000;
