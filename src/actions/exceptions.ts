import { MAX_BREAK_GLASS_HOURS, type ModelAction, modelAction, parseObject } from "../api/index.ts";
import type { Exception } from "../trust/index.ts";
import { type Order, isOver, orderOf } from "./orders.ts";

/** Whether an action counts at a time, and why not. */
export type ActionState =
  | { readonly state: "Active"; readonly exception: Exception }
  /** What a person ordered about a model, for as long as it exists. */
  | { readonly state: "InForce"; readonly order: Order }
  | { readonly state: "Expired" | "Invalid"; readonly message: string };

/**
 * The admission policy has checked the name and the times when the action was created. The times are checked once more
 * here, so that what was created while that policy was missing opens nothing for longer.
 */
export function stateOf(action: ModelAction, now: Date): ActionState {
  const parsed = parseObject(modelAction, action);
  if (!parsed.ok) return { state: "Invalid", message: parsed.message };
  const { spec, metadata } = parsed.value;
  const order = orderOf(parsed.value);
  if (order?.notAfter !== undefined && isOver(order, now)) return ended(order.notAfter);
  if (order !== undefined) return { state: "InForce", order };
  // The schema has all three for the other type.
  const { digest, approver, reason, notAfter: end } = spec;
  if (digest === undefined || approver === undefined || end === undefined)
    return { state: "Invalid", message: "digest, approver and notAfter are missing" };
  const notAfter = new Date(end);
  const latest = Date.parse(metadata.creationTimestamp ?? "") + MAX_BREAK_GLASS_HOURS * 3_600_000;
  if (!(notAfter.getTime() <= latest)) {
    return {
      state: "Invalid",
      message: `spec.notAfter is more than ${MAX_BREAK_GLASS_HOURS} hours after the action was created, so it does not count`,
    };
  }
  if (now >= notAfter) return ended(notAfter, "; the policies decide again");
  return { state: "Active", exception: { name: metadata.name, digest, approver, reason, notAfter } };
}

function ended(at: Date, then = ""): ActionState {
  return { state: "Expired", message: `it ended at ${at.toISOString()}${then}` };
}

/** What counts among the actions of a namespace now. */
export function exceptionsOf(actions: readonly ModelAction[], now: Date): readonly Exception[] {
  return actions.flatMap((action) => {
    if (action.metadata.deletionTimestamp !== undefined) return [];
    const state = stateOf(action, now);
    return state.state === "Active" ? state.exception : [];
  });
}
