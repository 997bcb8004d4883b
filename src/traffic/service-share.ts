import type { SecureModel } from "../api/index.ts";
import { type KubeObject, serviceType } from "../kube/index.ts";
import { type TrafficDriver, type TrafficProgress, type TrafficSplit, candidateWeight } from "./driver.ts";
import { type Selected, candidateName, misdirected, modelService, portOf, selectorOf } from "./services.ts";

/**
 * Shares requests by how many pods each revision has: the model's Service selects the pods of both. How many those are is
 * up to whoever makes them; see {@link replicaShare}. It knows no copies of requests.
 */
export const serviceShare: TrafficDriver = {
  kinds: [serviceType],

  objects(model, split) {
    const { name } = model.metadata;
    const { active, candidate } = split;
    const selected = selectedBy(split);
    const answering = selected === candidate ? candidate : (active ?? candidate);
    return [
      ...(candidate === undefined
        ? []
        : [modelService(model, { name: candidateName(name), selected: candidate, port: portOf(candidate, model) })]),
      modelService(model, { name, selected, port: portOf(answering, model) }),
    ];
  },

  quarantined(model) {
    return closed(model);
  },

  progress(living, split) {
    const problem = problemOf(split);
    if (problem !== undefined) return { done: false, message: problem };
    const model = (split.active ?? split.candidate)?.spec.model;
    return model === undefined ? { done: true, message: "no revision serves" } : progressOf(living, split, model);
  },
};

/**
 * How many of the pods belong to each, for a weight in percent (0 to 100): as near as whole pods come, and while both are
 * to get requests at least one each. One pod alone belongs to whom the larger part is for.
 */
export function replicaShare(total: number, weight: number): { readonly active: number; readonly candidate: number } {
  const nearest = Math.round((total * Math.min(100, Math.max(0, weight))) / 100);
  const isShared = weight > 0 && weight < 100 && total >= 2;
  const candidate = isShared ? Math.min(total - 1, Math.max(1, nearest)) : nearest;
  return { active: total - candidate, candidate };
}

/** Whom the model's Service selects. */
function selectedBy(split: TrafficSplit): Selected {
  const weight = candidateWeight(split);
  const { active, candidate } = split;
  if (weight === 0) return active ?? "None";
  if (weight === 100) return candidate ?? "None";
  return portsDiffer(split) ? (active ?? "None") : "All";
}

/** A Service leads to one port: with two, one of the revisions would get requests where it does not listen. */
function portsDiffer({ active, candidate }: TrafficSplit): boolean {
  return active !== undefined && candidate !== undefined && active.spec.serving.port !== candidate.spec.serving.port;
}

function problemOf(split: TrafficSplit): string | undefined {
  const weight = candidateWeight(split);
  if (split.mirror)
    return "plain Services cannot copy requests: give spec.strategy.traffic.httpRoute, or another strategy than Shadow";
  if (weight > 0 && weight < 100 && portsDiffer(split)) {
    const [from, to] = [split.active?.spec.serving.port, split.candidate?.spec.serving.port];
    return `plain Services cannot share requests between ports ${from} and ${to}: keep the port, give spec.strategy.traffic.httpRoute, or use the strategy BlueGreen`;
  }
  return undefined;
}

function progressOf(living: readonly KubeObject[], split: TrafficSplit, model: string): TrafficProgress {
  const { candidate } = split;
  const wrong = misdirected(living, [
    { name: model, selector: selectorOf(model, selectedBy(split)) },
    ...(candidate === undefined ? [] : [{ name: candidateName(model), selector: selectorOf(model, candidate) }]),
  ]);
  if (wrong.length > 0) return { done: false, message: `Service ${wrong.join(", ")} does not select its pods yet` };
  const weight = candidateWeight(split);
  if (weight === 0)
    return { done: true, message: `all requests go to ${split.active?.metadata.name ?? "no revision"}` };
  if (weight === 100) return { done: true, message: `all requests go to ${candidate?.metadata.name ?? "no revision"}` };
  return {
    done: true,
    message: `requests are shared by the number of pods, ${weight}% for ${candidate?.metadata.name}`,
  };
}

function closed(model: SecureModel): readonly KubeObject[] {
  const { name } = model.metadata;
  return [modelService(model, { name, selected: "None", port: portOf(undefined, model) })];
}
