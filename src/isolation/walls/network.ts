import { networkPolicyType } from "../../kube/index.ts";
import { NAMESPACE_NAME, type OpenPeer, type OpenRule, type Rule } from "./peers.ts";
import { type Wall, opening, wall } from "./wall.ts";

/** The pods that answer for the names of the cluster. */
export interface DnsPlace {
  readonly namespace: string;
  readonly podLabels: Readonly<Record<string, string>>;
}

/** All pods, both ways. Lists are written out where they are empty, so that what somebody adds to them is taken back. */
export function defaultDeny(namespace: string): Wall {
  const spec = { podSelector: {}, policyTypes: ["Ingress", "Egress"], ingress: [], egress: [] };
  return wall(networkPolicyType, namespace, "mlsecops-default-deny", { spec });
}

export function dnsPolicy(namespace: string, { namespace: of, podLabels }: DnsPlace): Wall {
  const to = [podPeer(of, podLabels)];
  const ports = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
  const spec = { podSelector: {}, policyTypes: ["Egress"], ingress: [], egress: [{ to, ports }] };
  return opening(networkPolicyType, namespace, "mlsecops-dns", { spec });
}

/** Undefined where nothing is left to open: a rule without peers would let everybody through. */
export function rulePolicy(namespace: string, { rule, direction, peers }: OpenRule): Wall | undefined {
  if (peers.length === 0) return undefined;
  const ends = peers.map((peer) => peerOf(namespace, peer));
  const ports = portsOf(rule);
  const isIngress = direction === "Ingress";
  const spec = {
    podSelector: selectorOf(rule.pods ?? {}),
    policyTypes: [direction],
    ingress: isIngress ? [{ from: ends, ports }] : [],
    egress: isIngress ? [] : [{ to: ends, ports }],
  };
  return opening(networkPolicyType, namespace, policyName({ rule, direction }), { spec });
}

export function policyName({ rule, direction }: Pick<OpenRule, "rule" | "direction">): string {
  return `mlsecops-${direction === "Ingress" ? "in" : "out"}-${rule.name}`;
}

export function selectorOf(labels: Readonly<Record<string, string>>): object {
  return Object.keys(labels).length === 0 ? {} : { matchLabels: labels };
}

function peerOf(namespace: string, peer: OpenPeer): object {
  if (peer.kind === "Pods")
    return peer.namespace === namespace ? { podSelector: selectorOf(peer.pods) } : podPeer(peer.namespace, peer.pods);
  const { cidr, except } = peer;
  return { ipBlock: { cidr, ...(except.length === 0 ? {} : { except }) } };
}

function podPeer(namespace: string, pods: Readonly<Record<string, string>>): object {
  return { namespaceSelector: { matchLabels: { [NAMESPACE_NAME]: namespace } }, podSelector: selectorOf(pods) };
}

function portsOf({ ports }: Rule): readonly object[] {
  return ports.map(({ protocol, port, endPort }) => ({
    protocol,
    port,
    ...(endPort === undefined || endPort === port ? {} : { endPort }),
  }));
}
