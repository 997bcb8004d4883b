import type { ModelRevision, SecureModel } from "../api/index.ts";
import { type KubeObject, type ObjectClient, applyChanges, serviceType } from "../kube/index.ts";
import { type TrafficDriver, type TrafficSplit, httpRouteType, trafficDriver } from "../traffic/index.ts";
import type { Desk } from "./desk.ts";
import type { Fleet } from "./fleet.ts";
import { FIELD_MANAGER } from "./workload.ts";

/** What leads requests to the pods of a model. */
export interface Traffic {
  readonly driver: TrafficDriver;
  readonly living: readonly KubeObject[];
}

/** Of a model whose spec cannot be read, plain Services are what is left. */
export function driverOf({ spec }: SecureModel): TrafficDriver {
  const known = spec as { readonly strategy?: Partial<SecureModel["spec"]["strategy"]> | null } | null | undefined;
  return trafficDriver(known?.strategy?.traffic ?? undefined);
}

/** Where there is no Service but the model's own, there is no route. */
export async function readTraffic({ client, model, living }: Desk): Promise<Traffic> {
  const driver = driverOf(model);
  const mayHaveRoute = driver.kinds.includes(httpRouteType) || living.services.length > 1;
  const { name, namespace = "" } = model.metadata;
  const route = mayHaveRoute ? await client.get<KubeObject>(httpRouteType, { namespace, name }) : undefined;
  const isOwn = route?.metadata.ownerReferences?.some(({ uid }) => uid === model.metadata.uid) === true;
  return { driver, living: [...living.services, ...(route !== undefined && isOwn ? [route] : [])] };
}

/**
 * How requests are to be shared between the Deployments of a fleet. Where one alone is there, or replaces its pods, all pods
 * answer, at the port of those that do now.
 */
export function splitOf(model: SecureModel, fleet: Fleet, answering: ModelRevision): TrafficSplit {
  const [comes, serves] = fleet.workloads;
  const alone = { candidate: undefined, weight: 0, mirror: false };
  if (fleet.answers === undefined && serves === undefined) {
    const replacing = comes !== undefined && comes.revision.metadata.name !== answering.metadata.name;
    return { ...alone, active: answering, inPlace: true, replacing };
  }
  if (serves === undefined) return { ...alone, active: comes?.revision };
  const { weight } = fleet;
  const mirror = model.spec.strategy.type === "Shadow";
  return { active: serves.revision, candidate: comes?.revision, weight, mirror };
}

/** Leads requests as they are to be led, and removes what led them before. */
export async function direct(
  client: ObjectClient,
  { driver, living }: Traffic,
  desired: readonly KubeObject[],
): Promise<void> {
  const types = new Map([...driver.kinds, serviceType].map((type) => [type.kind, type]));
  const isSame = (one: KubeObject) => (other: KubeObject) =>
    one.kind === other.kind && one.metadata.name === other.metadata.name;
  for (const object of desired) {
    const type = types.get(object.kind ?? "");
    if (type === undefined) throw new TypeError(`a driver makes objects of kind ${object.kind ?? "none"}`);
    await applyChanges(client, type, { desired: object, living: living.find(isSame(object)) }, FIELD_MANAGER);
  }
  // The route first: it leads to the Services.
  const gone = living.filter((object) => !desired.some(isSame(object)));
  for (const object of gone.toSorted(
    (a, b) => Number(b.kind === httpRouteType.kind) - Number(a.kind === httpRouteType.kind),
  )) {
    const { name, namespace = "", uid } = object.metadata;
    const type = object.kind === httpRouteType.kind ? httpRouteType : serviceType;
    await client.remove(type, { namespace, name }, uid === undefined ? {} : { uid });
  }
}
