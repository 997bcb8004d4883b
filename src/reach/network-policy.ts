import { z } from "zod";
import { type Ranges, parseCidr, without } from "./addresses.ts";
import { type Selector, LabelSelector, everything } from "./labels.ts";
import { type PortMatch, type Ports, PortNumber, Protocol, everyPort } from "./ports.ts";
import { optional } from "./optional.ts";

export type Direction = "Ingress" | "Egress";

/** Who is at the other end. Host-networked pods are addresses, never pods. */
export type Peer =
  /** `namespaces` absent: those of the policy's own namespace. */
  | { readonly kind: "Pods"; readonly namespaces?: Selector | undefined; readonly pods: Selector }
  | { readonly kind: "Block"; readonly ranges: Ranges; readonly text: string };

export interface Rule {
  /** Undefined: everybody. */
  readonly peers: readonly Peer[] | undefined;
  readonly ports: Ports;
}

export interface NetworkPolicySpec {
  readonly selector: Selector;
  /** Undefined where the policy says nothing of the direction; an empty list allows nothing. */
  readonly rules: Readonly<Record<Direction, readonly Rule[] | undefined>>;
}

const Cidr = z.string().transform((text, context): Ranges => {
  const ranges = parseCidr(text);
  if (ranges !== undefined) return ranges;
  context.addIssue({ code: "custom", message: `${text} is no address range; write it like 10.0.0.0/8 or fd00::/8` });
  return z.NEVER;
});

const IpBlock = z.strictObject({ cidr: z.string(), except: optional(z.array(Cidr)) });

// Strict within rules: a field that is not known here could widen or narrow them.
const PeerSchema = z
  .strictObject({
    podSelector: optional(LabelSelector),
    namespaceSelector: optional(LabelSelector),
    ipBlock: optional(IpBlock),
  })
  .transform(({ podSelector, namespaceSelector, ipBlock }, context): Peer => {
    const fail = (message: string): never => {
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    };
    if (ipBlock !== undefined) {
      if (podSelector !== undefined || namespaceSelector !== undefined) return fail("an ipBlock stands alone");
      const whole = parseCidr(ipBlock.cidr);
      if (whole === undefined) return fail(`${ipBlock.cidr} is no address range; write it like 10.0.0.0/8 or fd00::/8`);
      const holes = ipBlock.except ?? [];
      const text = `${ipBlock.cidr}${holes.length === 0 ? "" : ` with ${holes.length} exceptions`}`;
      return { kind: "Block", ranges: without(whole, holes.flat()), text };
    }
    if (podSelector === undefined && namespaceSelector === undefined)
      return fail("a peer needs podSelector, namespaceSelector or ipBlock");
    return { kind: "Pods", namespaces: namespaceSelector, pods: podSelector ?? everything };
  });

const PortSchema = z
  .strictObject({
    protocol: optional(Protocol),
    port: optional(z.union([PortNumber, z.string().min(1)])),
    endPort: optional(PortNumber),
  })
  .transform(({ protocol, port, endPort }, context): PortMatch => {
    const of = protocol ?? "TCP";
    if (typeof port !== "number") {
      if (endPort !== undefined) {
        context.addIssue({ code: "custom", message: "endPort needs a port number to begin with" });
        return z.NEVER;
      }
      return port === undefined ? everyPort(of) : { name: port, protocol: of };
    }
    if (endPort !== undefined && endPort < port) {
      context.addIssue({ code: "custom", message: `endPort ${endPort} is before port ${port}` });
      return z.NEVER;
    }
    return { protocol: of, first: port, last: endPort ?? port };
  });

const Peers = optional(z.array(PeerSchema));
const PortList = optional(z.array(PortSchema));
const IngressRule = z
  .strictObject({ from: Peers, ports: PortList })
  .transform(({ from, ports }) => ruleOf(from ?? [], ports ?? []));
const EgressRule = z
  .strictObject({ to: Peers, ports: PortList })
  .transform(({ to, ports }) => ruleOf(to ?? [], ports ?? []));

/** spec of networking.k8s.io/v1 NetworkPolicy, with its defaults: Ingress always, Egress if there are egress rules. */
export const NetworkPolicySpecSchema = z
  .object({
    podSelector: optional(LabelSelector),
    policyTypes: optional(z.array(z.enum(["Ingress", "Egress"]))),
    ingress: optional(z.array(IngressRule)),
    egress: optional(z.array(EgressRule)),
  })
  .transform(({ podSelector, policyTypes, ingress, egress }): NetworkPolicySpec => {
    const isSaid = policyTypes !== undefined && policyTypes.length > 0;
    const types: readonly Direction[] = isSaid
      ? policyTypes
      : egress !== undefined && egress.length > 0
        ? ["Ingress", "Egress"]
        : ["Ingress"];
    return {
      selector: podSelector ?? everything,
      rules: {
        Ingress: types.includes("Ingress") ? (ingress ?? []) : undefined,
        Egress: types.includes("Egress") ? (egress ?? []) : undefined,
      },
    };
  });

/** An empty list of peers or ports is no restriction. */
function ruleOf(peers: readonly Peer[], ports: readonly PortMatch[]): Rule {
  return { peers: peers.length === 0 ? undefined : peers, ports: ports.length === 0 ? undefined : ports };
}
