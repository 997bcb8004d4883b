/** A small world in which everything meets everything: few labels, few addresses, few ports. */
import fc from "fast-check";
import type { Attempt, Cluster, Party } from "./brute-force.ts";
import {
  type RawObject,
  type RawPeer,
  type RawPod,
  type RawPolicy,
  type RawPolicySpec,
  type RawPort,
  type RawRule,
  type RawSelector,
  adminPolicy,
  namespace,
  pod,
  policy,
} from "./raw.ts";

export const home = "home";
const names = [home, "away", "far"] as const;
export const outside = ["10.1.0.1", "10.0.0.200", "192.0.2.7", "fd00:1::1", "172.16.0.1", "172.16.0.2", "172.16.0.9"];
const cidrs = [
  "0.0.0.0/0",
  "::/0",
  "10.0.0.0/8",
  "10.0.0.0/24",
  "10.0.0.0/29",
  "10.0.0.3/32",
  "192.0.2.0/24",
  "fd00::/16",
  "172.16.0.0/16",
];
export const portNumbers = [1, 53, 80, 81, 443, 65_535];
const protocols = ["TCP", "UDP", "SCTP"] as const;
const portNames = ["http", "dns"];

const maybe = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined });

/** Without the keys that are not there. */
function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K] | undefined> }): fc.Arbitrary<T> {
  return fc
    .record(model as Record<string, fc.Arbitrary<unknown>>)
    .map((value) => Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T);
}

const key = fc.constantFrom("app", "tier");
const value = fc.constantFrom("a", "b", "c");
const labels = fc.dictionary(key, value, { maxKeys: 2 });

const requirement = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
);

export const selector: fc.Arbitrary<RawSelector> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  {
    weight: 3,
    arbitrary: fc.dictionary(key, value, { minKeys: 1, maxKeys: 1 }).map((matchLabels) => ({ matchLabels })),
  },
  {
    weight: 2,
    arbitrary: fc.array(requirement, { minLength: 1, maxLength: 2 }).map((matchExpressions) => ({ matchExpressions })),
  },
);

const namespaceSelector: fc.Arbitrary<RawSelector> = fc.oneof(
  selector,
  fc.constantFrom(...names).map((name) => ({ matchLabels: { "kubernetes.io/metadata.name": name } })),
);

const ipBlock = record<{ cidr: string; except: readonly string[] }>({
  cidr: fc.constantFrom(...cidrs),
  except: maybe(fc.uniqueArray(fc.constantFrom(...cidrs.slice(3)), { maxLength: 2 })),
});

export const peer: fc.Arbitrary<RawPeer> = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  namespaceSelector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: selector, namespaceSelector }),
  ipBlock.map((ipBlock) => ({ ipBlock })),
);

const port: fc.Arbitrary<RawPort> = fc
  .record({
    protocol: maybe(fc.constantFrom(...protocols)),
    port: maybe(fc.oneof(fc.constantFrom(...portNumbers), fc.constantFrom(...portNames))),
    end: maybe(fc.constantFrom(...portNumbers)),
  })
  .map(({ protocol, port, end }) => ({
    ...(protocol === undefined ? {} : { protocol }),
    ...(port === undefined ? {} : { port }),
    ...(typeof port === "number" && end !== undefined && end >= port ? { endPort: end } : {}),
  }));

const ports = maybe(fc.array(port, { maxLength: 2 }));
const ruleOf = (field: "from" | "to"): fc.Arbitrary<RawRule> =>
  record<RawRule>({ [field]: maybe(fc.array(peer, { maxLength: 2 })), ports });
const rulesOf = (field: "from" | "to"): fc.Arbitrary<readonly RawRule[] | undefined> =>
  maybe(fc.array(ruleOf(field), { maxLength: 2 }));

export const policySpec: fc.Arbitrary<RawPolicySpec> = record<RawPolicySpec>({
  podSelector: selector,
  policyTypes: maybe(fc.subarray(["Ingress", "Egress"])),
  ingress: rulesOf("from"),
  egress: rulesOf("to"),
});

export function policiesOf(
  namespaces: readonly string[],
  maxLength: number,
  prefix = "p",
): fc.Arbitrary<readonly RawPolicy[]> {
  return fc
    .array(fc.tuple(fc.constantFrom(...namespaces), policySpec), { maxLength })
    .map((all) => all.map(([of, spec], at) => policy(`${of}/${prefix}${at}`, spec)));
}

const container = record<RawPod["spec"]["containers"][number]>({
  name: fc.constant("main"),
  restartPolicy: maybe(fc.constantFrom("Always")),
  ports: maybe(
    fc.array(
      fc.record({
        name: fc.constantFrom(...portNames),
        containerPort: fc.constantFrom(...portNumbers),
        protocol: fc.constantFrom(...protocols),
      }),
      { maxLength: 2 },
    ),
  ),
});

const podShape = fc.record({
  of: fc.constantFrom(...names, home),
  labels,
  node: fc.constantFrom("1", "2"),
  kind: fc.constantFrom("v4", "v4", "v4", "v4", "dual", "v6", "pending", "host", "finished"),
  containers: fc.array(container, { minLength: 1, maxLength: 2 }),
  initContainers: maybe(fc.array(container, { maxLength: 1 })),
});

export function pods(maxLength: number): fc.Arbitrary<readonly RawPod[]> {
  return fc.array(podShape, { minLength: 2, maxLength }).map((shapes) =>
    shapes.map(({ of, labels, node, kind, containers, initContainers }, at) => {
      const [v4, v6, host] = [`10.0.0.${at + 1}`, `fd00::${at + 1}`, `172.16.0.${node}`];
      const ips = { v4: [v4], dual: [v4, v6], v6: [v6], pending: [], host: [host], finished: [v4] }[kind];
      return pod(`${of}/pod-${at}`, undefined, {
        labels,
        spec: {
          nodeName: node,
          containers,
          ...(initContainers === undefined ? {} : { initContainers }),
          ...(kind === "host" ? { hostNetwork: true } : {}),
        },
        status: {
          phase: kind === "finished" ? "Succeeded" : "Running",
          podIPs: ips.map((ip) => ({ ip })),
          hostIPs: [{ ip: host }],
        },
      });
    }),
  );
}

const namespacedPod = record({ namespaceSelector, podSelector: selector });
const podPeer = fc.oneof(
  namespaceSelector.map((namespaces) => ({ namespaces })),
  namespacedPod.map((pods) => ({ pods })),
);
const networks = fc
  .uniqueArray(fc.constantFrom(...cidrs), { minLength: 1, maxLength: 2 })
  .map((networks) => ({ networks }));
const otherPeer = fc.oneof(
  { weight: 6, arbitrary: networks },
  { weight: 1, arbitrary: fc.constant({ nodes: {} }) },
  { weight: 1, arbitrary: fc.constant({ domainNames: ["example.com"] }) },
);
const protocol = fc.constantFrom(...protocols);
const number = fc.constantFrom(...portNumbers);
const range = fc.tuple(number, number).map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
const oldPort = fc.oneof(
  fc.record({ protocol, port: number }).map((portNumber) => ({ portNumber })),
  fc.constantFrom(...portNames).map((namedPort) => ({ namedPort })),
  fc.tuple(protocol, range).map(([protocol, ends]) => ({ portRange: { protocol, ...ends } })),
);
const newPort = fc.oneof(
  fc.constantFrom(...portNames).map((destinationNamedPort) => ({ destinationNamedPort })),
  fc
    .tuple(fc.constantFrom("tcp", "udp", "sctp"), fc.constantFrom("any", "one", "range"), number, range)
    .map(([of, form, number, range]) => ({
      [of]: form === "any" ? {} : { destinationPort: form === "one" ? { number } : { range } },
    })),
);

const adminKinds = {
  AdminNetworkPolicy: { actions: ["Allow", "Deny", "Pass"], ports: "ports", port: oldPort },
  BaselineAdminNetworkPolicy: { actions: ["Allow", "Deny"], ports: "ports", port: oldPort },
  ClusterNetworkPolicy: { actions: ["Accept", "Deny", "Pass"], ports: "protocols", port: newPort },
} as const;

function adminSpec(kind: keyof typeof adminKinds): fc.Arbitrary<object> {
  const { actions, ports, port } = adminKinds[kind];
  const rule = (field: "from" | "to"): fc.Arbitrary<object> =>
    record({
      action: fc.constantFrom(...actions),
      [field]: fc.array(field === "from" ? podPeer : fc.oneof(podPeer, otherPeer), { minLength: 1, maxLength: 2 }),
      [ports]: maybe(fc.array(port as fc.Arbitrary<unknown>, { minLength: 1, maxLength: 2 })),
    });
  return record({
    ...(kind === "ClusterNetworkPolicy" ? { tier: fc.constantFrom("Admin", "Baseline") } : {}),
    ...(kind === "BaselineAdminNetworkPolicy" ? {} : { priority: fc.constantFrom(1, 2, 3) }),
    subject: fc.oneof(
      namespaceSelector.map((namespaces) => ({ namespaces })),
      namespacedPod.map((pods) => ({ pods })),
    ),
    ingress: maybe(fc.array(rule("from"), { maxLength: 3 })),
    egress: maybe(fc.array(rule("to"), { maxLength: 3 })),
  });
}

export function adminPolicies(maxLength: number): fc.Arbitrary<readonly RawObject[]> {
  const kinds = Object.keys(adminKinds) as (keyof typeof adminKinds)[];
  const one = fc.constantFrom(...kinds).chain((kind) => fc.tuple(fc.constant(kind), adminSpec(kind)));
  return fc
    .array(one, { maxLength })
    .map((all) => all.map(([kind, spec], at) => adminPolicy(kind, `admin-${at}`, spec)));
}

export const namespaces: fc.Arbitrary<readonly RawObject[]> = fc
  .tuple(labels, labels, labels)
  .map((all) => names.map((name, at) => namespace(name, all[at])));

export const cluster: fc.Arbitrary<Cluster> = fc.record({
  namespaces,
  pods: pods(4),
  policies: policiesOf(names, 4),
  admin: fc.oneof(fc.constant([]), adminPolicies(3)),
});

export function objectsOf({ namespaces, pods, policies, admin }: Cluster): readonly RawObject[] {
  return [...namespaces, ...pods, ...policies, ...admin];
}

/** Every pair, on ports at the edges of what the rules say. */
export function attemptsOf({ pods }: Cluster): readonly Attempt[] {
  const parties: readonly Party[] = [
    ...pods,
    ...outside,
    ...pods.flatMap(({ status }) => status.podIPs?.map(({ ip }) => ip) ?? []),
  ];
  const isOutside = (party: Party): boolean => typeof party === "string" && outside.includes(party);
  return parties.flatMap((from) =>
    parties
      .filter((to) => !isOutside(from) || !isOutside(to))
      .flatMap((to) =>
        protocols.flatMap((protocol) =>
          // SCTP on a few only: the pairs are many.
          (protocol === "TCP" ? [...portNumbers, 444] : [53, 80]).map((port) => ({ from, to, protocol, port })),
        ),
      ),
  );
}
