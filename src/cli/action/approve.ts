/** Whether somebody may approve a revision, and what follows. Pure. */
import { type Order, ordersFor } from "../../actions/index.ts";
import { type ModelRevision, isPerson } from "../../api/index.ts";
import { approvalOf, authorsOf } from "../../serving/index.ts";
import type { Facts } from "./gather.ts";
import { banOf } from "./outlook.ts";
import { type Decision, type Wish, specOf } from "./wish.ts";

export function approve(facts: Facts, revision: ModelRevision, wish: Wish): Decision {
  const { model, actions } = facts;
  const { name, creationTimestamp = "" } = revision.metadata;
  const refused = (why: string): Decision => ({ kind: "Refused", revision: name, why, effects: [] });
  const ban = banOf(facts, revision);
  if (ban !== undefined) return refused(`revision ${name} is banned, and does not run: ${ban}; promote it first`);
  if (!isPerson(wish.by)) return refused(`only people approve, and you are ${wish.by}: do it under your own name`);
  const orders = ordersFor(actions, model.metadata.name);
  const authors = authorsOf(model, revision);
  if (authors.includes(wish.by))
    return refused(`you have written the spec that revision ${name} is made from: have somebody else approve it`);
  const before = approvalOf({ model, revision, orders, authors });
  if (before.approved || before.by.includes(wish.by)) {
    const why = before.approved ? before.message : `you have approved it already; ${before.message}`;
    return { kind: "Nothing", revision: name, why, effects: [] };
  }
  const spec = specOf(facts, "Approve", wish, name);
  // The clock here may be behind that of the API server.
  const at = new Date(Math.max(wish.now.getTime(), Date.parse(creationTimestamp) || 0));
  const { by: requestedBy, reason } = wish;
  const own: Order = {
    name: "this",
    type: "Approve",
    model: model.metadata.name,
    revision: name,
    requestedBy,
    reason,
    at,
  };
  const after = approvalOf({ model, revision, orders: [...orders, own], authors });
  const effect = after.approved
    ? `${after.message}: the step of its rollout that waits for people is taken`
    : after.message;
  return { kind: "Write", revision: name, creates: spec, deletes: [], effects: [effect] };
}
