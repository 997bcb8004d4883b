import type { ResourceType } from "../../kube/index.ts";
import { type DnsPlace, policyName, selectorOf } from "./network.ts";
import { type OpenRule, metadataRanges } from "./peers.ts";
import { type Wall, opening } from "./wall.ts";

export const ciliumNetworkPolicyType: ResourceType = {
  group: "cilium.io",
  version: "v2",
  kind: "CiliumNetworkPolicy",
  plural: "ciliumnetworkpolicies",
  namespaced: true,
};

/**
 * Hosts by name, which only Cilium enforces: it learns their addresses from the answers of the cluster's DNS, so each policy
 * has pods ask there. A name may lead to any address; to the metadata service of a cloud it does not.
 */
export function hostPolicy(
  namespace: string,
  { rule, direction, hosts }: OpenRule,
  { namespace: of, podLabels }: DnsPlace,
): Wall | undefined {
  if (hosts.length === 0) return undefined;
  const toFQDNs = hosts.map((host) => (host.startsWith("*.") ? { matchPattern: host } : { matchName: host }));
  const ports = rule.ports.map(({ protocol, port, endPort }) => ({
    port: String(port),
    protocol,
    ...(endPort === undefined || endPort === port ? {} : { endPort }),
  }));
  const dnsPods = Object.entries(podLabels).map(([key, value]) => [`k8s:${key}`, value] as const);
  const spec = {
    endpointSelector: selectorOf(rule.pods ?? {}),
    egress: [
      { toFQDNs, toPorts: [{ ports }] },
      {
        toEndpoints: [{ matchLabels: { "k8s:io.kubernetes.pod.namespace": of, ...Object.fromEntries(dnsPods) } }],
        toPorts: [{ ports: [{ port: "53", protocol: "ANY" }], rules: { dns: [{ matchPattern: "*" }] } }],
      },
    ],
    egressDeny: [{ toCIDR: metadataRanges }],
  };
  return opening(ciliumNetworkPolicyType, namespace, `${policyName({ rule, direction })}-names`, { spec });
}
