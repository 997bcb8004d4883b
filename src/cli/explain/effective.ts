/** What is in force for a SecureNamespace, each value with where it comes from. Pure. */
import type { SecureNamespace, SecureNamespaceSpec } from "../../api/index.ts";
import { containerLimitsOf, profileDefaults, quotaOf } from "../../isolation/index.ts";
import { node, type TreeNode } from "../render/tree.ts";

type Resources = Readonly<Record<string, string>>;

export function effectiveNode({ spec }: Pick<SecureNamespace, "spec">): TreeNode {
  return node("in force", "plain", [
    valueNode("podSecurity", spec.podSecurity, profileDefaults[spec.profile].podSecurity),
    valueNode("onBreach", spec.onBreach, "Report"),
    valueNode("onUngranted", spec.onUngranted, "Report"),
    valueNode("namespace", spec.namespace, "Adopt"),
    valueNode("deletionPolicy", spec.deletionPolicy, "KeepClosed"),
    networkNode(spec),
    resourcesNode("quota", quotaOf(spec), spec.quota ?? {}),
    limitsNode(spec),
    accountsNode(spec),
    peopleNode(spec),
  ]);
}

/** A value that is what the profile has anyway is said to be the profile's, whoever wrote it. */
function valueNode(field: string, value: string, byProfile: string): TreeNode {
  return node(`${field}: ${value} (${value === byProfile ? "profile" : "spec"})`);
}

function networkNode({ network }: SecureNamespaceSpec): TreeNode {
  const rules = [
    ...network.ingress.map(({ name, ports }) => node(`in: ${name}, ${portsText(ports)} (spec)`)),
    ...network.egress.map(({ name, ports }) => node(`out: ${name}, ${portsText(ports)} (spec)`)),
    ...network.exposed.map(({ kind, name }) => node(`exposed: ${kind}/${name} (spec)`)),
  ];
  return node("network: all else is cut, both ways (profile)", "plain", [
    valueNode("dns", network.dns, "Cluster"),
    ...(rules.length === 0 ? [node("no other traffic is declared (profile)")] : rules),
  ]);
}

type Ports = SecureNamespaceSpec["network"]["ingress"][number]["ports"];

function portsText(ports: Ports): string {
  return ports
    .map(({ protocol, port, endPort }) => `${protocol} ${port}${endPort === undefined ? "" : `-${endPort}`}`)
    .join(", ");
}

function resourcesNode(title: string, all: Resources, own: Resources): TreeNode {
  const entries = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  return node(
    title,
    "plain",
    entries.map(([key, value]) => node(`${key}: ${value} (${Object.hasOwn(own, key) ? "spec" : "profile"})`)),
  );
}

function limitsNode(spec: SecureNamespaceSpec): TreeNode {
  const { defaultRequest, default: limit, max } = containerLimitsOf(spec);
  return node("limits of one container", "plain", [
    resourcesNode("defaultRequest", defaultRequest, spec.limits?.defaultRequest ?? {}),
    resourcesNode("default", limit, spec.limits?.default ?? {}),
    resourcesNode("max", max, spec.limits?.max ?? {}),
  ]);
}

function accountsNode({ serviceAccounts }: SecureNamespaceSpec): TreeNode {
  const own = serviceAccounts.map(({ name }) => node(`${name} (spec)`));
  return node("ServiceAccounts, without token and without rights", "plain", [node("default (profile)"), ...own]);
}

function peopleNode({ people }: SecureNamespaceSpec): TreeNode {
  const rows = people.map(({ role, groups = [], users = [] }) =>
    node(
      `${role}: ${[...groups.map((one) => `group ${one}`), ...users.map((one) => `user ${one}`)].join(", ")} (spec)`,
    ),
  );
  return node("people", "plain", rows.length === 0 ? [node("nobody is declared (profile)")] : rows);
}
