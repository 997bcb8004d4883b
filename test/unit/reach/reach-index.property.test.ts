import assert from "node:assert/strict";
import fc from "fast-check";
import { type Excess, type ReachIndex, NetworkPolicySpecSchema, excess } from "../../../src/reach/index.ts";
import { adminPolicies, cluster, objectsOf, policySpec, pods, selector } from "./support/arbitraries.ts";
import { type RawObject, indexOf, keyOf, namespace, policy, typeOf } from "./support/raw.ts";

const names = ["home", "away", "far"] as const;
const declaration = {
  policies: [NetworkPolicySpecSchema.parse({ policyTypes: ["Ingress", "Egress"] })],
  exposed: [{ kind: "Service", name: "service-0" }],
};

const unreadable = { podSelector: {}, ingress: [{ from: [{}] }] };
const name = fc.constantFrom(...names);
const service = fc.record({
  of: name,
  type: fc.constantFrom("ClusterIP", "NodePort", "LoadBalancer"),
  selector: fc.constantFrom({}, { app: "a" }),
});
const route = fc.record({ of: name, to: name, isIngress: fc.boolean() });

/** An object of any kind, under one of few names, so that changes and deletions meet what is there. */
const object: fc.Arbitrary<RawObject> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(name, policySpec, fc.nat(1)).map(([of, spec, at]) => policy(`${of}/p${at}`, spec)) },
  { weight: 1, arbitrary: name.map((of) => policy(`${of}/p0`, unreadable)) },
  {
    weight: 3,
    arbitrary: pods(2)
      .map(([first]) => first)
      .map((one) => one ?? namespace("home")),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(name, fc.constantFrom({}, { app: "a" })).map(([of, labels]) => namespace(of, labels)),
  },
  { weight: 2, arbitrary: adminPolicies(1).map(([first]) => first ?? namespace("away")) },
  {
    weight: 1,
    arbitrary: selector.map((namespaces): RawObject => ({
      kind: "AdminNetworkPolicy",
      metadata: { name: "admin-0" },
      spec: { priority: 1, subject: { namespaces }, ingress: [{ action: "Deny", from: [{}] }] },
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(service, fc.nat(1)).map(([{ of, type, selector }, at]): RawObject => ({
      kind: "Service",
      metadata: { name: `service-${at}`, namespace: of },
      spec: { type, selector, ports: [{ port: 80 }] },
    })),
  },
  {
    weight: 2,
    arbitrary: route.map(({ of, to, isIngress }): RawObject =>
      isIngress
        ? {
            kind: "Ingress",
            metadata: { name: "ingress", namespace: of },
            spec: { defaultBackend: { service: { name: "service-0" } } },
          }
        : {
            kind: "HTTPRoute",
            metadata: { name: "route", namespace: of },
            spec: {
              parentRefs: [{ name: "gateway" }],
              rules: [{ backendRefs: [{ name: "service-0", namespace: to }] }],
            },
          },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, name).map(([of, from]): RawObject => ({
      kind: "ReferenceGrant",
      metadata: { name: "grant", namespace: of },
      spec: {
        from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: from }],
        to: [{ group: "", kind: "Service" }],
      },
    })),
  },
);

const change = fc.record({ object, isDeleted: fc.boolean(), isRepeated: fc.boolean() });

function all(index: ReachIndex): ReadonlyMap<string, Excess> {
  return new Map(names.map((of) => [of, excess(index.view(of), declaration)]));
}

/** Without the Namespace itself there is nothing to compute. */
function ofLiving(kept: ReadonlyMap<string, Excess>, living: Iterable<RawObject>): object {
  const there = new Set([...living].map(({ kind, metadata }) => (kind === "Namespace" ? metadata.name : undefined)));
  return Object.fromEntries([...kept].filter(([of]) => there.has(of)));
}

describe("reach: ReachIndex", () => {
  it("gives after any changes what looking at everything anew gives, if only what it names is computed again", () => {
    let untouched = 0;
    fc.assert(
      fc.property(cluster, fc.array(change, { maxLength: 12 }), (world, changes) => {
        const living = new Map(objectsOf(world).map((one) => [`${one.kind} ${keyOf(one)}`, one]));
        const index = indexOf([...living.values()]);
        const kept = new Map(all(index));
        for (const { object, isDeleted, isRepeated } of changes) {
          const slot = `${object.kind} ${keyOf(object)}`;
          const touched = new Set(
            isDeleted ? index.delete(typeOf(object.kind), keyOf(object)) : index.put(typeOf(object.kind), object),
          );
          if (isDeleted) living.delete(slot);
          else living.set(slot, object);
          if (isRepeated && !isDeleted) assert.deepEqual(index.put(typeOf(object.kind), object), []);
          for (const of of touched) kept.set(of, excess(index.view(of), declaration));
          untouched += names.length - touched.size;
          const anew = all(indexOf([...living.values()]));
          assert.deepEqual(ofLiving(kept, living.values()), ofLiving(anew, living.values()));
        }
        for (const one of living.values()) index.delete(typeOf(one.kind), keyOf(one));
        for (const of of names) {
          const { pods, policies, services, routes, unreadable, adminPolicies } = index.view(of);
          assert.equal([pods, policies, services, routes, unreadable, adminPolicies].flat().length, 0);
        }
      }),
      { numRuns: 100 },
    );
    assert.ok(untouched > 200, String(untouched));
  }).timeout(60_000);
});
