import assert from "node:assert/strict";
import { type Outcome, type Protocol, evaluate } from "../../../src/reach/index.ts";
import { type RawObject, type RawPolicySpec, adminPolicy, indexOf, namespace, pod, policy } from "./support/raw.ts";

const web = pod("shop/web", "10.0.0.1", {
  labels: { app: "web" },
  spec: {
    nodeName: "n1",
    containers: [{ name: "main", ports: [{ name: "http", containerPort: 8080 }] }],
    initContainers: [
      { name: "proxy", restartPolicy: "Always", ports: [{ name: "mesh", containerPort: 15001 }] },
      { name: "once", ports: [{ name: "setup", containerPort: 9999 }] },
    ],
  },
  status: { hostIPs: [{ ip: "172.16.0.1" }] },
});
const client = pod("shop/client", "10.0.0.2", { labels: { app: "client" }, spec: { nodeName: "n2" } });
const other = pod("bank/client", "10.0.0.3", { labels: { app: "client" } });
const pending = pod("shop/pending", undefined);
const host = pod("shop/host", "172.16.0.1", { spec: { nodeName: "n1", hostNetwork: true } });
const elsewhere = pod("shop/elsewhere", "172.16.0.2", { spec: { nodeName: "n2", hostNetwork: true } });
const done = pod("shop/done", "10.0.0.9", { status: { phase: "Succeeded" } });
const base = [
  namespace("shop", { team: "retail" }),
  namespace("bank", { team: "money" }),
  ...[web, client, other, pending, host, elsewhere, done],
];

interface Row {
  readonly what: string;
  readonly spec?: RawPolicySpec;
  readonly more?: readonly RawObject[];
  readonly from: string;
  readonly to?: string;
  readonly port?: number;
  readonly protocol?: Protocol;
  readonly outcome: Outcome;
  readonly why?: RegExp;
}

const onWeb = { podSelector: { matchLabels: { app: "web" } } };
const cnp = (name: string, spec: object) => adminPolicy("ClusterNetworkPolicy", name, spec);
const everyone = { namespaces: {} };
const rows: readonly Row[] = [
  { what: "no policy at all", from: "bank/client", outcome: "Allowed", why: /no policy selects Pod shop\/web/ },
  { what: "an empty pod selector selects all", spec: { podSelector: {} }, from: "shop/client", outcome: "Denied" },
  {
    what: "no pod selector selects all",
    spec: {},
    from: "shop/client",
    outcome: "Denied",
    why: /selects Pod shop\/web/,
  },
  {
    what: "one that selects others",
    spec: { podSelector: { matchLabels: { app: "x" } } },
    from: "shop/client",
    outcome: "Allowed",
  },
  {
    what: "an empty list of rules allows nothing",
    spec: { ...onWeb, ingress: [] },
    from: "shop/client",
    outcome: "Denied",
  },
  { what: "an empty rule allows all", spec: { ...onWeb, ingress: [{}] }, from: "192.0.2.1", outcome: "Allowed" },
  {
    what: "an empty list of peers is everybody",
    spec: { ...onWeb, ingress: [{ from: [] }] },
    from: "192.0.2.1",
    outcome: "Allowed",
  },
  {
    what: "an empty list of ports is every port",
    spec: { ...onWeb, ingress: [{ ports: [] }] },
    from: "bank/client",
    outcome: "Allowed",
    protocol: "SCTP",
  },
  {
    what: "egress rules make it a policy of both",
    spec: { ...onWeb, egress: [{}] },
    from: "shop/client",
    outcome: "Denied",
  },
  {
    what: "only Egress is said",
    spec: { ...onWeb, policyTypes: ["Egress"], ingress: [] },
    from: "shop/client",
    outcome: "Allowed",
  },
  {
    what: "Ingress by default, so egress is open",
    spec: { podSelector: {}, ingress: [{}] },
    from: "shop/web",
    to: "192.0.2.1",
    outcome: "Allowed",
  },
  {
    what: "pods of the own namespace",
    spec: { ...onWeb, ingress: [{ from: [{ podSelector: {} }] }] },
    from: "bank/client",
    outcome: "Denied",
  },
  {
    what: "all namespaces",
    spec: { ...onWeb, ingress: [{ from: [{ namespaceSelector: {} }] }] },
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "all namespaces are no addresses",
    spec: { ...onWeb, ingress: [{ from: [{ namespaceSelector: {} }] }] },
    from: "192.0.2.1",
    outcome: "Denied",
  },
  {
    what: "both selectors in one peer must match",
    spec: {
      ...onWeb,
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { team: "money" } }, podSelector: { matchLabels: { app: "x" } } }],
        },
      ],
    },
    from: "bank/client",
    outcome: "Denied",
  },
  {
    what: "as two peers one is enough",
    spec: {
      ...onWeb,
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { team: "money" } } },
            { podSelector: { matchLabels: { app: "x" } } },
          ],
        },
      ],
    },
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "an address range",
    spec: { ...onWeb, ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.0/24" } }] }] },
    from: "192.0.2.1",
    outcome: "Allowed",
  },
  {
    what: "its exception",
    spec: { ...onWeb, ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.0/24", except: ["192.0.2.0/30"] } }] }] },
    from: "192.0.2.1",
    outcome: "Denied",
  },
  {
    what: "a range with bits of the host",
    spec: { ...onWeb, ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.77/24" } }] }] },
    from: "192.0.2.1",
    outcome: "Allowed",
  },
  {
    what: "a range and a pod's address",
    spec: { ...onWeb, ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/24" } }] }] },
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "a range and a pod that has no address yet",
    spec: { ...onWeb, ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/24" } }] }] },
    from: "shop/pending",
    outcome: "Unknown",
    why: /an address is not known yet/,
  },
  {
    what: "a named port",
    spec: { ...onWeb, ingress: [{ ports: [{ port: "http" }] }] },
    from: "shop/client",
    outcome: "Allowed",
  },
  {
    what: "a named port of another number",
    spec: { ...onWeb, ingress: [{ ports: [{ port: "http" }] }] },
    from: "shop/client",
    port: 80,
    outcome: "Denied",
  },
  {
    what: "a sidecar's named port",
    spec: { ...onWeb, ingress: [{ ports: [{ port: "mesh" }] }] },
    from: "shop/client",
    port: 15001,
    outcome: "Allowed",
  },
  {
    what: "an init container's port is not open later",
    spec: { ...onWeb, ingress: [{ ports: [{ port: "setup" }] }] },
    from: "shop/client",
    port: 9999,
    outcome: "Denied",
  },
  {
    what: "a name for egress is the destination's",
    spec: { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports: [{ port: "http" }] }] },
    from: "shop/client",
    outcome: "Allowed",
  },
  {
    what: "an address outside has no names",
    spec: { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports: [{ port: "http" }] }] },
    from: "shop/client",
    to: "192.0.2.1",
    outcome: "Denied",
  },
  {
    what: "a port without protocol is TCP",
    spec: { ...onWeb, ingress: [{ ports: [{ port: 8080 }] }] },
    from: "shop/client",
    protocol: "UDP",
    outcome: "Denied",
  },
  {
    what: "a range of ports ends with endPort",
    spec: { ...onWeb, ingress: [{ ports: [{ port: 8000, endPort: 8080 }] }] },
    from: "shop/client",
    outcome: "Allowed",
  },
  {
    what: "and not after",
    spec: { ...onWeb, ingress: [{ ports: [{ port: 8000, endPort: 8079 }] }] },
    from: "shop/client",
    outcome: "Denied",
  },
  {
    what: "a protocol without port",
    spec: { ...onWeb, ingress: [{ ports: [{ protocol: "SCTP" }] }] },
    from: "shop/client",
    protocol: "SCTP",
    outcome: "Allowed",
  },
  {
    what: "a pod reaches itself",
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
    from: "shop/web",
    outcome: "Allowed",
    why: /itself/,
  },
  {
    what: "its own node reaches a pod",
    spec: { podSelector: {} },
    from: "172.16.0.1",
    outcome: "Allowed",
    why: /own node/,
  },
  {
    what: "so does what is in the network of its own node",
    spec: { podSelector: {} },
    from: "shop/host",
    outcome: "Allowed",
  },
  { what: "another node does not", spec: { podSelector: {} }, from: "shop/elsewhere", outcome: "Denied" },
  {
    what: "network plugins differ about the way back",
    spec: { podSelector: {}, policyTypes: ["Egress"] },
    from: "shop/web",
    to: "shop/host",
    outcome: "Unknown",
    why: /plugins differ/,
  },
  {
    what: "a pod in the node's network is no pod to selectors",
    spec: { ...onWeb, ingress: [{ from: [{ podSelector: {} }] }] },
    from: "shop/elsewhere",
    outcome: "Denied",
  },
  {
    what: "policies do not apply to it",
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
    from: "shop/elsewhere",
    to: "192.0.2.1",
    outcome: "Allowed",
  },
  { what: "a pod that has finished", from: "shop/done", outcome: "Denied", why: /has finished/ },
  {
    what: "its address is another's now",
    from: "10.0.0.9",
    spec: { ...onWeb, ingress: [{ from: [{ podSelector: {} }] }] },
    outcome: "Denied",
  },
  { what: "another family", from: "fd00::1", outcome: "Denied", why: /no addresses of the same family/ },
  { what: "no address", from: "nonsense", outcome: "Unknown", why: /not an IP address/ },
  {
    what: "IPv4 in IPv6",
    from: "::ffff:192.0.2.1",
    spec: { ...onWeb, ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.0/24" } }] }] },
    outcome: "Allowed",
  },
  {
    what: "a policy of the source's namespace does not apply to ingress",
    more: [policy("bank/none", { podSelector: {} })],
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "the source's egress must allow it too",
    more: [policy("bank/none", { podSelector: {}, policyTypes: ["Egress"] })],
    from: "bank/client",
    outcome: "Denied",
    why: /^egress: NetworkPolicy bank\/none/,
  },
  {
    what: "a policy that does not parse",
    spec: { ...onWeb, ingress: [{ from: [{}] }] },
    from: "shop/client",
    outcome: "Unknown",
    why: /NetworkPolicy shop\/policy is not understood: spec\.ingress\[0\]\.from\[0\]/,
  },
  {
    what: "one that does not parse, for other pods",
    more: [policy("shop/bad", { podSelector: { matchLabels: { app: "x" } }, ingress: [{ from: [{}] }] })],
    from: "shop/client",
    outcome: "Allowed",
  },
  {
    what: "one that does not parse beside one that allows",
    spec: { ...onWeb, ingress: [{}] },
    more: [policy("shop/bad", { ingress: [{ from: [{}] }] })],
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "a kind of a network plugin",
    more: [{ kind: "CiliumNetworkPolicy", metadata: { name: "x", namespace: "shop" } }],
    from: "bank/client",
    outcome: "Unknown",
    why: /CiliumNetworkPolicy shop\/x is not understood/,
  },
  {
    what: "that kind in a namespace that has nothing to do with it",
    more: [namespace("far"), { kind: "CiliumNetworkPolicy", metadata: { name: "x", namespace: "far" } }],
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "an administrator allows before NetworkPolicies",
    spec: { podSelector: {} },
    more: [
      cnp("a", { tier: "Admin", priority: 1, subject: everyone, ingress: [{ action: "Accept", from: [everyone] }] }),
    ],
    from: "bank/client",
    outcome: "Allowed",
    why: /ClusterNetworkPolicy a allows it \(ingress rule 0\)/,
  },
  {
    what: "and denies before them",
    spec: { ...onWeb, ingress: [{}] },
    more: [
      adminPolicy("AdminNetworkPolicy", "a", {
        priority: 1,
        subject: everyone,
        ingress: [{ action: "Deny", from: [everyone] }],
      }),
    ],
    from: "bank/client",
    outcome: "Denied",
  },
  {
    what: "or passes on to them",
    spec: { podSelector: {} },
    more: [
      cnp("a", {
        tier: "Admin",
        priority: 1,
        subject: everyone,
        ingress: [
          { action: "Pass", from: [everyone] },
          { action: "Accept", from: [everyone] },
        ],
      }),
    ],
    from: "bank/client",
    outcome: "Denied",
  },
  {
    what: "the lower number comes first",
    more: [
      cnp("late", { tier: "Admin", priority: 9, subject: everyone, ingress: [{ action: "Accept", from: [everyone] }] }),
      cnp("zz-early", {
        tier: "Admin",
        priority: 3,
        subject: everyone,
        ingress: [{ action: "Deny", from: [everyone] }],
      }),
    ],
    from: "bank/client",
    outcome: "Denied",
  },
  {
    what: "of equal numbers none comes first",
    more: [
      cnp("a", { tier: "Admin", priority: 3, subject: everyone, ingress: [{ action: "Accept", from: [everyone] }] }),
      cnp("b", { tier: "Admin", priority: 3, subject: everyone, ingress: [{ action: "Deny", from: [everyone] }] }),
    ],
    from: "bank/client",
    outcome: "Unknown",
    why: /not defined which comes first/,
  },
  {
    what: "the baseline counts where no NetworkPolicy selects the pod",
    more: [
      adminPolicy("BaselineAdminNetworkPolicy", "default", {
        subject: everyone,
        ingress: [{ action: "Deny", from: [everyone] }],
      }),
    ],
    from: "bank/client",
    outcome: "Denied",
  },
  {
    what: "and not where one does",
    spec: { ...onWeb, ingress: [{}] },
    more: [
      cnp("b", { tier: "Baseline", priority: 1, subject: everyone, ingress: [{ action: "Deny", from: [everyone] }] }),
    ],
    from: "bank/client",
    outcome: "Allowed",
  },
  {
    what: "an administrator's peer of a kind that is not known here",
    more: [
      cnp("new", {
        tier: "Admin",
        priority: 1,
        subject: everyone,
        egress: [{ action: "Deny", to: [{ galaxies: {} }] }],
      }),
    ],
    from: "bank/client",
    outcome: "Unknown",
    why: /ClusterNetworkPolicy new is not understood/,
  },
  {
    what: "names of domains are not looked up",
    more: [
      cnp("d", {
        tier: "Admin",
        priority: 1,
        subject: everyone,
        egress: [{ action: "Deny", to: [{ domainNames: ["example.com"] }] }],
      }),
    ],
    from: "bank/client",
    to: "192.0.2.1",
    outcome: "Unknown",
  },
];

describe("reach: evaluate, case by case", () => {
  for (const { what, spec, more = [], from, to = "shop/web", port = 8080, protocol = "TCP", outcome, why } of rows) {
    it(what, () => {
      const index = indexOf([...base, ...(spec === undefined ? [] : [policy("shop/policy", spec)]), ...more]);
      const end = (text: string) => {
        const [of = "", name = ""] = text.split("/");
        const found = index.pod(of, name);
        return found === undefined ? { address: text } : { pod: found };
      };
      const answer = evaluate(index, { from: end(from), to: end(to), protocol, port });
      assert.equal(answer.outcome, outcome, answer.why);
      if (why !== undefined) assert.match(answer.why, why);
    });
  }

  it("names what decides, on both sides", () => {
    const index = indexOf([
      ...base,
      policy("shop/in", {
        ...onWeb,
        ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 1 }] }, { ports: [{ port: "http" }] }],
      }),
      policy("bank/out", { podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
    ]);
    const [from, to] = [index.pod("bank", "client"), index.pod("shop", "web")];
    assert.ok(from !== undefined && to !== undefined);
    const { by } = evaluate(index, { from: { pod: from }, to: { pod: to }, protocol: "TCP", port: 8080 });
    const common = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" };
    assert.deepEqual(by, [
      { ...common, namespace: "bank", name: "out", side: "Egress", rule: 0 },
      { ...common, namespace: "shop", name: "in", side: "Ingress", rule: 1 },
    ]);
  });
});
