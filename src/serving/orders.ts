/** What the orders of people change: pauses, bans, and that a banned revision may run again. All of it is pure. */
import { type Order, describeOrder, pausesOf } from "../actions/index.ts";
import type { ModelRevision, RevisionBan } from "../api/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { Hold } from "./decide.ts";

/** What people want of whether anything of a model is started now. */
export function pausedBy(orders: readonly Order[], now: Date): Hold | undefined {
  const pause = pausesOf(orders, now).at(-1);
  return pause === undefined ? undefined : { reason: "Paused", message: describeOrder(pause) };
}

/** How long until the first pause ends by itself, in milliseconds; Infinity where none does. */
export function pauseEndMs(orders: readonly Order[], now: Date): number {
  const ends = pausesOf(orders, now).map(({ notAfter }) => (notAfter === undefined ? Infinity : +notAfter - +now));
  return Math.min(...ends);
}

/** What people want changed about the ban of a revision: a new one, or that it is lifted. The newest order counts. */
export function orderedBan(revision: ModelRevision, orders: readonly Order[]): RevisionBan | "Lift" | undefined {
  const ban = revision.status?.ban;
  const last = lastOrder(revision.metadata.name, orders);
  if (last?.type === "Promote") return ban !== undefined && isBefore(ban.since, last) ? "Lift" : undefined;
  if (last === undefined || ban !== undefined) return undefined;
  return { since: last.at.toISOString(), reason: "BannedByPerson", message: truncateUtf8(describeOrder(last), 2048) };
}

/** Whether a person has let a revision run again since. */
export function isPromotedSince(revision: string, since: string, orders: readonly Order[]): boolean {
  const last = lastOrder(revision, orders);
  return last?.type === "Promote" && isBefore(since, last);
}

function lastOrder(name: string, orders: readonly Order[]): Order | undefined {
  return orders.findLast(({ type, revision }) => (type === "Ban" || type === "Promote") && revision === name);
}

/** The API server gives whole seconds: of those within one, the person's word counts. */
export function isBefore(since: string, { at }: Order): boolean {
  return Date.parse(since) < at.getTime() + 1_000;
}
