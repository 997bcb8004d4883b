/** What is to be written for what somebody wants of a model, or why nothing is. Pure. */
import { describeOrder, ordersFor } from "../../actions/index.ts";
import type { ModelActionSpec, ModelRevision } from "../../api/index.ts";
import type { Facts } from "./gather.ts";
import { afterBan, askedFor, banOf } from "./outlook.ts";
import type { ActionReport } from "./schema.ts";

export interface Wish {
  readonly wish: ActionReport["wish"];
  /** A name or a number, as it was typed. */
  readonly revision?: string | undefined;
  /** Of all but Resume. */
  readonly reason: string;
  /** Of Rollback: also where nothing is safe to go back to. */
  readonly force: boolean;
  /** Who wants it. */
  readonly by: string;
}

interface About {
  readonly revision?: string;
  readonly effects: readonly string[];
}

export type Decision =
  /** What is named is not there. */
  | { readonly kind: "Missing"; readonly problem: string }
  | ({ readonly kind: "Refused"; readonly why: string } & About)
  | ({ readonly kind: "Nothing"; readonly why: string } & About)
  | ({ readonly kind: "Create"; readonly spec: ModelActionSpec } & About)
  | ({ readonly kind: "Delete"; readonly names: readonly string[] } & About);

export function decide(facts: Facts, wish: Wish): Decision {
  switch (wish.wish) {
    case "Pause":
      return pause(facts, wish);
    case "Resume":
      return resume(facts);
    case "Ban":
    case "Rollback":
    case "Promote": {
      const revision = revisionOf(facts, wish.revision);
      if (typeof revision === "string")
        return wish.revision === undefined
          ? { kind: "Refused", why: revision, effects: [] }
          : { kind: "Missing", problem: revision };
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
  const [pauses] = pausesOf(facts);
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
  return { kind: "Create", revision: name, spec, effects: [outlook.says, ...isPaused] };
}

function promote(facts: Facts, revision: ModelRevision, wish: Wish): Decision {
  const { name } = revision.metadata;
  if (banOf(facts, revision) === undefined)
    return { kind: "Nothing", revision: name, why: `revision ${name} is not banned`, effects: [] };
  const asked = askedFor(facts);
  const [pauses] = pausesOf(facts);
  const effect =
    asked?.metadata.name === name
      ? `revision ${name} is what the spec asks for: it is started, once it verifies`
      : `revision ${name} may be gone back to again; it is not started now, unless the spec asks for it`;
  const isPaused = pauses === undefined ? [] : [`nothing is started while it is paused: ${describeOrder(pauses)}`];
  const spec = specOf(facts, "Promote", wish, name);
  return { kind: "Create", revision: name, spec, effects: [effect, ...isPaused] };
}

function pause(facts: Facts, wish: Wish): Decision {
  const [before] = pausesOf(facts);
  if (before !== undefined)
    return { kind: "Nothing", why: `it is paused already: ${describeOrder(before)}`, effects: [] };
  const { active, candidate } = facts.model.status ?? {};
  const effects = [
    active === undefined
      ? "nothing serves, and nothing is started"
      : `revision ${active.revision} serves, and no other one is started`,
    ...(candidate === undefined ? [] : [`the rollout of ${candidate.revision} has begun, and goes on`]),
  ];
  return { kind: "Create", spec: specOf(facts, "Pause", wish), effects };
}

function resume(facts: Facts): Decision {
  const names = pausesOf(facts).map(({ name }) => name);
  if (names.length === 0) return { kind: "Nothing", why: "it is not paused", effects: [] };
  return { kind: "Delete", names, effects: ["what the spec asks for is started, where it may run"] };
}

function pausesOf({ model, actions }: Facts) {
  return ordersFor(actions, model.metadata.name).filter(({ type }) => type === "Pause");
}

function specOf({ model }: Facts, type: ModelActionSpec["type"], wish: Wish, revision?: string): ModelActionSpec {
  const { reason, by: requestedBy } = wish;
  return {
    ...{ type, model: model.metadata.name },
    ...(revision === undefined ? {} : { revision }),
    ...{ reason, requestedBy },
  };
}

/** The one that is named, else the one that comes, else the one that serves; a text says why there is none. */
function revisionOf({ model, revisions }: Facts, text: string | undefined): ModelRevision | string {
  const { candidate, active } = model.status ?? {};
  const wanted = text ?? candidate?.revision ?? active?.revision;
  if (wanted === undefined) return "no revision of it comes or serves: there is nothing to leave";
  const found =
    revisions.find(({ metadata }) => metadata.name === wanted) ??
    revisions.find(({ spec }) => String(spec.number) === text);
  if (found !== undefined) return found;
  const newest = revisions.slice(-5).map(({ metadata, spec }) => `${metadata.name} (number ${spec.number})`);
  const there = newest.length === 0 ? "it has none" : `the newest are ${newest.join(", ")}`;
  return `SecureModel ${model.metadata.namespace ?? ""}/${model.metadata.name} has no revision ${wanted}: ${there}`;
}
