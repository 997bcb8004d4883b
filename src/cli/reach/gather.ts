import { GenericKind, K8s } from "kubernetes-fluent-client";
import { z } from "zod";
import { type From, type ReachType, type To, ReachIndex, reachTypes } from "../../reach/index.ts";
import { type Answer, ask } from "../ask.ts";
import { mapBounded } from "../pool.ts";

export interface Facts {
  readonly world: ReachIndex;
  /** What has a say and could not be read. */
  readonly unknown: readonly { readonly what: string; readonly why: string }[];
}

/** What leads in from outside does not decide about connections. */
const skipped: ReadonlySet<string> = new Set([
  "Ingress",
  "HTTPRoute",
  "GRPCRoute",
  "TLSRoute",
  "TCPRoute",
  "UDPRoute",
  "ReferenceGrant",
]);

/** Of the namespaces that the question names; where it names an address, also the pods and Services of all others. */
export async function gather(from: From, to: To): Promise<Facts> {
  const reading = new Reading();
  const ends = [from, to];
  const named = new Set(ends.flatMap((end) => (end.kind === "Address" ? [] : [end.namespace])));
  const hasAddress = ends.some(({ kind }) => kind === "Address");
  const served = await servedTypes((kind) => !skipped.has(kind));
  const isAddressed = ({ resource }: ReachType): boolean => ["Pod", "Service"].includes(resource.kind);
  const within = served.filter(({ resource }) => resource.namespaced);
  await reading.read([
    ...served
      .filter((type) =>
        type.resource.namespaced ? hasAddress && isAddressed(type) : type.resource.kind !== "Namespace",
      )
      .map((type) => ({ type })),
    ...placesOf(
      named,
      within.filter((type) => !hasAddress || !isAddressed(type)),
    ),
  ]);
  // An address may turn out to be that of a pod elsewhere: then the policies there have a say.
  const found = ends.flatMap((end) => {
    if (end.kind !== "Address") return [];
    const { world } = reading;
    return world.podAt(end.address)?.ref.namespace ?? world.serviceAt(end.address)?.ref.namespace ?? [];
  });
  const others = new Set(found.filter((namespace) => !named.has(namespace)));
  await reading.read(
    placesOf(
      others,
      within.filter((type) => !isAddressed(type)),
    ),
  );
  return reading;
}

/** All that has a say in one namespace's traffic, with what leads into it from outside; routes only those of itself. */
export async function gatherNamespaceReach(
  namespace: string,
): Promise<Facts & { readonly served: readonly ReachType[] }> {
  const reading = new Reading();
  const served = await servedTypes(() => true);
  const isWithin = ({ resource }: ReachType) => resource.namespaced;
  const across = served.filter((type) => !isWithin(type) && type.resource.kind !== "Namespace");
  await reading.read([...across.map((type) => ({ type })), ...placesOf(new Set([namespace]), served.filter(isWithin))]);
  return { world: reading.world, unknown: reading.unknown, served };
}

interface Place {
  readonly type: ReachType;
  /** Absent: of the whole cluster. */
  readonly namespace?: string;
}

const namespaceType = reachTypes.filter(({ resource }) => resource.kind === "Namespace");

/** With the Namespace itself, which whoever may look into it may read. */
function placesOf(namespaces: ReadonlySet<string>, types: readonly ReachType[]): readonly Place[] {
  return [...namespaces].flatMap((namespace) => [...namespaceType, ...types].map((type) => ({ type, namespace })));
}

const List = z.object({ items: z.array(z.unknown()).nullish() });
const Resources = z.object({ resources: z.array(z.object({ name: z.string() })) });

class Reading implements Facts {
  readonly world = new ReachIndex();
  readonly unknown: Facts["unknown"][number][] = [];

  async read(places: readonly Place[]): Promise<void> {
    const answers = await mapBounded(places, 8, async (place) => [place, await objectsAt(place)] as const);
    for (const [{ type, namespace }, answer] of answers) {
      if (answer.state === "known") for (const object of answer.value) this.world.put(type, object);
      else if (answer.state === "unknown") {
        const what = `${type.resource.kind}${namespace === undefined ? "" : ` in ${namespace}`}`;
        this.unknown.push({ what, why: answer.reason });
      }
    }
  }
}

/** Those that the cluster serves. Without the right to list, an API server does not say that a kind is not there. */
async function servedTypes(isAsked: (kind: string) => boolean): Promise<readonly ReachType[]> {
  const types = reachTypes.filter(({ resource }) => isAsked(resource.kind));
  const versions = [...new Set(types.filter(({ builtin }) => !builtin).map(versionPath))];
  const answers = await mapBounded(versions, 8, async (path) => {
    const answer = await ask(async () => Resources.parse(await K8s(GenericKind).Raw(path)).resources);
    return [path, answer] as const;
  });
  const known = new Map(answers);
  return types.filter((type) => {
    const answer = type.builtin ? undefined : known.get(versionPath(type));
    if (answer === undefined || answer.state === "unknown") return true;
    return answer.state === "known" && answer.value.some(({ name }) => name === type.resource.plural);
  });
}

function objectsAt({ type, namespace }: Place): Promise<Answer<readonly unknown[]>> {
  const { plural, namespaced } = type.resource;
  const root = versionPath(type);
  if (!namespaced && namespace !== undefined)
    return ask(async () => [await K8s(GenericKind).Raw(`${root}/${plural}/${namespace}`)]);
  const path = `${root}/${namespace === undefined ? "" : `namespaces/${namespace}/`}${plural}`;
  return ask(async () => List.parse(await K8s(GenericKind).Raw(path)).items ?? []);
}

function versionPath({ resource: { group, version } }: ReachType): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}
