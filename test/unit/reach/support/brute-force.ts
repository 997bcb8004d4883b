/**
 * NetworkPolicies and their administrative tiers, read off the specification as naively as can be: raw objects, no sets, no
 * normal forms, and nothing of src. Where something is not known or not defined, every way it may be is gone through.
 */
import type { RawObject, RawPeer, RawPod, RawPolicy, RawPolicySpec, RawPort, RawSelector } from "./raw.ts";

export type Answer = "Allowed" | "Denied" | "Unknown";
export type Side = "Ingress" | "Egress";
type Choices = readonly boolean[];

export interface Cluster {
  readonly namespaces: readonly RawObject[];
  readonly pods: readonly RawPod[];
  readonly policies: readonly RawPolicy[];
  readonly admin: readonly RawObject[];
}

export type Party = RawPod | string;

export interface Attempt {
  readonly from: Party;
  readonly to: Party;
  readonly protocol: string;
  readonly port: number;
}

/** One end, with one address. */
interface Peer {
  readonly pod: RawPod | undefined;
  readonly ip: string | undefined;
}

export function bruteForce(cluster: Cluster, attempt: Attempt): Answer {
  const from = partyOf(cluster, attempt.from);
  const to = partyOf(cluster, attempt.to);
  for (const { pod } of [from, to]) if (["Succeeded", "Failed"].includes(pod?.status.phase ?? "")) return "Denied";
  if (from.pod !== undefined && from.pod === to.pod) return "Allowed";
  const answers: Answer[] = [];
  for (const isV6 of [false, true]) {
    const [a, b] = [ofFamily(from.ips, isV6), ofFamily(to.ips, isV6)];
    if (a === "none" || b === "none") continue;
    const [here, there] = [
      { pod: from.pod, ip: a },
      { pod: to.pod, ip: b },
    ];
    const sides = [
      answerOf(cluster, "Egress", [here, there], attempt),
      answerOf(cluster, "Ingress", [there, here], attempt),
    ];
    answers.push(sides.includes("Denied") ? "Denied" : sides.includes("Unknown") ? "Unknown" : "Allowed");
  }
  return answers.includes("Allowed") ? "Allowed" : answers.includes("Unknown") ? "Unknown" : "Denied";
}

function partyOf(cluster: Cluster, party: Party): { pod: RawPod | undefined; ips: readonly string[] } {
  if (typeof party !== "string") return { pod: party, ips: (party.status.podIPs ?? []).map(({ ip }) => ip) };
  const pod = cluster.pods.find(
    ({ spec, status }) =>
      spec.hostNetwork !== true &&
      !["Succeeded", "Failed"].includes(status.phase ?? "") &&
      (status.podIPs ?? []).some(({ ip }) => ip === party),
  );
  return { pod, ips: [party] };
}

/** "none" where there are only addresses of the other family; undefined before there are any. */
function ofFamily(ips: readonly string[], isV6: boolean): string | undefined {
  if (ips.length === 0) return undefined;
  return ips.find((ip) => ip.includes(":") === isV6) ?? "none";
}

/** What may come of one side, as the specification leaves it open. */
function answerOf(cluster: Cluster, side: Side, [subject, other]: readonly [Peer, Peer], attempt: Attempt): Answer {
  const { pod } = subject;
  if (pod === undefined || pod.spec.hostNetwork === true) return "Allowed";
  const isNode =
    (other.pod?.spec.hostNetwork === true && other.pod.spec.nodeName === pod.spec.nodeName) ||
    ((other.pod === undefined || other.pod.spec.hostNetwork === true) &&
      (pod.status.hostIPs ?? []).some(({ ip }) => ip === other.ip));
  if (isNode && side === "Ingress") return "Allowed";
  const outcomes = new Set(sideOutcomes(cluster, side, [pod, other], attempt));
  if (outcomes.size > 1) return "Unknown";
  if (outcomes.has(true)) return "Allowed";
  return isNode ? "Unknown" : "Denied";
}

export function sideOutcomes(
  cluster: Cluster,
  side: Side,
  [pod, other]: readonly [RawPod, Peer],
  attempt: Attempt,
): readonly boolean[] {
  const ask = { cluster, side, pod, other, attempt };
  return throughTier(ask, "Admin").flatMap((verdict) => {
    if (verdict === "Allow" || verdict === "Accept") return [true];
    if (verdict === "Deny") return [false];
    const own = namespacedOutcomes(cluster.policies, ask);
    if (own !== undefined) return own;
    return throughTier(ask, "Baseline").map((last) => last !== "Deny");
  });
}

interface Ask {
  readonly cluster: Cluster;
  readonly side: Side;
  readonly pod: RawPod;
  readonly other: Peer;
  readonly attempt: Attempt;
}

/** Undefined: no policy selects the pod. */
export function namespacedOutcomes(policies: readonly RawPolicy[], ask: Ask): readonly boolean[] | undefined {
  const { pod, side } = ask;
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace &&
      typesOf(spec).includes(side) &&
      selects(spec.podSelector, pod.metadata.labels),
  );
  if (selecting.length === 0) return undefined;
  let maybe = false;
  for (const { metadata, spec } of selecting) {
    for (const rule of (side === "Ingress" ? spec.ingress : spec.egress) ?? []) {
      const ports = rule.ports ?? [];
      if (ports.length > 0 && !ports.some((port) => isPort(port, ask))) continue;
      const peers = (side === "Ingress" ? rule.from : rule.to) ?? [];
      if (peers.length === 0) return [true];
      for (const peer of peers) {
        const choices = isPeer(peer, metadata.namespace ?? "", ask);
        if (!choices.includes(false)) return [true];
        if (choices.includes(true)) maybe = true;
      }
    }
  }
  return maybe ? [true, false] : [false];
}

export function typesOf({ policyTypes, egress }: RawPolicySpec): readonly string[] {
  if (policyTypes !== undefined && policyTypes.length > 0) return policyTypes;
  return egress !== undefined && egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
}

export function selects(selector: RawSelector | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const has = key in labels;
    if (operator === "In" && !(has && values.includes(labels[key] ?? ""))) return false;
    if (operator === "NotIn" && has && values.includes(labels[key] ?? "")) return false;
    if (operator === "Exists" && !has) return false;
    if (operator === "DoesNotExist" && has) return false;
  }
  return true;
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: RawPeer, own: string, { cluster, other }: Ask): Choices {
  if (ipBlock !== undefined) {
    const { ip } = other;
    if (ip === undefined) return [true, false];
    return [isInside(ip, ipBlock.cidr) && !(ipBlock.except ?? []).some((hole) => isInside(ip, hole))];
  }
  const { pod } = other;
  if (pod === undefined || pod.spec.hostNetwork === true) return [false];
  if (podSelector !== undefined && !selects(podSelector, pod.metadata.labels)) return [false];
  if (namespaceSelector === undefined) return [pod.metadata.namespace === own];
  return [selects(namespaceSelector, namespaceLabels(cluster, pod.metadata.namespace))];
}

function namespaceLabels({ namespaces }: Cluster, name: string | undefined): Readonly<Record<string, string>> {
  const found = namespaces.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no namespace ${name ?? ""}`);
  return found.metadata.labels ?? {};
}

function isPort({ protocol = "TCP", port, endPort }: RawPort, ask: Ask): boolean {
  const { attempt } = ask;
  if (protocol !== attempt.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === "string")
    return namedPorts(ask, port).some(([of, number]) => of === protocol && number === attempt.port);
  for (let number = port; number <= (endPort ?? port); number++) if (number === attempt.port) return true;
  return false;
}

/** Those that the destination calls so. */
function namedPorts({ side, pod, other }: Ask, name: string): readonly (readonly [string, number])[] {
  const destination = side === "Ingress" ? pod : other.pod;
  if (destination === undefined || destination.spec.hostNetwork === true) return [];
  const { containers, initContainers = [] } = destination.spec;
  return [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === "Always")]
    .flatMap(({ ports = [] }) => ports)
    .filter((port) => port.name === name)
    .map((port) => [port.protocol ?? "TCP", port.containerPort]);
}

/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return -- objects of two APIs, as they are written */
type Verdict = "Allow" | "Accept" | "Deny" | "Pass" | "None";

/** Every verdict that is possible, over each order that the priorities leave open. */
function throughTier(ask: Ask, tier: "Admin" | "Baseline"): readonly Verdict[] {
  const inTier = ask.cluster.admin.filter((policy: any) =>
    policy.kind === "ClusterNetworkPolicy"
      ? policy.spec.tier === tier
      : (policy.kind === "AdminNetworkPolicy") === (tier === "Admin"),
  );
  const verdicts = new Set<Verdict>();
  for (const order of permutations(inTier))
    if (isAsPrioritised(order)) for (const one of inOrder(order, ask)) verdicts.add(one);
  return [...verdicts];
}

function isAsPrioritised(order: readonly any[]): boolean {
  return order.every((later, at) =>
    order
      .slice(0, at)
      .every((earlier) => earlier.kind !== later.kind || (earlier.spec.priority ?? 0) <= (later.spec.priority ?? 0)),
  );
}

function inOrder(order: readonly any[], ask: Ask): readonly Verdict[] {
  const rules = order.flatMap((policy) => {
    const { namespaces, pods } = policy.spec.subject;
    const selector = namespaces ?? pods.namespaceSelector;
    const isSubject =
      selects(selector, namespaceLabels(ask.cluster, ask.pod.metadata.namespace)) &&
      selects(pods?.podSelector, ask.pod.metadata.labels);
    return isSubject ? (policy.spec[ask.side.toLowerCase()] ?? []) : [];
  });
  const verdicts: Verdict[] = [];
  for (const rule of rules) {
    const choices = isAdminRule(rule, ask);
    if (choices.includes(true)) verdicts.push(rule.action);
    if (!choices.includes(false)) return verdicts;
  }
  return [...verdicts, "None"];
}

function isAdminRule(rule: any, ask: Ask): Choices {
  const ports: readonly any[] = rule.ports ?? rule.protocols ?? [];
  if (ports.length > 0 && !ports.some((port) => isAdminPort(port, ask))) return [false];
  const choices = (rule.from ?? rule.to).map((peer: any) => isAdminPeer(peer, ask)) as readonly Choices[];
  if (choices.some((one) => !one.includes(false))) return [true];
  return choices.some((one) => one.includes(true)) ? [true, false] : [false];
}

function isAdminPeer({ namespaces, pods, networks, nodes, domainNames }: any, { cluster, other }: Ask): Choices {
  const real = other.pod?.spec.hostNetwork === true ? undefined : other.pod;
  if (networks !== undefined)
    return other.ip === undefined
      ? [true, false]
      : [networks.some((network: string) => isInside(other.ip ?? "", network))];
  if (nodes !== undefined || domainNames !== undefined) return real === undefined ? [true, false] : [false];
  if (real === undefined) return [false];
  const labels = namespaceLabels(cluster, real.metadata.namespace);
  if (namespaces !== undefined) return [selects(namespaces, labels)];
  return [selects(pods.namespaceSelector, labels) && selects(pods.podSelector, real.metadata.labels)];
}

function isAdminPort({ portNumber, namedPort, portRange, destinationNamedPort, ...rest }: any, ask: Ask): boolean {
  const { attempt } = ask;
  const name = namedPort ?? destinationNamedPort;
  if (name !== undefined)
    return namedPorts(ask, name).some(([of, number]) => of === attempt.protocol && number === attempt.port);
  if (portNumber !== undefined)
    return (portNumber.protocol ?? "TCP") === attempt.protocol && portNumber.port === attempt.port;
  if (portRange !== undefined)
    return (
      (portRange.protocol ?? "TCP") === attempt.protocol &&
      portRange.start <= attempt.port &&
      attempt.port <= portRange.end
    );
  const match = rest[attempt.protocol.toLowerCase()];
  if (match === undefined) return false;
  const { number, range } = match.destinationPort ?? {};
  if (number !== undefined) return number === attempt.port;
  return range === undefined || (range.start <= attempt.port && attempt.port <= range.end);
}
/* eslint-enable */

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) =>
    permutations([...items.slice(0, at), ...items.slice(at + 1)]).map((rest) => [item, ...rest]),
  );
}

export function isInside(ip: string, cidr: string): boolean {
  const [network = "", length = ""] = cidr.split("/");
  if (ip.includes(":") !== network.includes(":")) return false;
  return bitsOf(ip).slice(0, Number(length)) === bitsOf(network).slice(0, Number(length));
}

function bitsOf(ip: string): string {
  if (!ip.includes(":"))
    return ip
      .split(".")
      .map((part) => Number(part).toString(2).padStart(8, "0"))
      .join("");
  const missing = 8 - ip.split(":").filter((part) => part !== "").length;
  return ip
    .replace("::", `:${"0:".repeat(missing)}`)
    .split(":")
    .filter((part) => part !== "")
    .map((part) => Number.parseInt(part, 16).toString(2).padStart(16, "0"))
    .join("");
}
