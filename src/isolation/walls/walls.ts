import type { SecureNamespaceSpec } from "../../api/index.ts";
import { type KubeObject, roleBindingType } from "../../kube/index.ts";
import { type AdminKind, adminPolicy } from "./admin-policy.ts";
import { hostPolicy } from "./hosts.ts";
import { type DnsPlace, defaultDeny, dnsPolicy, rulePolicy } from "./network.ts";
import { openRules } from "./peers.ts";
import { probeRule } from "./probes.ts";
import type { WallProblem } from "./problems.ts";
import { accountWall, limitsWall, quotaWall } from "./resources.ts";
import { type Wall, opening } from "./wall.ts";

/** What the cluster's network knows beside NetworkPolicies. */
export interface ServedNetwork {
  /** Whether names of hosts can be enforced: cilium.io/v2 is served. */
  readonly names: boolean;
  readonly admin: AdminKind | undefined;
}

export interface WallOptions {
  readonly dns: DnsPlace;
  readonly served: ServedNetwork;
  /** Whether there is a SecureNamespace of that name. */
  readonly isSecured: (namespace: string) => boolean;
  /** Where the operator asks models of this namespace from how they are; undefined where none wants that. */
  readonly probes?: DnsPlace | undefined;
  /** TCP ports that imports of models into this namespace need; none where nothing is imported. */
  readonly imports?: readonly number[] | undefined;
  /** RoleBindings for spec.people. */
  readonly people: readonly KubeObject[];
}

export interface Walls {
  /** In the order in which they are made: what closes comes first. */
  readonly walls: readonly Wall[];
  readonly problems: readonly WallProblem[];
}

/**
 * Every object that keeps the namespace apart. Audit has only what cuts nothing: ServiceAccounts of the spec, and what
 * people get; the ServiceAccount `default` belongs to what runs there already. Pure.
 */
export function wallsOf(name: string, spec: SecureNamespaceSpec, options: WallOptions): Walls {
  const { walls: network, problems } = networkWalls(name, spec, options);
  const accounts = spec.serviceAccounts.map((account) => accountWall(name, account.name));
  const people = options.people.map(({ metadata, ...body }) => opening(roleBindingType, name, metadata.name, body));
  if (spec.enforcement === "Audit") {
    const sparing = accounts.map((account) => ({ ...account, sparesOthers: true }));
    return { walls: [...sparing, ...people], problems };
  }
  const closing = [
    ...network.filter(({ opens }) => !opens),
    quotaWall(name, spec),
    limitsWall(name, spec),
    accountWall(name, "default"),
    ...accounts,
  ];
  return { walls: [...closing, ...people, ...network.filter(({ opens }) => opens)], problems };
}

/** Those of them that decide who reaches whom, also while nothing is enforced. Pure. */
export function networkWalls(
  name: string,
  { network }: Pick<SecureNamespaceSpec, "network">,
  { dns, served, isSecured, probes, imports }: Pick<WallOptions, "dns" | "served" | "isSecured" | "probes" | "imports">,
): Walls {
  const declared = openRules(network, { namespace: name, isSecured, enforcesNames: served.names });
  const rules = [...declared.rules, ...(probes === undefined ? [] : [probeRule(probes)])];
  const asks = network.dns === "Cluster" ? dns : undefined;
  const walls = [
    defaultDeny(name),
    ...(served.admin === undefined ? [] : [adminPolicy(name, rules, { kind: served.admin, dns: asks, imports })]),
    ...(asks === undefined ? [] : [dnsPolicy(name, asks)]),
    ...rules.flatMap((rule) => [rulePolicy(name, rule) ?? [], hostPolicy(name, rule, dns) ?? []].flat()),
  ];
  return { walls, problems: declared.problems };
}
