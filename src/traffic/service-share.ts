import { type KubeObject, serviceType } from "../kube/index.ts";
import { type TrafficDriver, type TrafficProgress, type TrafficSplit, candidateWeight } from "./driver.ts";
import { type Selected, candidateName, misdirected, modelService, selectorOf } from "./services.ts";

/**
 * Shares requests by how many pods each revision has: the model's Service selects the pods of both. How many those are is
 * up to whoever makes them. It knows no copies of requests.
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
        : [modelService(model, { name: candidateName(name), selected: candidate, port: candidate.spec.serving.port })]),
      modelService(model, { name, selected, port: answering?.spec.serving.port ?? model.spec.workload.managed.port }),
    ];
  },

  quarantined(model, port) {
    return [modelService(model, { name: model.metadata.name, selected: "None", port })];
  },

  progress(living, split) {
    const problem = problemOf(split);
    if (problem !== undefined) return { done: false, message: problem };
    const model = (split.active ?? split.candidate)?.spec.model;
    return model === undefined ? { done: true, message: "no revision serves" } : progressOf(living, split, model);
  },
};

/** Whom the model's Service selects. */
function selectedBy(split: TrafficSplit): Selected {
  const weight = candidateWeight(split);
  const { active, candidate, inPlace = false } = split;
  if (inPlace) return "All";
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
