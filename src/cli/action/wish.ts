/** What somebody wants of a model, and what is to be written for it. */
import type { ModelActionSpec, ModelRevision } from "../../api/index.ts";
import type { Facts } from "./gather.ts";
import type { ActionReport } from "./schema.ts";

export interface Wish {
  readonly wish: ActionReport["wish"];
  /** A name or a number, as it was typed. */
  readonly revision?: string | undefined;
  /** Empty where none was given, which only Resume allows. */
  readonly reason: string;
  /** Of Rollback: also where nothing is safe to go back to. */
  readonly force: boolean;
  /** Of Pause: when it ends by itself. */
  readonly notAfter?: Date | undefined;
  /** Who wants it. */
  readonly by: string;
  readonly now: Date;
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
  | ({ readonly kind: "Write"; readonly creates?: ModelActionSpec; readonly deletes: readonly string[] } & About);

/** The ModelAction in the name of whoever wants it. Pure. */
export function specOf(
  { model }: Facts,
  type: ModelActionSpec["type"],
  { reason, by: requestedBy, notAfter }: Wish,
  revision?: string,
): ModelActionSpec {
  return {
    ...{ type, model: model.metadata.name },
    ...(revision === undefined ? {} : { revision }),
    ...{ reason, requestedBy },
    ...(notAfter === undefined ? {} : { notAfter: notAfter.toISOString() }),
  };
}

/** The one that is named, by its name or its number; a text says which ones there are. Pure. */
export function revisionNamed({ model, revisions }: Facts, text: string): ModelRevision | string {
  const found =
    revisions.find(({ metadata }) => metadata.name === text) ??
    revisions.find(({ spec }) => String(spec.number) === text);
  if (found !== undefined) return found;
  const newest = revisions.slice(-5).map(({ metadata, spec }) => `${metadata.name} (number ${spec.number})`);
  const there = newest.length === 0 ? "it has none" : `the newest are ${newest.join(", ")}`;
  return `SecureModel ${model.metadata.namespace ?? ""}/${model.metadata.name} has no revision ${text}: ${there}`;
}
