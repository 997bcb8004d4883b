import { type Address, type Family, parseAddress } from "./addresses.ts";
import type { End } from "./match.ts";
import type { Direction } from "./network-policy.ts";
import type { Pod } from "./objects.ts";
import type { Protocol } from "./ports.ts";
import { refText } from "./text.ts";
import { type Candidate, type Deciding, candidates } from "./tiers.ts";
import type { World } from "./world.ts";

export type { Deciding } from "./tiers.ts";

/** A pod, or an address inside or outside of the cluster. */
export type Endpoint = { readonly pod: Pod } | { readonly address: string };

export interface Connection {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly protocol: Protocol;
  /** On which the destination listens itself: after what a Service translates. */
  readonly port: number;
}

export type Outcome = "Allowed" | "Denied" | "Unknown";

export interface Evaluation {
  readonly outcome: Outcome;
  /** What decides, of each side. Empty where nothing selects the pod, and where policies have no say. */
  readonly by: readonly Deciding[];
  /** For people: one line. */
  readonly why: string;
}

/**
 * Whether a connection can be opened: networking.k8s.io/v1 NetworkPolicy with the tiers of policy.networking.k8s.io. The
 * egress side of the source and the ingress side of the destination must both allow it. Answers to it are always allowed.
 * Where ipBlock is matched against addresses of pods, as here, is up to the network plugin.
 */
export function evaluate(world: World, { from, to, protocol, port }: Connection): Evaluation {
  const [source, destination] = [resolve(world, from), resolve(world, to)];
  if (source === undefined || destination === undefined) {
    const text = "address" in from && source === undefined ? from.address : "address" in to ? to.address : "";
    return { outcome: "Unknown", by: [], why: `${text} is not an IP address` };
  }
  const finished = [source, destination].find(({ pod, host }) => pod?.finished === true || host?.finished === true);
  if (finished !== undefined) return { outcome: "Denied", by: [], why: `${finished.text} has finished` };
  if (isSame(source, destination)) return { outcome: "Allowed", by: [], why: "a pod always reaches itself" };
  const flows = pairs(source, destination);
  if (flows.length === 0) {
    const why = `${source.text} and ${destination.text} have no addresses of the same family`;
    return { outcome: "Denied", by: [], why };
  }
  const wanted = { protocol, port, names: destination.pod?.ports ?? [] };
  const answers = flows.map(([here, there]): Evaluation => {
    const egress = side(world, "Egress", { subject: here, other: there }, wanted);
    const ingress = side(world, "Ingress", { subject: there, other: here }, wanted);
    return both(egress, ingress);
  });
  // A pod has one address of each family: it is enough that one of them gets through.
  return (["Allowed", "Unknown", "Denied"] as const).flatMap((outcome) =>
    answers.filter((answer) => answer.outcome === outcome),
  )[0] as Evaluation;
}

interface Side {
  /** With a network of its own. */
  readonly pod?: Pod | undefined;
  /** In the network of its node. */
  readonly host?: Pod | undefined;
  readonly addresses: readonly Address[];
  readonly text: string;
}

interface FlowEnd extends End {
  readonly host?: Pod | undefined;
}

function resolve(world: World, end: Endpoint): Side | undefined {
  if ("pod" in end) return sideOf(end.pod, end.pod.addresses);
  const address = parseAddress(end.address);
  if (address === undefined) return undefined;
  const pod = world.podAt(end.address);
  return pod === undefined ? { addresses: [address], text: end.address } : sideOf(pod, [end.address]);
}

function sideOf(pod: Pod, texts: readonly string[]): Side {
  const addresses = texts.flatMap((text) => parseAddress(text) ?? []);
  return { [pod.hostNetwork ? "host" : "pod"]: pod, addresses, text: refText(pod.ref) };
}

function isSame({ pod, host }: Side, to: Side): boolean {
  const [a, b] = [pod ?? host, to.pod ?? to.host];
  return a !== undefined && b !== undefined && a.ref.namespace === b.ref.namespace && a.ref.name === b.ref.name;
}

/** By family. An end without an address yet may get one of any. */
function pairs(source: Side, destination: Side): readonly (readonly [FlowEnd, FlowEnd])[] {
  const families: readonly Family[] = [4, 6];
  const ends = (side: Side, family: Family): FlowEnd[] => {
    const { pod, host, text } = side;
    const address = side.addresses.find((one) => one.family === family);
    return address === undefined && side.addresses.length > 0 ? [] : [{ pod, host, address, text }];
  };
  return families.flatMap((family) =>
    ends(source, family).flatMap((here) => ends(destination, family).map((there) => [here, there] as const)),
  );
}

function side(
  world: World,
  direction: Direction,
  { subject, other }: { readonly subject: FlowEnd; readonly other: FlowEnd },
  wanted: Parameters<typeof candidates>[0]["wanted"],
): Evaluation {
  const { pod } = subject;
  if (pod === undefined) return { outcome: "Allowed", by: [], why: `no policy applies to ${subject.text}` };
  const isOwn = isOwnNode(pod, other);
  if (isOwn && direction === "Ingress")
    return { outcome: "Allowed", by: [], why: `${refText(pod.ref)} is always reached from its own node` };
  const found = settle(candidates({ side: direction, pod, other, wanted, world }));
  if (!isOwn || found.outcome !== "Denied") return found;
  const why = `${found.why}; the specification exempts traffic to a pod's own node, and network plugins differ`;
  return { ...found, outcome: "Unknown", why };
}

function isOwnNode({ node, nodeAddresses }: Pod, other: FlowEnd): boolean {
  if (other.host?.node !== undefined && other.host.node === node) return true;
  if (other.pod !== undefined || other.address === undefined) return false;
  const { family, value } = other.address;
  return nodeAddresses.some((text) => {
    const own = parseAddress(text);
    return own?.family === family && own.value === value;
  });
}

/** Certain only if all that may decide say the same. */
function settle(all: readonly Candidate[]): Evaluation {
  const [first] = all;
  const effects = new Set(all.map(({ effect }) => effect));
  if (first !== undefined && effects.size === 1 && first.effect !== "Unknown")
    return { outcome: first.effect === "Allow" ? "Allowed" : "Denied", by: first.by, why: first.why };
  const unclear = all.filter(({ effect }) => effect === "Unknown");
  const reasons = unclear.length > 0 ? unclear : all;
  return {
    outcome: "Unknown",
    by: reasons.flatMap(({ by }) => by).slice(0, 16),
    why:
      unclear[0]?.why ??
      `it is not defined which comes first: ${all
        .slice(0, 4)
        .map(({ why }) => why)
        .join("; ")}`,
  };
}

function both(egress: Evaluation, ingress: Evaluation): Evaluation {
  const order = (["Denied", "Unknown"] as const).find((one) => egress.outcome === one || ingress.outcome === one);
  if (order === undefined)
    return {
      outcome: "Allowed",
      by: [...egress.by, ...ingress.by],
      why: `egress: ${egress.why}; ingress: ${ingress.why}`,
    };
  const [of, answer] = egress.outcome === order ? (["egress", egress] as const) : (["ingress", ingress] as const);
  const other = of === "egress" ? ingress : egress;
  return {
    outcome: order,
    by: [...answer.by, ...(other.outcome === order ? other.by : [])],
    why: `${of}: ${answer.why}${other.outcome === order && other !== answer ? `; ${of === "egress" ? "ingress" : "egress"}: ${other.why}` : ""}`,
  };
}
