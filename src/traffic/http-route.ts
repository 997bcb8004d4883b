import type { HttpRouteTraffic, SecureModel } from "../api/index.ts";
import { type KubeObject, type ResourceType, serviceType } from "../kube/index.ts";
import { type TrafficDriver, type TrafficSplit, candidateWeight } from "./driver.ts";
import { type WantedRoute, routeProgress } from "./route-progress.ts";
import {
  SERVICE_PORT,
  type Selected,
  candidateName,
  misdirected,
  modelService,
  owned,
  selectorOf,
} from "./services.ts";

const gatewayGroup = "gateway.networking.k8s.io";

export const httpRouteType: ResourceType = {
  group: gatewayGroup,
  version: "v1",
  kind: "HTTPRoute",
  plural: "httproutes",
  namespaced: true,
};

/** What to do where the API server does not know {@link httpRouteType}. */
export const httpRouteNotServed =
  "the cluster does not serve HTTPRoute of gateway.networking.k8s.io/v1: install the Gateway API, v1.0 or newer, or leave out spec.strategy.traffic.httpRoute";

/** The Service of the revision that serves, as Gateways see it. */
function activeName(model: string): string {
  return `${model}-active`;
}

/**
 * Shares requests by the weights of an HTTPRoute. A Gateway may be late: so each Service leads to a revision that serves,
 * also that of a candidate which has gone, or has become the active one. Whoever asks the model's own Service, past the
 * Gateway, is answered by the active revision.
 */
export function httpRoute(traffic: HttpRouteTraffic): TrafficDriver {
  return {
    kinds: [serviceType, httpRouteType],
    objects: (model, split) => [
      ...servicesOf(model, split, model.spec.workload.managed.port),
      routeOf(model, wantedOf(model.metadata.name, split), traffic),
    ],
    quarantined: (model, port) => {
      const none = { active: undefined, candidate: undefined, weight: 0, mirror: false };
      return [...servicesOf(model, none, port), routeOf(model, wantedOf(model.metadata.name, none), traffic)];
    },
    progress: (living, split) => {
      const model = (split.active ?? split.candidate)?.spec.model;
      if (model === undefined) return { done: true, message: "no revision serves" };
      const selectors = selectedBy(model, split).map(([name, selected]) => ({
        name,
        selector: selectorOf(model, selected),
      }));
      const wrong = misdirected(living, selectors);
      if (wrong.length > 0) return { done: false, message: `Service ${wrong.join(", ")} does not select its pods yet` };
      const route = living.find(({ kind, metadata }) => kind === httpRouteType.kind && metadata.name === model);
      return routeProgress(route, { ...wantedOf(model, split), name: model, parents: traffic.parentRefs });
    },
  };
}

/** Whom each Service selects. */
function selectedBy(model: string, split: TrafficSplit): readonly (readonly [name: string, selected: Selected])[] {
  const { active, candidate, replacing = false } = split;
  if (replacing) return [activeName(model), candidateName(model), model].map((name) => [name, "All"] as const);
  const first = candidateWeight(split) === 100 ? candidate : undefined;
  return [
    [activeName(model), active ?? first ?? "None"],
    [candidateName(model), candidate ?? active ?? "None"],
    [model, first ?? active ?? "None"],
  ];
}

/** `idle` is the port of those that lead to nobody. */
function servicesOf(model: SecureModel, split: TrafficSplit, idle: number): readonly KubeObject[] {
  return selectedBy(model.metadata.name, split).map(([name, selected]) => {
    const answering = selected === "All" ? split.active : selected;
    const port = answering === undefined || answering === "None" ? idle : answering.spec.serving.port;
    return modelService(model, { name, selected, port });
  });
}

/** How the route shares requests. */
function wantedOf(model: string, split: TrafficSplit): Pick<WantedRoute, "weights" | "mirrorTo"> {
  const weight = candidateWeight(split);
  return {
    weights: { [activeName(model)]: 100 - weight, [candidateName(model)]: weight },
    mirrorTo: split.mirror && split.candidate !== undefined ? candidateName(model) : undefined,
  };
}

/** All that the API server adds by default is written out, so that nothing differs where nothing has changed. */
function routeOf(
  model: SecureModel,
  { weights, mirrorTo }: Pick<WantedRoute, "weights" | "mirrorTo">,
  { parentRefs, hostnames }: HttpRouteTraffic,
): KubeObject {
  const backend = (name: string) => ({ group: "", kind: "Service", name, port: SERVICE_PORT });
  return owned(httpRouteType, model, {
    name: model.metadata.name,
    spec: {
      parentRefs: parentRefs.map((parent) => ({ group: gatewayGroup, kind: "Gateway", ...parent })),
      hostnames,
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          filters:
            mirrorTo === undefined ? [] : [{ type: "RequestMirror", requestMirror: { backendRef: backend(mirrorTo) } }],
          backendRefs: Object.entries(weights).map(([name, weight]) => ({ ...backend(name), weight })),
        },
      ],
    },
  });
}
