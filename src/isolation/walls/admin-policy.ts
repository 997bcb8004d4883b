import type { ResourceType } from "../../kube/index.ts";
import type { DnsPlace } from "./network.ts";
import { selectorOf } from "./network.ts";
import { NAMESPACE_NAME, type OpenPeer, type OpenRule, metadataRanges } from "./peers.ts";
import { type Wall, wall } from "./wall.ts";

const group = "policy.networking.k8s.io";
const common = { group, namespaced: false };

export const adminNetworkPolicyType: ResourceType = {
  ...common,
  version: "v1alpha1",
  kind: "AdminNetworkPolicy",
  plural: "adminnetworkpolicies",
};
export const clusterNetworkPolicyType: ResourceType = {
  ...common,
  version: "v1alpha2",
  kind: "ClusterNetworkPolicy",
  plural: "clusternetworkpolicies",
};

/** Which kind of policy that tenants cannot override is served, and whether it knows ranges of addresses. */
export interface AdminKind {
  readonly type: ResourceType;
  readonly networks: boolean;
}

/** Administrators' own policies come first: the lowest number decides. */
const priority = 900;
/** The API server takes 25 rules, and 25 peers of each. */
const maxRules = 20;
const maxPeers = 25;

interface AdminRule {
  readonly action: "Deny" | "Pass";
  readonly peers: readonly object[];
  readonly ports?: readonly Port[];
}

interface Port {
  readonly protocol: string;
  readonly port: number;
  readonly endPort?: number | undefined;
}

/**
 * What tenants cannot override. Declared traffic is passed on, so that the NetworkPolicies of the namespace decide; all else
 * is denied, whatever other NetworkPolicies allow. From outside of the cluster only NetworkPolicies keep apart: these kinds
 * know no addresses there.
 */
export function adminPolicy(
  namespace: string,
  rules: readonly OpenRule[],
  {
    kind,
    dns,
    imports = [],
  }: {
    readonly kind: AdminKind;
    readonly dns: DnsPlace | undefined;
    /** TCP ports that imports of models need, wherever they lead; none where nothing is imported. */
    readonly imports?: readonly number[] | undefined;
  },
): Wall {
  const everyPod = { namespaces: {} };
  const networks = (ranges: readonly string[]) => (kind.networks ? [{ networks: ranges }] : []);
  const ingress: AdminRule[] = [...passing(rules, "Ingress", false), { action: "Deny", peers: [everyPod] }];
  const egress: AdminRule[] = [
    ...(kind.networks ? [{ action: "Deny" as const, peers: networks(metadataRanges) }] : []),
    ...(dns === undefined ? [] : [dnsRule(dns)]),
    ...passing(rules, "Egress", kind.networks),
    // A rule here cannot tell which pod asks: that only import pods may is left to the NetworkPolicies.
    ...(imports.length === 0 ? [] : [importRule(imports, [everyPod, ...networks(["0.0.0.0/0", "::/0"])])]),
    { action: "Deny", peers: [everyPod, ...networks(["0.0.0.0/0", "::/0"])] },
  ];
  const written = writer(kind.type);
  const spec = {
    ...(kind.type.kind === "ClusterNetworkPolicy" ? { tier: "Admin" } : {}),
    priority,
    subject: { namespaces: { matchLabels: { [NAMESPACE_NAME]: namespace } } },
    ingress: ingress.map((rule, index) => written(rule, "from", `in-${index}`)),
    egress: egress.map((rule, index) => written(rule, "to", `out-${index}`)),
  };
  return wall(kind.type, namespace, `mlsecops-${namespace}`, { spec });
}

function importRule(ports: readonly number[], peers: readonly object[]): AdminRule {
  const dns = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
  const others = ports.filter((port) => port !== 53).map((port) => ({ protocol: "TCP", port }));
  return { action: "Pass", peers, ports: [...dns, ...others] };
}

function dnsRule({ namespace, podLabels }: DnsPlace): AdminRule {
  const ports = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
  return { action: "Pass", peers: [podsOf({ kind: "Pods", namespace, pods: podLabels })], ports };
}

/** One for each rule; where these are too many, all of their peers at once, and the NetworkPolicies decide on ports. */
function passing(
  rules: readonly OpenRule[],
  direction: OpenRule["direction"],
  networks: boolean,
): readonly AdminRule[] {
  const usable = rules
    .filter((one) => one.direction === direction)
    .map(({ rule, peers, hosts }) => ({
      ports: rule.ports,
      // Where a name leads is not known here.
      peers:
        hosts.length > 0 && networks ? [...peers.flatMap(peerOf(networks)), anywhere] : peers.flatMap(peerOf(networks)),
    }))
    .filter(({ peers }) => peers.length > 0);
  if (usable.length <= maxRules) return usable.map(({ peers, ports }) => ({ action: "Pass", peers, ports }));
  const all = new Map(usable.flatMap(({ peers }) => peers).map((peer) => [JSON.stringify(peer), peer]));
  const chunks: AdminRule[] = [];
  const peers = [...all.values()];
  for (let from = 0; from < peers.length; from += maxPeers)
    chunks.push({ action: "Pass", peers: peers.slice(from, from + maxPeers) });
  return chunks;
}

const anywhere = { networks: ["0.0.0.0/0", "::/0"] };

function peerOf(networks: boolean): (peer: OpenPeer) => readonly object[] {
  return (peer) => (peer.kind === "Pods" ? [podsOf(peer)] : networks ? [{ networks: [peer.cidr] }] : []);
}

function podsOf({ namespace, pods }: Extract<OpenPeer, { readonly kind: "Pods" }>): object {
  const namespaceSelector = { matchLabels: { [NAMESPACE_NAME]: namespace } };
  return { pods: { namespaceSelector, podSelector: selectorOf(pods) } };
}

function writer({ kind }: ResourceType): (rule: AdminRule, side: "from" | "to", name: string) => object {
  const isCluster = kind === "ClusterNetworkPolicy";
  return ({ action, peers, ports }, side, name) => ({
    name,
    action,
    [side]: peers,
    ...(ports === undefined ? {} : isCluster ? { protocols: ports.map(clusterPort) } : { ports: ports.map(adminPort) }),
  });
}

function adminPort({ protocol, port, endPort }: Port): object {
  return endPort !== undefined && endPort > port
    ? { portRange: { protocol, start: port, end: endPort } }
    : { portNumber: { protocol, port } };
}

function clusterPort({ protocol, port, endPort }: Port): object {
  const destinationPort =
    endPort !== undefined && endPort > port ? { range: { start: port, end: endPort } } : { number: port };
  return { [protocol.toLowerCase()]: { destinationPort } };
}
