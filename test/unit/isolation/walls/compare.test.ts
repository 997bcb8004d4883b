import assert from "node:assert/strict";
import { networkPolicyType, serviceAccountType } from "../../../../src/kube/index.ts";
import { differs, planOf } from "../../../../src/isolation/walls/compare.ts";
import { type Wall, type WallObject, wallKey, wallName } from "../../../../src/isolation/walls/wall.ts";
import { wallsOf } from "../../../../src/isolation/walls/walls.ts";
import { ciliumNetworkPolicyType } from "../../../../src/isolation/walls/hosts.ts";
import { options, specOf } from "./support.ts";

const spec = specOf({
  quota: { "requests.cpu": "0.5" },
  network: { egress: [{ name: "api", to: [{ fqdn: "a.example.com" }], ports: [{ port: 443 }] }] },
});
const people = [
  {
    metadata: { name: "mlsecops-auditor" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "r" },
    subjects: [{ kind: "Group", name: "auditors" }],
  },
];
const { walls } = wallsOf("shop", spec, { ...options, people, served: { names: true, admin: undefined } });
const named = (name: string): Wall => {
  const found = walls.find(({ type, object }) => wallName(type, object) === name);
  assert.ok(found !== undefined, name);
  return found;
};
/** As the API server gives it back. */
function living({ object }: Wall, changes: object = {}): WallObject {
  const copy = structuredClone(object);
  return { ...copy, metadata: { ...copy.metadata, uid: "u", annotations: { team: "a" } }, ...changes };
}

describe("what differs from a wall", () => {
  for (const wall of walls)
    it(`${wallName(wall.type, wall.object)}: nothing as it is, all when it is gone, goes, or lost its label`, () => {
      const there = living(wall);
      assert.equal(differs(wall, there), false);
      assert.equal(differs(wall, undefined), true);
      const leaving = { ...there.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
      assert.equal(differs(wall, { ...there, metadata: leaving }), true);
      assert.equal(differs(wall, { ...there, metadata: { ...there.metadata, labels: {} } }), true);
      const foreign = { ...there.metadata, labels: { ...there.metadata.labels, "mlsecops.io/wall": "other" } };
      assert.equal(differs(wall, { ...there, metadata: foreign }), true);
    });

  it("of a NetworkPolicy the whole spec", () => {
    const deny = named("NetworkPolicy/mlsecops-default-deny");
    const asServed = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };
    assert.equal(differs(deny, living(deny, { spec: asServed })), false);
    for (const changed of [
      { ...asServed, ingress: [{}] },
      { ...asServed, egress: [{}] },
      { ...asServed, policyTypes: ["Ingress"] },
      { ...asServed, podSelector: { matchLabels: { app: "none" } } },
    ])
      assert.equal(differs(deny, living(deny, { spec: changed })), true);
  });

  it("of a ResourceQuota our keys, by amount, and no scope that takes pods out of it", () => {
    const quota = named("ResourceQuota/mlsecops");
    const { hard } = quota.object.spec as { readonly hard: Record<string, string> };
    const with_ = (changes: object, rest: object = {}) =>
      living(quota, { spec: { hard: { ...hard, ...changes }, ...rest }, status: { used: {} } });
    assert.equal(differs(quota, with_({ "requests.cpu": "500m", "count/configmaps": "5" })), false);
    assert.equal(differs(quota, with_({ "requests.cpu": "501m" })), true);
    assert.equal(differs(quota, with_({}, { scopes: ["Terminating"] })), true);
    assert.equal(differs(quota, with_({}, { scopeSelector: { matchExpressions: [] } })), true);
  });

  it("of a LimitRange all", () => {
    const range = named("LimitRange/mlsecops");
    const { limits } = range.object.spec as { readonly limits: readonly { readonly max: Record<string, string> }[] };
    const [first] = limits;
    const max = { ...first?.max, memory: String(32 * 1024 ** 3) };
    assert.equal(differs(range, living(range, { spec: { limits: [{ ...first, max }] } })), false);
    assert.equal(differs(range, living(range, { spec: { limits: [{ ...first, max: {} }] } })), true);
    assert.equal(differs(range, living(range, { spec: { limits: [...limits, { type: "Pod" }] } })), true);
    assert.equal(differs(range, living(range, { spec: { limits: [{ ...first, min: { cpu: "1" } }] } })), true);
  });

  it("of a ServiceAccount whether a token is mounted, of a RoleBinding role and subjects", () => {
    const account = named("ServiceAccount/default");
    assert.equal(differs(account, living(account, { imagePullSecrets: [{ name: "login" }] })), false);
    assert.equal(differs(account, living(account, { automountServiceAccountToken: true })), true);
    const binding = named("RoleBinding/mlsecops-auditor");
    const more = [...(people[0]?.subjects ?? []), { kind: "User", name: "eve" }];
    assert.equal(differs(binding, living(binding, { subjects: more })), true);
    assert.equal(differs(binding, living(binding, { roleRef: { name: "cluster-admin" } })), true);
  });

  it("of a policy of Cilium its spec with what is added by default, and no second one beside it", () => {
    const policy = named("CiliumNetworkPolicy/mlsecops-out-api-names");
    const own = policy.object.spec as object;
    assert.equal(differs(policy, living(policy, { spec: { ...own, ingress: [{}] } })), true);
    assert.equal(differs(policy, living(policy, { specs: [{ endpointSelector: {} }] })), true);
    assert.equal(policy.type, ciliumNetworkPolicyType);
  });
});

describe("what is to be done about walls", () => {
  const all = new Map(walls.map((wall) => [wallKey(wall.type, wall.object), living(wall)]));
  const find = ({ type, object }: Wall) => all.get(wallKey(type, object));
  const lines = (list: readonly Pick<Wall, "type" | "object">[]) =>
    list.map(({ type, object }) => wallName(type, object));

  it("nothing where all is as it should be", () => {
    const ours = walls.map((wall) => ({ type: wall.type, object: living(wall) }));
    assert.deepEqual(planOf(walls, { find, ours }), { removeFirst: [], apply: [], removeLast: [] });
  });

  it("takes away what is not wanted any more: what opens first, what keeps all apart last", () => {
    const ours = walls.map((wall) => ({ type: wall.type, object: living(wall) }));
    const { removeFirst, apply, removeLast } = planOf([], { find, ours });
    assert.deepEqual(apply, []);
    assert.deepEqual(lines(removeFirst), [
      "RoleBinding/mlsecops-auditor",
      "NetworkPolicy/mlsecops-dns",
      "CiliumNetworkPolicy/mlsecops-out-api-names",
    ]);
    assert.deepEqual(lines(removeLast), [
      "ResourceQuota/mlsecops",
      "LimitRange/mlsecops",
      "ServiceAccount/default",
      "NetworkPolicy/mlsecops-default-deny",
    ]);
  });

  it("makes what is missing in the order in which it is given", () => {
    const { apply } = planOf(walls, { find: () => undefined, ours: [] });
    assert.deepEqual(apply, walls);
    assert.equal(apply[0]?.type, networkPolicyType);
    assert.ok(apply.some(({ type }) => type === serviceAccountType));
  });
});
