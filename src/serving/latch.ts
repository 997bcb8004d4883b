import type { Order } from "../actions/index.ts";
import {
  type LatchStatus,
  type RollbackStatus,
  type SecureModel,
  type SecureModelStatus,
  isPerson,
} from "../api/index.ts";
import { rollbackRules } from "../health/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { Hold } from "./decide.ts";
import { isBefore, isPromotedSince } from "./orders.ts";

const dayMs = 24 * 3_600_000;

/**
 * The latch that a rollback sets, when it is one too many within 24 hours. After somebody has resumed the model, it is counted
 * anew. Pure.
 */
export function latchFor(
  { message }: Pick<RollbackStatus, "message">,
  { model, orders }: { readonly model: Pick<SecureModel, "spec" | "status">; readonly orders: readonly Order[] },
  now: Date,
): LatchStatus | undefined {
  const limit = rollbackRules(model.spec.rollback).latchAfter;
  const resumed = orders.findLast(isResume);
  const counts = (at: string) =>
    now.getTime() - Date.parse(at) < dayMs && (resumed === undefined || !isBefore(at, resumed));
  const count = (model.status?.rollbacks ?? []).filter(({ at }) => counts(at)).length + 1;
  if (count < limit) return undefined;
  const said = `rollbacks within 24 h: ${count} (latchAfter is ${limit}); the last: ${message}`;
  return { since: now.toISOString(), reason: "RepeatedRollbacks", message: truncateUtf8(said, 2048) };
}

/**
 * The latch, while it holds: until a person has resumed the model since, or has promoted the revision that the spec asks for.
 * Pure.
 */
export function standingLatch(
  latch: LatchStatus | undefined,
  orders: readonly Order[],
  asked?: string,
): LatchStatus | undefined {
  if (latch === undefined) return undefined;
  const { since } = latch;
  const byPeople = orders.filter(({ requestedBy }) => isPerson(requestedBy));
  const isResumed = byPeople.some((order) => isResume(order) && isBefore(since, order));
  const isPromoted = asked !== undefined && isPromotedSince(asked, since, byPeople);
  return isResumed || isPromoted ? undefined : latch;
}

/** Why no other revision is started than what a rollback goes back to. Pure. */
export function latchedBy(latch: LatchStatus | undefined, model: Pick<SecureModel, "metadata">): Hold | undefined {
  if (latch === undefined) return undefined;
  return { reason: "Latched", message: `no other revision is started, ${untilResumed(model)}: ${latch.message}` };
}

/** For people: what is to be done about a latch. */
export function untilResumed({ metadata: { name, namespace = "" } }: Pick<SecureModel, "metadata">): string {
  return `once somebody has looked into it, and says: mlsecops resume smodel/${name} -n ${namespace} --reason "…"`;
}

/** The status with the latch that holds, or without one. Pure. */
export function withLatch(
  { latch: _latch, ...status }: SecureModelStatus,
  latch: LatchStatus | undefined,
): SecureModelStatus {
  return latch === undefined ? status : { ...status, latch };
}

function isResume({ type, requestedBy }: Order): boolean {
  return type === "Resume" && isPerson(requestedBy);
}
