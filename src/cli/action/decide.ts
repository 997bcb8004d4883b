/** What is to be written for what somebody wants of a model, or why nothing is. Pure. */
import { type Order, describeOrder, ordersFor, pausesOf } from "../../actions/index.ts";
import { type LatchStatus, type ModelRevision, isPerson } from "../../api/index.ts";
import { standingLatch } from "../../serving/index.ts";
import { approve } from "./approve.ts";
import type { Facts } from "./gather.ts";
import { afterBan, askedFor, banOf } from "./outlook.ts";
import { type Decision, type Wish, revisionNamed, specOf } from "./wish.ts";

export function decide(facts: Facts, wish: Wish): Decision {
  switch (wish.wish) {
    case "Pause":
      return pause(facts, wish);
    case "Resume":
      return resume(facts, wish);
    case "Approve":
    case "Ban":
    case "Rollback":
    case "Promote": {
      const revision = revisionOf(facts, wish);
      if (typeof revision === "string")
        return wish.revision === undefined
          ? { kind: "Refused", why: revision, effects: [] }
          : { kind: "Missing", problem: revision };
      if (wish.wish === "Approve") return approve(facts, revision, wish);
      return wish.wish === "Promote" ? promote(facts, revision, wish) : ban(facts, revision, wish);
    }
  }
}

function ban(facts: Facts, revision: ModelRevision, wish: Wish): Decision {
  const { name } = revision.metadata;
  const before = banOf(facts, revision);
  if (before !== undefined)
    return { kind: "Nothing", revision: name, why: `revision ${name} is banned already: ${before}`, effects: [] };
  const outlook = afterBan(facts, revision);
  const [pauses] = pausesNow(facts, wish);
  if (wish.wish === "Rollback" && !wish.force) {
    const refused = (why: string): Decision => ({ kind: "Refused", revision: name, why, effects: [] });
    if (pauses !== undefined) return refused(`${describeOrder(pauses)}; resume it first, or say --force`);
    if (outlook.kind !== "Back") return refused(`${outlook.says}; --force bans ${name} all the same`);
  }
  const spec = specOf(facts, "Ban", wish, name);
  const isPaused =
    pauses === undefined
      ? []
      : [`ModelAction ${pauses.name} pauses the model, of ${pauses.requestedBy}: ${pauses.reason}`];
  return { kind: "Write", revision: name, creates: spec, deletes: [], effects: [outlook.says, ...isPaused] };
}

function promote(facts: Facts, revision: ModelRevision, wish: Wish): Decision {
  const { name } = revision.metadata;
  const asked = askedFor(facts);
  const latch = asked?.metadata.name === name ? latchOf(facts) : undefined;
  if (banOf(facts, revision) === undefined && latch === undefined)
    return { kind: "Nothing", revision: name, why: `revision ${name} is not banned`, effects: [] };
  const [pauses] = pausesNow(facts, wish);
  const effect =
    asked?.metadata.name === name
      ? `revision ${name} is what the spec asks for: it is started, once it verifies`
      : `revision ${name} may be gone back to again; it is not started now, unless the spec asks for it`;
  const isPaused = pauses === undefined ? [] : [`nothing is started while it is paused: ${describeOrder(pauses)}`];
  const isLatched =
    latch === undefined || isPerson(wish.by) ? [] : [`nothing is started before a person has looked: ${latch.message}`];
  const spec = specOf(facts, "Promote", wish, name);
  return { kind: "Write", revision: name, creates: spec, deletes: [], effects: [effect, ...isPaused, ...isLatched] };
}

function pause(facts: Facts, wish: Wish): Decision {
  const [before] = pausesNow(facts, wish);
  if (before !== undefined)
    return { kind: "Nothing", why: `it is paused already: ${describeOrder(before)}`, effects: [] };
  const { active, candidate } = facts.model.status ?? {};
  const effects = [
    active === undefined
      ? "nothing serves, and nothing is started"
      : `revision ${active.revision} serves, and no other one is started`,
    ...(candidate === undefined ? [] : [`the rollout of ${candidate.revision} has begun, and goes on`]),
  ];
  return { kind: "Write", creates: specOf(facts, "Pause", wish), deletes: [], effects };
}

function resume(facts: Facts, wish: Wish): Decision {
  const deletes = pausesNow(facts, wish).map(({ name }) => name);
  const effects = ["what the spec asks for is started, where it may run"];
  const latch = latchOf(facts);
  if (latch === undefined)
    return deletes.length === 0
      ? { kind: "Nothing", why: "it is neither paused nor latched", effects: [] }
      : { kind: "Write", deletes, effects };
  const refused = (why: string): Decision => ({
    kind: "Refused",
    why: `${why}; it is latched: ${latch.message}`,
    effects: [],
  });
  if (!isPerson(wish.by)) return refused(`only people say that they have looked, and you are ${wish.by}`);
  if (wish.reason === "") return refused("say by --reason what you found");
  return { kind: "Write", creates: specOf(facts, "Resume", wish), deletes, effects };
}

function pausesNow({ model, actions }: Facts, { now }: Wish): readonly Order[] {
  return pausesOf(ordersFor(actions, model.metadata.name), now);
}

/** That which holds, also where somebody has just lifted it and the operator has not seen it yet. */
function latchOf(facts: Facts): LatchStatus | undefined {
  const { model, actions } = facts;
  const orders = ordersFor(actions, model.metadata.name);
  return standingLatch(model.status?.latch, orders, askedFor(facts)?.metadata.name);
}

/** The one that is named, else the one that comes, else the one that serves; a text says why there is none. */
function revisionOf(facts: Facts, { wish, revision: text }: Wish): ModelRevision | string {
  const { candidate, active } = facts.model.status ?? {};
  if (wish === "Approve" && text === undefined && candidate === undefined)
    return "no revision of it is being rolled out, so none waits for people: to approve one that is to come again, name it by --revision";
  const wanted = text ?? candidate?.revision ?? active?.revision;
  return wanted === undefined
    ? "no revision of it comes or serves: there is nothing to leave"
    : revisionNamed(facts, wanted);
}
