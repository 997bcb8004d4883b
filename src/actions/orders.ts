import { type ModelAction, modelAction, parseObject } from "../api/index.ts";

/** What a person wants done with a model. It stands for as long as its ModelAction exists, and has not ended. */
export interface Order {
  readonly name: string;
  readonly type: "Ban" | "Promote" | "Pause" | "Approve" | "Resume";
  readonly model: string;
  /** Of Ban, Promote and Approve. */
  readonly revision?: string | undefined;
  readonly requestedBy: string;
  readonly reason: string;
  /** When it was created, to the second. */
  readonly at: Date;
  /** Of a Pause: when it ends; absent where it has no end. */
  readonly notAfter?: Date | undefined;
}

/** Undefined where an action is of another kind. */
export function orderOf({ metadata, spec }: ModelAction): Order | undefined {
  const { type, model, revision, requestedBy, reason, notAfter } = spec;
  if (type === "BreakGlass" || model === undefined || requestedBy === undefined) return undefined;
  const at = new Date(metadata.creationTimestamp ?? 0);
  const end = notAfter === undefined ? {} : { notAfter: new Date(notAfter) };
  return { name: metadata.name, type, model, revision, requestedBy, reason, at, ...end };
}

/** Whether it has ended by itself. Pure. */
export function isOver({ notAfter }: Order, now: Date): boolean {
  return notAfter !== undefined && now >= notAfter;
}

/** Those that pause a model now. Pure. */
export function pausesOf(orders: readonly Order[], now: Date): readonly Order[] {
  return orders.filter((order) => order.type === "Pause" && !isOver(order, now));
}

/**
 * The orders about a model among the actions of its namespace, oldest first. The API server tells seconds apart and no more: of
 * those within one a Ban counts last, for it starts nothing, and else the later name.
 */
export function ordersFor(actions: readonly ModelAction[], model: string): readonly Order[] {
  const orders = actions.flatMap((action) => {
    if (action.metadata.deletionTimestamp !== undefined) return [];
    const parsed = parseObject(modelAction, action);
    const order = parsed.ok ? orderOf(parsed.value) : undefined;
    return order?.model === model ? order : [];
  });
  const isBan = ({ type }: Order) => Number(type === "Ban");
  return orders.toSorted((a, b) => +a.at - +b.at || isBan(a) - isBan(b) || (a.name < b.name ? -1 : 1));
}

/** The order that counts instead of this one: the newest that says whether the same revision may run. Pure. */
export function overruling(order: Order, orders: readonly Order[]): Order | undefined {
  const decides = ({ type }: Order) => type === "Ban" || type === "Promote";
  if (!decides(order)) return undefined;
  const last = orders.findLast((one) => decides(one) && one.revision === order.revision);
  return last === undefined || last.name === order.name || last.type === order.type ? undefined : last;
}

/** The keys of all actions about the same model, by which each of them learns of a newer one. */
export function actionsAbout({ metadata, spec }: ModelAction, all: readonly ModelAction[]): readonly string[] {
  if (spec.model === undefined) return [];
  const same = all.filter((one) => one.spec.model === spec.model);
  return same.map(({ metadata: { name } }) => `${metadata.namespace ?? ""}/${name}`);
}

export function describeOrder({ name, type, model, revision, requestedBy, reason, notAfter }: Order): string {
  const until = notAfter === undefined ? "" : ` until ${notAfter.toISOString()}`;
  const what = {
    Ban: `bans revision ${revision ?? ""}`,
    Promote: `lets revision ${revision ?? ""} run again`,
    Pause: `has paused model ${model}${until}: no other revision of it is started`,
    Approve: `approves revision ${revision ?? ""}`,
    Resume: `has looked at model ${model}: new revisions of it are started again`,
  }[type];
  return `${requestedBy} ${what} (ModelAction ${name}): ${reason}`;
}
