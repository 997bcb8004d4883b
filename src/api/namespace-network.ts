import { isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { ObjectName, ShortName, mapList, matching, shown, withRules } from "./schema.ts";

const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const labelKey = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Pods by their labels; all of these must be there. An empty map would be all pods, which is written by leaving it out. */
export const PodLabels = withRules(
  z.record(
    matching(z.string().max(317), labelKey, "write the key of a label, for example app.kubernetes.io/name"),
    matching(z.string().max(63), labelValue, "write the value of a label: at most 63 of A-Z, a-z, 0-9, -, _ and ."),
  ),
  {
    rule: "self.size() >= 1 && self.size() <= 8",
    message: "write between one and eight labels; for all pods leave the field out",
    holds: (labels) => Object.keys(labels).length >= 1 && Object.keys(labels).length <= 8,
  },
).meta({ maxProperties: 8 });

/** An address range, as NetworkPolicy knows it. */
export const Cidr = withRules(
  z.string().min(3).max(43),
  {
    rule: "isCIDR(self)",
    message: "write a range of addresses, for example 10.20.0.0/16 or 2001:db8::/48",
    holds: (text) => parseCidr(text) !== undefined,
  },
  {
    rule: "!isCIDR(self) || cidr(self) == cidr(self).masked()",
    message:
      "the address has bits set behind the prefix: write its first address, for example 10.20.0.0/16 and not 10.20.3.4/16",
    holds: (text) => parseCidr(text)?.hostBits !== true,
  },
);

/** Where the cloud tells a machine its credentials, link-local, is never declared; a wider range leaves it out by itself. */
const noMetadata = {
  rule: "!isCIDR(self.block) || !(cidr('169.254.0.0/16').containsCIDR(self.block) || cidr('fe80::/10').containsCIDR(self.block))",
  message:
    "link-local addresses, with the metadata service of clouds among them, cannot be declared: give pods an identity of their own instead",
} as const;

const CidrPeer = withRules(
  z.strictObject({
    block: shown(Cidr, "block: 10.20.0.0/16"),
    except: z.array(Cidr).max(16).describe("Ranges inside the block that are left out.").optional(),
  }),
  noMetadata,
  {
    rule: "!has(self.except) || !isCIDR(self.block) || self.except.all(e, !isCIDR(e) || cidr(self.block).containsCIDR(e))",
    message: "each range in except must lie inside the block",
  },
);

const NamespacePeer = z.strictObject({
  name: shown(ShortName.describe("The name of a SecureNamespace."), "name: feature-store"),
  pods: PodLabels.describe("Which pods there; all if left out.").optional(),
});

const Hostname = matching(
  z.string().max(253),
  /^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
  "write a host name, for example api.example.com or *.example.com",
);

const oneOf = (...fields: readonly string[]) => ({
  rule: `[${fields.map((field) => `has(self.${field})`).join(", ")}].filter(x, x).size() == 1`,
  message: `write exactly one of ${fields.join(", ")}`,
  holds: (peer: object) => fields.filter((field) => field in peer).length === 1,
});

const shared = {
  secureNamespace: NamespacePeer.describe("Pods of another SecureNamespace, by name.").optional(),
  pods: PodLabels.describe("Pods of this namespace.").optional(),
  cidr: CidrPeer.describe("Addresses outside the cluster.").optional(),
};

const IngressPeer = withRules(z.strictObject(shared), oneOf("secureNamespace", "pods", "cidr"));
const EgressPeer = withRules(
  z.strictObject({
    ...shared,
    fqdn: Hostname.describe(
      "A host by name. Only where the cluster's network can enforce names (Cilium); elsewhere the condition Ready says FqdnNotEnforceable and nothing is opened.",
    ).optional(),
  }),
  oneOf("secureNamespace", "pods", "cidr", "fqdn"),
);

const Port = withRules(
  z.strictObject({
    port: shown(z.int().min(1).max(65535), "port: 8080"),
    endPort: z.int().min(1).max(65535).describe("The last port of a range that begins with port.").optional(),
    protocol: z.enum(["TCP", "UDP", "SCTP"]).default("TCP"),
  }),
  {
    rule: "!has(self.endPort) || self.endPort >= self.port",
    message: "endPort must not be less than port",
    holds: ({ port, endPort }) => endPort === undefined || endPort >= port,
  },
);

const common = {
  name: shown(
    ShortName.describe("What this is for; it appears in status and in the NetworkPolicy."),
    "name: predictions",
  ),
  pods: PodLabels.describe("Which pods of this namespace; all if left out.").optional(),
  ports: shown(z.array(Port).min(1).max(16), "ports: [{port: 8080}]"),
};

export const IngressRule = z.strictObject({
  ...common,
  from: shown(z.array(IngressPeer).min(1).max(16), "from: [{secureNamespace: {name: gateway}}]"),
});
export type IngressRule = z.output<typeof IngressRule>;

export const EgressRule = z.strictObject({
  ...common,
  to: shown(z.array(EgressPeer).min(1).max(16), "to: [{secureNamespace: {name: feature-store}}]"),
});
export type EgressRule = z.output<typeof EgressRule>;

export const exposableKinds = ["Service", "Ingress", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"] as const;

const Exposed = z.strictObject({
  kind: z.enum(exposableKinds),
  name: shown(ObjectName, "name: predictions"),
});

/** What may be reached from and to; all else is cut. */
export const NamespaceNetwork = z.strictObject({
  dns: z
    .enum(["Cluster", "None"])
    .describe("Whether pods may ask the cluster's DNS. Every profile has Cluster.")
    .default("Cluster"),
  ingress: mapList(z.array(IngressRule).max(32), "name").describe("Who may reach pods of this namespace.").default([]),
  egress: mapList(z.array(EgressRule).max(32), "name").describe("What pods of this namespace may reach.").default([]),
  exposed: mapList(z.array(Exposed).max(32), "kind", "name")
    .describe(
      "Objects of this namespace that may lead to its pods from outside the cluster: Services of type NodePort or LoadBalancer, Ingresses, routes of the Gateway API. Any other is a breach.",
    )
    .default([]),
});
export type NamespaceNetwork = z.output<typeof NamespaceNetwork>;

/** A range of addresses taken apart; undefined when it is none. Not for addresses with an embedded IPv4 part. */
export function parseCidr(
  text: string,
): { readonly family: 4 | 6; readonly bits: number; readonly hostBits: boolean } | undefined {
  const [, address = "", prefix = ""] = /^([0-9a-fA-F.:]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const bits = Number(prefix);
  if (prefix === "" || (prefix.length > 1 && prefix.startsWith("0"))) return undefined;
  if (isIPv4(address)) {
    const value = address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    return bits > 32 ? undefined : { family: 4, bits, hostBits: hasHostBits(value, 32 - bits) };
  }
  if (!isIPv6(address) || address.includes(".")) return undefined;
  return bits > 128 ? undefined : { family: 6, bits, hostBits: hasHostBits(ipv6Value(address), 128 - bits) };
}

function hasHostBits(value: bigint, bits: number): boolean {
  return (value & ((1n << BigInt(bits)) - 1n)) !== 0n;
}

function ipv6Value(address: string): bigint {
  const [head = "", tail] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [left, right] = [groups(head), tail === undefined ? [] : groups(tail)];
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}
