import assert from "node:assert/strict";
import { AdminNetworkPolicySpecSchema, ClusterNetworkPolicySpecSchema } from "../../../../src/reach/admin-policy.ts";
import { NetworkPolicySpecSchema, excess } from "../../../../src/reach/index.ts";
import { adminNetworkPolicyType, clusterNetworkPolicyType } from "../../../../src/isolation/walls/admin-policy.ts";
import { declarationOf } from "../../../../src/isolation/walls/declaration.ts";
import { wallName } from "../../../../src/isolation/walls/wall.ts";
import { type WallOptions, wallsOf } from "../../../../src/isolation/walls/walls.ts";
import { options, specOf } from "./support.ts";

const network = {
  ingress: [{ name: "predictions", from: [{ secureNamespace: { name: "gateway" } }], ports: [{ port: 8080 }] }],
  egress: [
    { name: "features", to: [{ secureNamespace: { name: "features", pods: { app: "db" } } }], ports: [{ port: 5432 }] },
    { name: "lost", to: [{ secureNamespace: { name: "gone" } }], ports: [{ port: 1 }] },
    { name: "api", to: [{ fqdn: "*.example.com" }], ports: [{ port: 443, endPort: 444 }] },
    { name: "lan", to: [{ cidr: { block: "10.0.0.0/8" } }], ports: [{ port: 53, protocol: "UDP" }] },
  ],
};

function names(fields: object, changes: Partial<WallOptions> = {}) {
  return wallsOf("shop", specOf({ network, ...fields }), { ...options, ...changes }).walls.map(({ type, object }) =>
    wallName(type, object),
  );
}
const wallNamed = (name: string, changes: Partial<WallOptions> = {}, fields: object = {}) =>
  wallsOf("shop", specOf({ network, ...fields }), { ...options, ...changes }).walls.find(
    ({ type, object }) => wallName(type, object) === name,
  );

describe("the walls of a SecureNamespace", () => {
  const people = [
    { metadata: { name: "mlsecops-auditor" }, roleRef: { kind: "ClusterRole", name: "r" }, subjects: [] },
  ];

  it("Enforce: what closes comes first, what opens last, and nothing for peers that are not there", () => {
    assert.deepEqual(names({ serviceAccounts: [{ name: "trainer" }] }, { people }), [
      "NetworkPolicy/mlsecops-default-deny",
      "ResourceQuota/mlsecops",
      "LimitRange/mlsecops",
      "ServiceAccount/default",
      "ServiceAccount/trainer",
      "RoleBinding/mlsecops-auditor",
      "NetworkPolicy/mlsecops-dns",
      "NetworkPolicy/mlsecops-in-predictions",
      "NetworkPolicy/mlsecops-out-features",
      "NetworkPolicy/mlsecops-out-lan",
    ]);
  });

  it("the operator may ask its own pods how they are, where a model wants that", () => {
    const probes = { namespace: "mlsecops-system", podLabels: { "app.kubernetes.io/name": "mlsecops-operator" } };
    assert.equal(wallNamed("NetworkPolicy/mlsecops-in-operator.probes"), undefined);
    const spec = wallNamed("NetworkPolicy/mlsecops-in-operator.probes", { probes })?.object.spec;
    assert.deepEqual(spec, {
      podSelector: { matchLabels: { "app.kubernetes.io/managed-by": "mlsecops-operator" } },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "mlsecops-system" } },
              podSelector: { matchLabels: { "app.kubernetes.io/name": "mlsecops-operator" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 1, endPort: 65_535 }],
        },
      ],
      egress: [],
    });
  });

  it("Audit cuts nothing: no policy, no quota, and the default ServiceAccount keeps its token", () => {
    const fields = { enforcement: "Audit", serviceAccounts: [{ name: "trainer" }] };
    assert.deepEqual(names(fields, { people }), ["ServiceAccount/trainer", "RoleBinding/mlsecops-auditor"]);
    const { problems } = wallsOf("shop", specOf({ network, ...fields }), options);
    assert.deepEqual(
      problems.map(({ reason }) => reason),
      ["PeerMissing", "FqdnNotEnforceable"],
    );
  });

  it("every object says whose it is", () => {
    for (const { object, type } of wallsOf("shop", specOf({ network }), options).walls) {
      assert.equal(object.metadata.namespace, "shop");
      assert.deepEqual(object.metadata.labels, {
        "app.kubernetes.io/managed-by": "mlsecops-operator",
        "mlsecops.io/wall": "shop",
      });
      if (type.kind === "NetworkPolicy") assert.ok(NetworkPolicySpecSchema.safeParse(object.spec).success);
    }
  });

  it("dns: None asks nobody", () => {
    const asks = (dns: string) =>
      wallsOf("shop", specOf({ network: { dns } }), options).walls.some(
        ({ object }) => object.metadata.name === "mlsecops-dns",
      );
    assert.ok(asks("Cluster"));
    assert.ok(!asks("None"));
  });

  it("selects namespaces only by the label that the API server sets", () => {
    assert.deepEqual(wallNamed("NetworkPolicy/mlsecops-out-features")?.object.spec, {
      podSelector: {},
      policyTypes: ["Egress"],
      ingress: [],
      egress: [
        {
          to: [
            {
              namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "features" } },
              podSelector: { matchLabels: { app: "db" } },
            },
          ],
          ports: [{ protocol: "TCP", port: 5432 }],
        },
      ],
    });
  });

  it("Cilium: hosts by name, with the DNS they need, and never to the metadata service", () => {
    const served = { names: true, admin: undefined };
    const spec = wallNamed("CiliumNetworkPolicy/mlsecops-out-api-names", { served })?.object.spec as {
      readonly egress: readonly { readonly toFQDNs?: unknown; readonly toPorts: unknown }[];
      readonly egressDeny: readonly { readonly toCIDR: readonly string[] }[];
    };
    assert.deepEqual(spec.egress[0]?.toFQDNs, [{ matchPattern: "*.example.com" }]);
    assert.deepEqual(spec.egress[0].toPorts, [{ ports: [{ port: "443", protocol: "TCP", endPort: 444 }] }]);
    assert.ok(spec.egressDeny[0]?.toCIDR.includes("169.254.0.0/16"));
    assert.equal(wallNamed("NetworkPolicy/mlsecops-out-api", { served }), undefined);
  });

  for (const [type, schema] of [
    [adminNetworkPolicyType, AdminNetworkPolicySpecSchema],
    [clusterNetworkPolicyType, ClusterNetworkPolicySpecSchema],
  ] as const) {
    const served = { names: false, admin: { type, networks: true } };

    it(`${type.kind}: metadata denied first, declared passed on, the rest denied`, () => {
      const found = wallNamed(`${type.kind}/mlsecops-shop`, { served });
      assert.equal(found?.object.metadata.namespace, undefined);
      const { rules, tier } = schema.parse(found?.object.spec);
      assert.equal(tier, "Admin");
      assert.deepEqual(
        rules.Egress.map(({ action }) => action),
        ["Deny", "Pass", "Pass", "Pass", "Deny"],
      );
      assert.deepEqual(
        rules.Ingress.map(({ action }) => action),
        ["Pass", "Deny"],
      );
      assert.equal(rules.Ingress.at(-1)?.ports, undefined);
    });

    it(`${type.kind}: leaves to the NetworkPolicies what imports of models need, but for metadata`, () => {
      const found = wallNamed(`${type.kind}/mlsecops-shop`, { served, imports: [443, 5000] });
      const { rules } = schema.parse(found?.object.spec);
      assert.deepEqual(
        rules.Egress.map(({ action }) => action),
        ["Deny", "Pass", "Pass", "Pass", "Pass", "Deny"],
      );
      const [, rule] = rules.Egress.toReversed();
      assert.equal(rule?.peers.length, 2);
      assert.deepEqual(
        rule.ports?.map((port) => JSON.stringify(port)).filter((text) => /\b(53|443|5000)\b/.test(text)).length,
        4,
      );
    });

    it(`${type.kind}: as many rules and peers as the schema takes stay within what the API server takes`, () => {
      const to = (n: number) =>
        Array.from({ length: 16 }, (_, index) => ({ cidr: { block: `10.${n}.${index}.0/24` } }));
      const egress = Array.from({ length: 32 }, (_, n) => ({ name: `r${n}`, to: to(n), ports: [{ port: n + 1 }] }));
      const spec = wallNamed(`${type.kind}/mlsecops-shop`, { served }, { network: { egress } })?.object.spec;
      const { rules } = schema.parse(spec);
      assert.ok(rules.Egress.length <= 25);
      assert.ok(rules.Egress.every(({ peers }) => peers.length <= 25));
      assert.equal(rules.Egress.flatMap(({ peers }) => peers).length, 32 * 16 + 1 + 1 + 2);
    });
  }

  it("without ranges of addresses an AdminNetworkPolicy decides between pods only", () => {
    const served = { names: false, admin: { type: adminNetworkPolicyType, networks: false } };
    const spec = wallNamed("AdminNetworkPolicy/mlsecops-shop", { served })?.object.spec;
    assert.doesNotMatch(JSON.stringify(spec), /networks/);
    assert.deepEqual(
      AdminNetworkPolicySpecSchema.parse(spec).rules.Egress.map(({ action }) => action),
      ["Pass", "Pass", "Deny"],
    );
  });
});

describe("the declaration of a SecureNamespace", () => {
  it("is the same in Audit and in Enforce, and its own walls are no breach of it", () => {
    const spec = specOf({ network: { ...network, exposed: [{ kind: "Ingress", name: "web" }] } });
    const declaration = declarationOf("shop", spec, options);
    assert.equal(declaration.policies.length, 5);
    assert.deepEqual(declaration.exposed, [{ kind: "Ingress", name: "web" }]);
    const audit = declarationOf("shop", specOf({ network, enforcement: "Audit" }), options);
    assert.deepEqual(audit.policies, declaration.policies);
    const policies = wallsOf("shop", spec, options).walls.flatMap(({ type, object }) =>
      type.kind === "NetworkPolicy"
        ? [
            {
              type: "NetworkPolicy" as const,
              ref: {
                apiVersion: "networking.k8s.io/v1",
                kind: "NetworkPolicy",
                namespace: "shop",
                name: object.metadata.name,
              },
              labels: {},
              ...NetworkPolicySpecSchema.parse(object.spec),
            },
          ]
        : [],
    );
    const view = {
      name: "shop",
      namespace: undefined,
      pods: [],
      services: [],
      routes: [],
      referenceGrants: [],
      adminPolicies: [],
      unreadable: [],
    };
    assert.deepEqual(excess({ ...view, policies }, declaration).breaches, []);
    const [first] = policies;
    assert.ok(first !== undefined);
    const wide = { ...first, ...NetworkPolicySpecSchema.parse({ ingress: [{}] }) };
    assert.equal(excess({ ...view, policies: [...policies, wide] }, declaration).breaches[0]?.reason, "PolicyWidens");
  });
});
