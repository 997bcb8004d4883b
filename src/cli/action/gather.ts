import type { ModelAction, ModelRevision, SecureModel } from "../../api/index.ts";
import { type Answer, known } from "../ask.ts";
import { type Listed, readActions, readModel, readRevisions } from "../cluster.ts";

export interface Facts {
  readonly model: SecureModel;
  /** Of this model, oldest first. */
  readonly revisions: readonly ModelRevision[];
  /** Of the namespace. */
  readonly actions: readonly ModelAction[];
}

/** All of it, or nothing: what is missing might forbid what is asked for. */
export async function gather(namespace: string, name: string): Promise<Answer<Facts>> {
  const model = await readModel(namespace, name);
  if (model.state !== "known") return model;
  const [revisions, actions] = await Promise.all([readRevisions(namespace), readActions(namespace)]);
  const revisionsOf = allOf("ModelRevisions", revisions);
  const actionsOf = allOf("ModelActions", actions);
  if (revisionsOf.state !== "known") return revisionsOf;
  if (actionsOf.state !== "known") return actionsOf;
  const own = revisionsOf.value
    .filter(({ spec }) => spec.model === name)
    .toSorted((a, b) => a.spec.number - b.spec.number);
  return known({ model: model.value, revisions: own, actions: actionsOf.value });
}

function allOf<T>(what: string, answer: Answer<Listed<T>>): Answer<readonly T[]> {
  if (answer.state === "absent") return { state: "unknown", reason: `${what} are not installed` };
  if (answer.state === "unknown") return { state: "unknown", reason: `${what}: ${answer.reason}` };
  const [strange] = answer.value.unreadable;
  if (strange === undefined) return known(answer.value.objects);
  return { state: "unknown", reason: `${what} ${strange.name}: ${strange.problem}` };
}
