import type { SecureNamespaceSpec } from "../../api/index.ts";
import { containsRanges, parseCidr } from "../../reach/index.ts";
import type { WallProblem } from "./problems.ts";

type Network = SecureNamespaceSpec["network"];
export type Rule = Network["ingress"][number] | Network["egress"][number];
export type RulePeer = Network["ingress"][number]["from"][number] | Network["egress"][number]["to"][number];
type Labels = Readonly<Record<string, string>>;

/** Where clouds tell a machine who it is, and hand out its credentials. Never reached, however wide a declared range is. */
export const metadataRanges: readonly string[] = [
  "169.254.0.0/16",
  "fe80::/10",
  // Amazon's own services on each machine, with the credentials of instances and of pods.
  "fd00:ec2::/32",
  "fd20:ce::254/128",
  "168.63.129.16/32",
  "100.100.100.200/32",
  "192.0.0.192/32",
];

/** Set by the API server itself, with the namespace's name as the value: no tenant can spoof it. */
export const NAMESPACE_NAME = "kubernetes.io/metadata.name";

/** What is left of a declared peer: something that a NetworkPolicy can say. */
export type OpenPeer =
  | { readonly kind: "Pods"; readonly namespace: string; readonly pods: Labels }
  | { readonly kind: "Block"; readonly cidr: string; readonly except: readonly string[] };

export interface OpenRule {
  readonly rule: Rule;
  readonly direction: "Ingress" | "Egress";
  readonly peers: readonly OpenPeer[];
  /** Hosts by name. Only where they can be enforced. */
  readonly hosts: readonly string[];
}

export interface PeerContext {
  readonly namespace: string;
  /** Whether there is a SecureNamespace of that name. */
  readonly isSecured: (namespace: string) => boolean;
  /** Whether the cluster's network can enforce names of hosts. */
  readonly enforcesNames: boolean;
}

/** What may be opened of the declared rules, and why the rest may not. Pure. */
export function openRules(
  network: Network,
  context: PeerContext,
): { readonly rules: readonly OpenRule[]; readonly problems: readonly WallProblem[] } {
  const problems: WallProblem[] = [];
  const declared = [
    ...network.ingress.map((rule) => ({
      rule,
      direction: "Ingress" as const,
      peers: rule.from,
    })),
    ...network.egress.map((rule) => ({ rule, direction: "Egress" as const, peers: rule.to })),
  ];
  const rules = declared.map(({ rule, direction, peers }): OpenRule => {
    const where = `spec.network.${direction.toLowerCase()} ${rule.name}`;
    const open: OpenPeer[] = [];
    const hosts: string[] = [];
    for (const peer of peers) {
      const result = openPeer(peer, context);
      if ("reason" in result) problems.push({ ...result, message: `${where}: ${result.message}` });
      else if ("host" in result) hosts.push(result.host);
      else open.push(result);
    }
    return { rule, direction, peers: open, hosts };
  });
  return { rules, problems };
}

function openPeer(
  { secureNamespace, pods, cidr, ...rest }: RulePeer,
  { namespace, isSecured, enforcesNames }: PeerContext,
): OpenPeer | { readonly host: string } | WallProblem {
  if (secureNamespace !== undefined) {
    const { name, pods: selected = {} } = secureNamespace;
    if (isSecured(name)) return { kind: "Pods", namespace: name, pods: selected };
    const message = `there is no SecureNamespace ${name}, so nothing is opened for it: create it, or correct the name`;
    return { reason: "PeerMissing", message };
  }
  if (cidr !== undefined) return openBlock(cidr);
  if (pods !== undefined) return { kind: "Pods", namespace, pods };
  const fqdn = "fqdn" in rest ? rest.fqdn : undefined;
  if (fqdn !== undefined && enforcesNames) return { host: fqdn };
  const message = `the cluster's network cannot enforce the name ${fqdn ?? ""}, so nothing is opened for it: declare the addresses with cidr, or use Cilium`;
  return { reason: "FqdnNotEnforceable", message };
}

function openBlock({
  block,
  except = [],
}: {
  readonly block: string;
  readonly except?: readonly string[] | undefined;
}): OpenPeer | WallProblem {
  const whole = parseCidr(block);
  const isWithin = (inner: string, outer: string) => {
    const [some, all] = [parseCidr(inner), parseCidr(outer)];
    return some !== undefined && all !== undefined && containsRanges(all, some);
  };
  const cover = [...metadataRanges, ...except].find((range) => isWithin(block, range));
  if (whole === undefined || cover !== undefined) {
    const message = `nothing of ${block} may be reached (${cover ?? "no range of addresses"} is left out), so nothing is opened for it: remove it, or declare another range`;
    return { reason: "PeerEmpty", message };
  }
  // The API server refuses an exception outside of its block.
  const cut = metadataRanges.filter(
    (range) => isWithin(range, block) && !except.some((excluded) => isWithin(range, excluded)),
  );
  return { kind: "Block", cidr: block, except: [...except.filter((range) => isWithin(range, block)), ...cut] };
}
