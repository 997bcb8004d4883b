import assert from "node:assert/strict";
import {
  type Breach,
  type Exposed,
  NetworkPolicySpecSchema,
  declarationFrom,
  excess,
  LabelSelector,
} from "../../../src/reach/index.ts";
import { type RawObject, type RawPolicySpec, adminPolicy, indexOf, namespace, pod, policy } from "./support/raw.ts";

const closed: RawPolicySpec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
const declared: readonly RawPolicySpec[] = [
  closed,
  {
    podSelector: { matchLabels: { app: "model" } },
    ingress: [
      {
        from: [{ podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["web", "job"] }] } }],
        ports: [{ port: 8080 }],
      },
      {
        from: [{ ipBlock: { cidr: "10.0.0.0/9" } }, { ipBlock: { cidr: "10.128.0.0/9" } }],
        ports: [{ port: 1, endPort: 99 }],
      },
      { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.9.0.0/16"] } }], ports: [{ port: 100, endPort: 200 }] },
    ],
    egress: [
      {
        to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "dns" } } }],
        ports: [{ protocol: "UDP", port: 53 }],
      },
    ],
  },
  { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [{ podSelector: {} }] }] },
];
const model = { podSelector: { matchLabels: { app: "model" } } };
const base = [
  namespace("fraud", { team: "risk" }),
  policy("fraud/closed", closed),
  pod("fraud/model-1", "10.0.0.1", { labels: { app: "model" } }),
  pod("fraud/model-2", "10.0.0.2", { labels: { app: "model", tier: "canary" } }),
  pod("fraud/web", "10.0.0.3", { labels: { app: "web" } }),
];
const declaration = (exposed: readonly Exposed[] = []) => ({
  policies: declared.map((spec) => NetworkPolicySpecSchema.parse(spec)),
  exposed,
});

function breachesOf(objects: readonly RawObject[], exposed: readonly Exposed[] = []): readonly Breach[] {
  return excess(indexOf([...base, ...objects]).view("fraud"), declaration(exposed)).breaches;
}

const stray = (spec: RawPolicySpec): readonly RawObject[] => [policy("fraud/stray", spec)];
const inTheWay = (spec: object): RawObject =>
  adminPolicy("ClusterNetworkPolicy", "wall", { tier: "Admin", priority: 5, subject: { namespaces: {} }, ...spec });
const service = (spec: object): RawObject => ({
  kind: "Service",
  metadata: { name: "svc", namespace: "fraud" },
  spec: { selector: { app: "model" }, ports: [{ port: 80 }], ...spec },
});

/** Of each breach: reason, direction, how many pods there are. */
const rows: readonly (readonly [
  what: string,
  objects: readonly RawObject[],
  breaches: readonly string[],
  allows?: RegExp,
])[] = [
  ["nothing else", [], []],
  ["a copy of a declared policy", stray(declared[1] ?? {}), []],
  ["one that only denies", stray({ podSelector: {}, ingress: [] }), []],
  [
    "allow all",
    stray({ podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] }),
    ["PolicyWidens Ingress 3"],
    /^ingress from everybody on every port$/,
  ],
  [
    "allow all out",
    stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
    ["PolicyWidens Egress 3"],
    /^egress to everybody on every port$/,
  ],
  [
    "narrower in each respect",
    stray({
      podSelector: { matchLabels: { app: "model", tier: "canary" } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web", x: "y" } } }], ports: [{ port: 8080 }] }],
    }),
    [],
  ],
  [
    "another port",
    stray({
      ...model,
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: 8081 }] }],
    }),
    ["PolicyWidens Ingress 2"],
    /pods with app=web of the namespace on TCP 8081/,
  ],
  [
    "another protocol",
    stray({
      ...model,
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ protocol: "UDP", port: 8080 }] }],
    }),
    ["PolicyWidens Ingress 2"],
  ],
  [
    "a name for a port",
    stray({
      ...model,
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: "http" }] }],
    }),
    ["PolicyWidens Ingress 2"],
  ],
  [
    "another pod",
    stray({
      podSelector: { matchLabels: { app: "web" } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: 8080 }] }],
    }),
    ["PolicyWidens Ingress 1"],
  ],
  [
    "more pods than are declared: those that it opens",
    stray({
      podSelector: {},
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: 8080 }] }],
    }),
    ["PolicyWidens Ingress 1"],
  ],
  [
    "pods that are not there yet",
    stray({ podSelector: { matchLabels: { app: "later" } }, ingress: [{}] }),
    ["PolicyWidens Ingress 0"],
  ],
  [
    "pods that can never be",
    stray({
      podSelector: {
        matchExpressions: [
          { key: "a", operator: "Exists" },
          { key: "a", operator: "DoesNotExist" },
        ],
      },
      ingress: [{}],
    }),
    [],
  ],
  [
    "peers that can never be",
    stray({
      ...model,
      ingress: [
        {
          from: [
            {
              podSelector: {
                matchLabels: { a: "b" },
                matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }],
              },
            },
          ],
        },
      ],
    }),
    [],
  ],
  [
    "the same labels of another namespace",
    stray({
      ...model,
      ingress: [
        { from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: "web" } } }], ports: [{ port: 8080 }] },
      ],
    }),
    ["PolicyWidens Ingress 2"],
    /pods with app=web of all namespaces/,
  ],
  [
    "the own namespace by its name",
    stray({
      ...model,
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "fraud" } },
              podSelector: { matchLabels: { app: "web" } },
            },
          ],
          ports: [{ port: 8080 }],
        },
      ],
    }),
    [],
  ],
  [
    "a range within two that are declared",
    stray({ ...model, ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ port: 80 }] }] }),
    [],
  ],
  [
    "a range over a declared exception",
    stray({ ...model, ingress: [{ from: [{ ipBlock: { cidr: "10.9.0.0/16" } }], ports: [{ port: 150 }] }] }),
    ["PolicyWidens Ingress 2"],
  ],
  [
    "a range with the declared exception and more",
    stray({
      ...model,
      ingress: [{ from: [{ ipBlock: { cidr: "10.8.0.0/15", except: ["10.9.0.0/16"] } }], ports: [{ port: 150 }] }],
    }),
    [],
  ],
  [
    "ports over two ranges, of which one is an exception",
    stray({
      ...model,
      ingress: [{ from: [{ ipBlock: { cidr: "10.1.0.0/16" } }], ports: [{ port: 50, endPort: 150 }] }],
    }),
    [],
  ],
  [
    "a metadata address",
    stray({
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: [{ ipBlock: { cidr: "169.254.169.254/32" } }] }],
    }),
    ["PolicyWidens Egress 3"],
    /egress to 169\.254\.169\.254\/32 on every port/,
  ],
  [
    "one that does not parse",
    stray({ ...model, ingress: [{ from: [{}] }] }),
    ["PolicyUnreadable Egress 2", "PolicyUnreadable Ingress 2"],
    /not known: spec\.ingress/,
  ],
  [
    "allow all, behind an administrator's denial of all egress",
    [
      ...stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
      inTheWay({ egress: [{ action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] }] }),
    ],
    [],
  ],
  [
    "a denial that leaves out IPv6",
    [
      ...stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
      inTheWay({ egress: [{ action: "Deny", to: [{ networks: ["0.0.0.0/0"] }] }] }),
    ],
    ["PolicyWidens Egress 3"],
  ],
  [
    "a denial for other namespaces",
    [
      ...stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
      inTheWay({
        subject: { namespaces: { matchLabels: { team: "other" } } },
        egress: [{ action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] }],
      }),
    ],
    ["PolicyWidens Egress 3"],
  ],
  [
    "a denial after what is passed on",
    [
      ...stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
      inTheWay({
        egress: [
          { action: "Pass", to: [{ networks: ["192.0.2.0/24"] }] },
          { action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] },
        ],
      }),
    ],
    ["PolicyWidens Egress 3"],
  ],
  [
    "a denial after what is passed on and declared",
    [
      ...stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
      inTheWay({
        egress: [
          {
            action: "Pass",
            to: [
              {
                pods: {
                  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "fraud" } },
                  podSelector: {},
                },
              },
            ],
          },
          { action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] },
        ],
      }),
    ],
    [],
  ],
  [
    "a denial for some of the pods",
    [
      ...stray({ podSelector: {}, policyTypes: ["Egress"], egress: [{}] }),
      inTheWay({
        subject: { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: "model" } } } },
        egress: [{ action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] }],
      }),
    ],
    ["PolicyWidens Egress 1"],
  ],
  [
    "an administrator who allows, and one of the same priority who denies",
    [
      inTheWay({ ingress: [{ action: "Accept", from: [{ namespaces: {} }] }] }),
      { ...inTheWay({ ingress: [{ action: "Deny", from: [{ namespaces: {} }] }] }), metadata: { name: "other" } },
    ],
    ["PolicyWidens Ingress 3"],
  ],
  [
    "a baseline that allows, which NetworkPolicies override",
    [inTheWay({ tier: "Baseline", ingress: [{ action: "Accept", from: [{ namespaces: {} }] }] })],
    [],
  ],
  [
    "allow all, with a pod to which policies do not apply",
    [
      ...stray({ podSelector: {}, ingress: [{}] }),
      pod("fraud/host", "172.16.0.1", { spec: { hostNetwork: true } }),
      pod("fraud/done", "10.0.0.9", { status: { phase: "Failed" } }),
    ],
    ["PolicyWidens Ingress 3", "HostNetwork Egress 1", "HostNetwork Ingress 1"],
  ],
  [
    "pods only are denied, and addresses come in",
    [
      ...stray({ podSelector: {}, ingress: [{}] }),
      inTheWay({ ingress: [{ action: "Deny", from: [{ namespaces: {} }] }] }),
    ],
    ["PolicyWidens Ingress 3"],
  ],
  [
    "pods are denied, and pods are allowed",
    [
      ...stray({ podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }] }] }),
      inTheWay({ ingress: [{ action: "Deny", from: [{ namespaces: {} }] }] }),
    ],
    [],
  ],
  [
    "an administrator who allows",
    [inTheWay({ ingress: [{ action: "Accept", from: [{ namespaces: {} }] }] })],
    ["PolicyWidens Ingress 3"],
  ],
  [
    "an administrator who allows what is declared",
    [
      inTheWay({
        egress: [
          {
            action: "Accept",
            to: [
              {
                pods: {
                  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "fraud" } },
                  podSelector: {},
                },
              },
            ],
          },
        ],
      }),
    ],
    [],
  ],
  [
    "an administrator who allows what has been denied before",
    [
      inTheWay({
        ingress: [
          { action: "Deny", from: [{ namespaces: {} }] },
          { action: "Accept", from: [{ namespaces: {} }] },
        ],
      }),
    ],
    [],
  ],
  [
    "the network of the node",
    [
      pod("fraud/host-1", "172.16.0.1", { owner: "host", spec: { hostNetwork: true } }),
      pod("fraud/host-2", "172.16.0.2", { owner: "host", spec: { hostNetwork: true } }),
    ],
    ["HostNetwork Egress 2", "HostNetwork Ingress 2"],
  ],
  [
    "a port of the node",
    [
      pod("fraud/port", "10.0.0.8", {
        spec: { containers: [{ name: "x", ports: [{ containerPort: 80, hostPort: 8000 }] }] },
      }),
    ],
    ["HostPort Ingress 1"],
    /node's TCP 8000/,
  ],
  ["a Service inside", [service({ type: "ClusterIP" })], []],
  ["NodePort", [service({ type: "NodePort" })], ["NodePort Ingress 2"]],
  ["LoadBalancer", [service({ type: "LoadBalancer" })], ["LoadBalancer Ingress 2"]],
  ["external addresses", [service({ externalIPs: ["192.0.2.1"] })], ["ExternalIPs Ingress 2"]],
  [
    "an Ingress",
    [
      service({}),
      {
        kind: "Ingress",
        metadata: { name: "web", namespace: "fraud" },
        spec: { rules: [{ http: { paths: [{ backend: { service: { name: "svc" } } }] } }] },
      },
    ],
    ["IngressRoute Ingress 2"],
  ],
  [
    "a route of a gateway",
    [
      service({}),
      {
        kind: "HTTPRoute",
        metadata: { name: "web", namespace: "fraud" },
        spec: { parentRefs: [{ name: "gw" }], rules: [{ backendRefs: [{ name: "svc" }] }] },
      },
    ],
    ["GatewayRoute Ingress 2"],
  ],
  [
    "a route that only copies requests there",
    [
      service({}),
      {
        kind: "GRPCRoute",
        metadata: { name: "web", namespace: "fraud" },
        spec: {
          parentRefs: [{ name: "gw" }],
          rules: [{ filters: [{ requestMirror: { backendRef: { name: "svc" } } }] }],
        },
      },
    ],
    ["GatewayRoute Ingress 2"],
  ],
  [
    "a route within the cluster",
    [
      service({}),
      {
        kind: "HTTPRoute",
        metadata: { name: "web", namespace: "fraud" },
        spec: { parentRefs: [{ kind: "Service", name: "svc" }], rules: [{ backendRefs: [{ name: "svc" }] }] },
      },
    ],
    [],
  ],
  [
    "a route of another namespace, without consent",
    [
      service({}),
      {
        kind: "TCPRoute",
        metadata: { name: "web", namespace: "edge" },
        spec: { parentRefs: [{ name: "gw" }], rules: [{ backendRefs: [{ name: "svc", namespace: "fraud" }] }] },
      },
    ],
    [],
  ],
  [
    "a route of another namespace, with consent",
    [
      service({}),
      {
        kind: "TLSRoute",
        metadata: { name: "web", namespace: "edge" },
        spec: { parentRefs: [{ name: "gw" }], rules: [{ backendRefs: [{ name: "svc", namespace: "fraud" }] }] },
      },
      {
        kind: "ReferenceGrant",
        metadata: { name: "edge", namespace: "fraud" },
        spec: {
          from: [{ group: "gateway.networking.k8s.io", kind: "TLSRoute", namespace: "edge" }],
          to: [{ group: "", kind: "Service" }],
        },
      },
    ],
    ["GatewayRoute Ingress 2"],
  ],
  [
    "a Service that does not parse",
    [{ kind: "Service", metadata: { name: "svc", namespace: "fraud" }, spec: { type: "Wormhole" } }],
    ["ObjectUnreadable Ingress 0"],
  ],
  [
    "a policy of a network plugin",
    [{ kind: "CiliumNetworkPolicy", metadata: { name: "x", namespace: "fraud" } }],
    ["PolicyUnreadable Egress 3", "PolicyUnreadable Ingress 3"],
  ],
];

describe("reach: excess, case by case", () => {
  for (const [what, objects, breaches, allows] of rows) {
    it(what, () => {
      const found = breachesOf(objects);
      assert.deepEqual(
        found.map(({ reason, direction, pods }) => `${reason} ${direction} ${pods.count}`),
        breaches,
        JSON.stringify(found, undefined, 1),
      );
      if (allows !== undefined) assert.match(found[0]?.allows ?? "", allows);
    });
  }

  it("says which pods nothing isolates any more", () => {
    const view = indexOf(base.filter(({ kind }) => kind !== "NetworkPolicy")).view("fraud");
    const { breaches } = excess(view, declaration());
    assert.deepEqual(
      breaches.map(({ reason, direction, pods, object }) => [reason, direction, pods.count, object.kind, object.name]),
      [
        ["UnselectedPod", "Egress", 3, "Namespace", "fraud"],
        ["UnselectedPod", "Ingress", 3, "Namespace", "fraud"],
      ],
    );
  });

  it("counts on a baseline that denies what no policy isolates", () => {
    const denied = inTheWay({
      tier: "Baseline",
      ingress: [{ action: "Deny", from: [{ namespaces: {} }] }],
      egress: [{ action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] }],
    });
    const view = indexOf([...base.filter(({ kind }) => kind !== "NetworkPolicy"), denied]).view("fraud");
    // No administrator's policy keeps away what comes from outside of the cluster.
    assert.deepEqual(
      excess(view, declaration()).breaches.map(({ reason, direction }) => [reason, direction]),
      [["UnselectedPod", "Ingress"]],
    );
  });

  it("says so with no pod at all, for those that may come", () => {
    const view = indexOf([namespace("fraud")]).view("fraud");
    assert.deepEqual(
      excess(view, declaration()).breaches.map(({ reason, pods }) => [reason, pods]),
      Array(2).fill(["UnselectedPod", { count: 0, examples: [] }]),
    );
  });

  it("takes what is declared by name for no breach, in its own namespace only", () => {
    const objects = [
      service({ type: "LoadBalancer", externalIPs: ["192.0.2.1"] }),
      {
        kind: "Ingress",
        metadata: { name: "web", namespace: "fraud" },
        spec: { defaultBackend: { service: { name: "svc" } } },
      },
      pod("fraud/host-1", "172.16.0.1", { owner: "host", spec: { hostNetwork: true } }),
    ];
    const exposed = [
      { kind: "Service", name: "svc" },
      { kind: "Ingress", name: "web" },
      { kind: "ReplicaSet", name: "host" },
    ];
    assert.deepEqual(breachesOf(objects, exposed), []);
    assert.equal(
      breachesOf(
        objects,
        exposed.map((one) => ({ ...one, namespace: "edge" })),
      ).length,
      5,
    );
  });

  it("lists at most 50, in a fixed order, and counts all", () => {
    const strays = Array.from({ length: 60 }, (_, at) =>
      policy(`fraud/stray-${String(at).padStart(2, "0")}`, { ingress: [{}] }),
    );
    const of = (objects: readonly RawObject[]) => excess(indexOf([...base, ...objects]).view("fraud"), declaration());
    const { breaches, total } = of(strays);
    assert.equal(total, 60);
    assert.deepEqual(
      breaches.map(({ object }) => object.name),
      strays.slice(0, 50).map(({ metadata }) => metadata.name),
    );
    assert.deepEqual(of(strays.toReversed()), { breaches, total });
    const many = Array.from({ length: 9 }, (_, at) => pod(`fraud/more-${at}`, `10.0.1.${at}`));
    const { pods } = of([...strays, ...many]).breaches[0] ?? {};
    assert.equal(pods?.count, 12);
    assert.equal(pods.examples.length, 5);
  });

  it("compares a policy of any size in bounded time", () => {
    const from = Array.from({ length: 300 }, (_, at) => ({ ipBlock: { cidr: `10.${at % 256}.0.0/16` } }));
    const ports = Array.from({ length: 300 }, (_, at) => ({ port: at + 1 }));
    const begin = performance.now();
    const [found] = breachesOf(stray({ podSelector: {}, ingress: [{ from, ports }] }));
    assert.match(found?.allows ?? "", /90000 combinations/);
    assert.ok(performance.now() - begin < 5_000);
    assert.ok(Buffer.byteLength(found?.allows ?? "") <= 256);
  });

  it("takes living policies with the labels for the declaration, if it is told so", () => {
    const own = { "app.kubernetes.io/managed-by": "operator" };
    const selector = LabelSelector.parse({ matchLabels: own });
    const open = { podSelector: {}, policyTypes: ["Ingress"], ingress: [{ ports: [{ port: 80 }] }] };
    const view = indexOf([...base, policy("fraud/ours", open, own), policy("fraud/theirs", open)]).view("fraud");
    assert.deepEqual(excess(view, declarationFrom(view.policies, selector)).breaches, []);
    assert.equal(excess(view, declarationFrom([], selector)).total, 2);
  });
});
