import { z } from "zod";
import { type Ranges, parseCidr, union } from "./addresses.ts";
import { type Selector, LabelSelector, everything } from "./labels.ts";
import type { Direction } from "./network-policy.ts";
import { type PortMatch, type Ports, PortNumber, Protocol, everyPort } from "./ports.ts";
import { optional } from "./optional.ts";

/**
 * AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1) and ClusterNetworkPolicy (v1alpha2) of
 * policy.networking.k8s.io, in one shape. Cluster administrators write them; tenants cannot override the tier Admin.
 */
export type Tier = "Admin" | "Baseline";

export type AdminPeer =
  | { readonly kind: "Pods"; readonly namespaces: Selector; readonly pods: Selector }
  | { readonly kind: "Networks"; readonly ranges: Ranges; readonly text: string }
  | { readonly kind: "Nodes"; readonly nodes: Selector }
  | { readonly kind: "Domains"; readonly domains: readonly string[] };

export interface AdminRule {
  readonly action: "Allow" | "Deny" | "Pass";
  readonly peers: readonly AdminPeer[];
  readonly ports: Ports;
}

/** Host-networked pods are no subjects. */
export interface Subject {
  readonly namespaces: Selector;
  readonly pods: Selector;
}

export interface AdminPolicySpec {
  readonly tier: Tier;
  /** The lowest comes first. Which of equals comes first is not defined. */
  readonly priority: number;
  readonly subject: Subject;
  readonly rules: Readonly<Record<Direction, readonly AdminRule[]>>;
}

const NamespacedPod = z
  .strictObject({ namespaceSelector: optional(LabelSelector), podSelector: LabelSelector })
  .transform(({ namespaceSelector, podSelector }): Subject => ({
    namespaces: namespaceSelector ?? everything,
    pods: podSelector,
  }));

/** Exactly one field of several is set; the CRDs say so by MinProperties and MaxProperties. */
function oneOf(value: object): boolean {
  return Object.values(value).filter((field) => field !== undefined).length === 1;
}
const oneField = { message: "exactly one field must be set, of those that are known here" };

export const SubjectSchema = z
  .strictObject({ namespaces: optional(LabelSelector), pods: optional(NamespacedPod) })
  .refine(oneOf, oneField)
  .transform(({ namespaces, pods }): Subject => pods ?? { namespaces: namespaces ?? everything, pods: everything });

const Networks = z
  .array(z.string())
  .min(1)
  .transform((texts, context): { readonly ranges: Ranges; readonly text: string } => {
    const sets = texts.map((text) => {
      const ranges = parseCidr(text);
      if (ranges === undefined) context.addIssue({ code: "custom", message: `${text} is no address range` });
      return ranges ?? [];
    });
    return { ranges: union(...sets), text: texts.join(", ") };
  });

const podPeers = { namespaces: optional(LabelSelector), pods: optional(NamespacedPod) };
const otherPeers = {
  nodes: optional(LabelSelector),
  networks: optional(Networks),
  domainNames: optional(z.array(z.string().min(1)).min(1)),
};

const IngressPeer = z
  .strictObject(podPeers)
  .refine(oneOf, oneField)
  .transform(({ namespaces, pods }): AdminPeer => ({
    kind: "Pods",
    ...(pods ?? { namespaces: namespaces ?? everything, pods: everything }),
  }));

const EgressPeer = z
  .strictObject({ ...podPeers, ...otherPeers })
  .refine(oneOf, oneField)
  .transform(({ namespaces, pods, nodes, networks, domainNames }): AdminPeer => {
    if (networks !== undefined) return { kind: "Networks", ...networks };
    if (nodes !== undefined) return { kind: "Nodes", nodes };
    if (domainNames !== undefined) return { kind: "Domains", domains: domainNames };
    return { kind: "Pods", ...(pods ?? { namespaces: namespaces ?? everything, pods: everything }) };
  });

const NumberRange = z
  .strictObject({ start: PortNumber, end: PortNumber })
  .refine(({ start, end }) => start <= end, { message: "start must not be after end" });

/** v1alpha1. The protocol defaults to TCP. */
const AdminPort = z
  .strictObject({
    portNumber: optional(z.strictObject({ protocol: optional(Protocol), port: PortNumber })),
    namedPort: optional(z.string().min(1)),
    portRange: optional(z.strictObject({ protocol: optional(Protocol), start: PortNumber, end: PortNumber })),
  })
  .refine(oneOf, oneField)
  .transform(({ portNumber, namedPort, portRange }): PortMatch => {
    if (portNumber !== undefined)
      return { protocol: portNumber.protocol ?? "TCP", first: portNumber.port, last: portNumber.port };
    if (portRange !== undefined)
      return { protocol: portRange.protocol ?? "TCP", first: portRange.start, last: portRange.end };
    return { name: namedPort ?? "" };
  });

const DestinationPort = z
  .strictObject({ number: optional(PortNumber), range: optional(NumberRange) })
  .refine(oneOf, oneField);
const ProtocolPorts = z.strictObject({ destinationPort: optional(DestinationPort) });

/** v1alpha2. */
const ProtocolMatch = z
  .strictObject({
    tcp: optional(ProtocolPorts),
    udp: optional(ProtocolPorts),
    sctp: optional(ProtocolPorts),
    destinationNamedPort: optional(z.string().min(1)),
  })
  .refine(oneOf, oneField)
  .transform(({ tcp, udp, sctp, destinationNamedPort }): PortMatch => {
    if (destinationNamedPort !== undefined) return { name: destinationNamedPort };
    const protocol = tcp !== undefined ? "TCP" : udp !== undefined ? "UDP" : "SCTP";
    const { number, range } = (tcp ?? udp ?? sctp)?.destinationPort ?? {};
    if (number !== undefined) return { protocol, first: number, last: number };
    return range !== undefined ? { protocol, first: range.start, last: range.end } : everyPort(protocol);
  });

interface Matched {
  readonly action: "Allow" | "Accept" | "Deny" | "Pass";
  readonly from?: readonly AdminPeer[] | undefined;
  readonly to?: readonly AdminPeer[] | undefined;
  readonly ports?: readonly PortMatch[] | null | undefined;
  readonly protocols?: readonly PortMatch[] | null | undefined;
}

function ruleOf({ action, from, to, ports, protocols }: Matched): AdminRule {
  const list = ports ?? protocols ?? [];
  return {
    action: action === "Accept" ? "Allow" : action,
    peers: from ?? to ?? [],
    ports: list.length === 0 ? undefined : list,
  };
}

function rulesOf(
  actions: readonly [Matched["action"], ...Matched["action"][]],
  ports: "ports" | "protocols",
  port: z.ZodType<PortMatch>,
) {
  const common = { name: optional(z.string()), action: z.enum(actions), [ports]: optional(z.array(port)) };
  const ingress = z.strictObject({ ...common, from: z.array(IngressPeer).min(1) });
  const egress = z.strictObject({ ...common, to: z.array(EgressPeer).min(1) });
  return {
    ingress: optional(z.array(ingress.transform((rule) => ruleOf(rule as Matched)))),
    egress: optional(z.array(egress.transform((rule) => ruleOf(rule as Matched)))),
  };
}

const Priority = z.int().min(0).max(1000);

export const AdminNetworkPolicySpecSchema = z
  .object({ priority: Priority, subject: SubjectSchema, ...rulesOf(["Allow", "Deny", "Pass"], "ports", AdminPort) })
  .transform(({ priority, ...spec }) => specOf("Admin", priority, spec));

/** There is one of them, without a priority. */
export const BaselineAdminNetworkPolicySpecSchema = z
  .object({ subject: SubjectSchema, ...rulesOf(["Allow", "Deny"], "ports", AdminPort) })
  .transform((spec) => specOf("Baseline", 0, spec));

export const ClusterNetworkPolicySpecSchema = z
  .object({
    tier: z.enum(["Admin", "Baseline"]),
    priority: Priority,
    subject: SubjectSchema,
    ...rulesOf(["Accept", "Deny", "Pass"], "protocols", ProtocolMatch),
  })
  .transform(({ tier, priority, ...spec }) => specOf(tier, priority, spec));

interface ParsedRules {
  readonly subject: Subject;
  readonly ingress?: readonly AdminRule[] | null | undefined;
  readonly egress?: readonly AdminRule[] | null | undefined;
}

function specOf(tier: Tier, priority: number, { subject, ingress, egress }: ParsedRules): AdminPolicySpec {
  return { tier, priority, subject, rules: { Ingress: ingress ?? [], Egress: egress ?? [] } };
}
