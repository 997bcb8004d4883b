import { type ModelAction, modelAction, parseObject } from "../api/index.ts";

/** What a person wants done with a model. It stands for as long as its ModelAction exists. */
export interface Order {
  readonly name: string;
  readonly type: "Ban" | "Promote" | "Pause";
  readonly model: string;
  /** Of Ban and Promote. */
  readonly revision?: string | undefined;
  readonly requestedBy: string;
  readonly reason: string;
  /** When it was created, to the second. */
  readonly at: Date;
}

/** Undefined where an action is of another kind. */
export function orderOf({ metadata, spec }: ModelAction): Order | undefined {
  const { type, model, revision, requestedBy, reason } = spec;
  if (type === "BreakGlass" || model === undefined || requestedBy === undefined) return undefined;
  const at = new Date(metadata.creationTimestamp ?? 0);
  return { name: metadata.name, type, model, revision, requestedBy, reason, at };
}

/** The orders about a model among the actions of its namespace, oldest first. Of two at once the later name counts last. */
export function ordersFor(actions: readonly ModelAction[], model: string): readonly Order[] {
  const orders = actions.flatMap((action) => {
    if (action.metadata.deletionTimestamp !== undefined) return [];
    const parsed = parseObject(modelAction, action);
    const order = parsed.ok ? orderOf(parsed.value) : undefined;
    return order?.model === model ? order : [];
  });
  return orders.toSorted((a, b) => +a.at - +b.at || (a.name < b.name ? -1 : 1));
}

export function describeOrder({ name, type, model, revision, requestedBy, reason }: Order): string {
  const what = {
    Ban: `bans revision ${revision ?? ""}`,
    Promote: `lets revision ${revision ?? ""} run again`,
    Pause: `has paused model ${model}: no other revision of it is started`,
  }[type];
  return `${requestedBy} ${what} (ModelAction ${name}): ${reason}`;
}
