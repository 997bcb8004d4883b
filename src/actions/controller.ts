import { API_VERSION, type ModelAction, type ModelActionStatus, modelAction } from "../api/index.ts";
import {
  type Condition,
  type EventRecorder,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  applyStatus,
  setCondition,
} from "../kube/index.ts";
import { type ActionState, stateOf } from "./exceptions.ts";
import { type Order, describeOrder, ordersFor, overruling } from "./orders.ts";

export interface ActionDependencies {
  readonly client: ObjectClient;
  readonly store: Store<ModelAction>;
  /** The objects whose verdict rests on an action, such as "SecureModel iris". */
  readonly usedBy: (namespace: string, action: string) => readonly string[];
  readonly events: Pick<EventRecorder, "emit">;
  readonly now: () => Date;
}

/** Says whether an action counts, who rests on it, and when it ends. Verdicts do not wait for this. */
export function actionReconciler(deps: ActionDependencies) {
  return async (key: string, context: ReconcileContext): Promise<ReconcileResult> => {
    const action = deps.store.get(key);
    if (action === undefined || action.metadata.deletionTimestamp !== undefined) return {};
    const now = deps.now();
    const state = stateOf(action, now);
    const { name, namespace = "", generation = 0 } = action.metadata;
    const instead = state.state === "InForce" ? overruledBy(state.order, deps.store.list(namespace)) : undefined;
    const condition = { ...(instead ?? readiness(state)), observedGeneration: generation };
    const before = (action.status?.conditions ?? []) as readonly Condition[];
    const usedBy = state.state === "Active" ? deps.usedBy(namespace, name) : [];
    const status: ModelActionStatus = {
      observedGeneration: generation,
      conditions: setCondition(before, condition, now),
      usedBy: usedBy.slice(0, 64),
    };
    if (before.find(({ type }) => type === "Ready")?.reason !== condition.reason) {
      // An open glass is no normal state, and its end is news too.
      const what = (action.spec as Partial<ModelAction["spec"]> | undefined)?.type ?? "Unreadable";
      const type = state.state === "Invalid" || what === "BreakGlass" ? "Warning" : "Normal";
      deps.events.emit(
        { ...action, apiVersion: API_VERSION, kind: modelAction.resource.kind },
        { type, reason: condition.reason, note: condition.message, action: what },
      );
      context.log.warn({ namespace, action: name, state: condition.reason }, condition.message);
    }
    const client = deps.client.withSignal(context.signal);
    await applyStatus(client, modelAction.resource, action, { status, fieldManager: "mlsecops-actions" });
    const end = endOf(state);
    return end === undefined ? {} : { requeueAfterMs: Math.max(1, end.getTime() - now.getTime()) };
  };
}

/** When it is to be looked at again, of what counts now. */
function endOf(state: ActionState): Date | undefined {
  if (state.state === "Active") return state.exception.notAfter;
  return state.state === "InForce" ? state.order.notAfter : undefined;
}

type Readiness = Pick<Condition, "type" | "status" | "reason" | "message">;

/** Of two people who want the opposite each is told what came of it. */
function overruledBy(order: Order, actions: readonly ModelAction[]): Readiness | undefined {
  const newer = overruling(order, ordersFor(actions, order.model));
  if (newer === undefined) return undefined;
  const message = `it does not count: ${describeOrder(newer)}`;
  return { type: "Ready", status: "False", reason: "Overruled", message };
}

function readiness(state: ActionState): Readiness {
  switch (state.state) {
    case "Active": {
      const { approver, digest, notAfter, reason } = state.exception;
      const message = `the glass is broken: ${approver} allows ${digest} until ${notAfter.toISOString()} whatever the policies say: ${reason}`;
      return { type: "Ready", status: "True", reason: "GlassBroken", message };
    }
    case "InForce":
      return { type: "Ready", status: "True", reason: "InForce", message: describeOrder(state.order) };
    case "Expired":
      return { type: "Ready", status: "False", reason: "ActionExpired", message: state.message };
    case "Invalid":
      return { type: "Ready", status: "False", reason: "InvalidSpec", message: state.message };
  }
}
