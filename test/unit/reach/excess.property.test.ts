import assert from "node:assert/strict";
import fc from "fast-check";
import { NetworkPolicySpecSchema, excess } from "../../../src/reach/index.ts";
import {
  adminPolicies,
  attemptsOf,
  home,
  namespaces,
  objectsOf,
  policiesOf,
  policySpec,
  pods,
  selector,
} from "./support/arbitraries.ts";
import {
  type Attempt,
  type Cluster,
  type Party,
  type Side,
  namespacedOutcomes,
  sideOutcomes,
} from "./support/brute-force.ts";
import {
  type RawObject,
  type RawPod,
  type RawPolicy,
  type RawPolicySpec,
  type RawRule,
  adminPolicy,
  indexOf,
  policy,
} from "./support/raw.ts";

const closed: RawPolicySpec = { podSelector: {}, policyTypes: ["Ingress", "Egress"] };

/** A spec that allows no more than another one: fewer rules, and of each fewer peers and ports, for fewer pods. */
function narrower(spec: RawPolicySpec): fc.Arbitrary<RawPolicySpec> {
  const fewer = <T>(items: readonly T[] | undefined): fc.Arbitrary<readonly T[] | undefined> =>
    items === undefined || items.length === 0 ? fc.constant(items) : fc.subarray([...items], { minLength: 1 });
  const rule = ({ from, to, ports }: RawRule): fc.Arbitrary<RawRule> =>
    fc
      .record({ from: fewer(from), to: fewer(to), ports: fewer(ports) })
      .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as RawRule);
  const rules = (of: readonly RawRule[] | undefined): fc.Arbitrary<readonly RawRule[]> =>
    fc.tuple(...(of ?? []).map(rule)).chain((all) => fc.subarray(all));
  return fc
    .record({ ingress: rules(spec.ingress), egress: rules(spec.egress), more: selector })
    .map(({ ingress, egress, more }) => ({
      ...spec,
      podSelector: {
        matchLabels: { ...more.matchLabels, ...spec.podSelector?.matchLabels },
        matchExpressions: [...(spec.podSelector?.matchExpressions ?? []), ...(more.matchExpressions ?? [])],
      },
      ...(spec.ingress === undefined ? {} : { ingress }),
      ...(spec.egress === undefined ? {} : { egress }),
    }));
}

/** As an administrator closes a namespace: all pods in the cluster, and for egress all addresses. */
const shut: RawObject = adminPolicy("ClusterNetworkPolicy", "shut", {
  tier: "Admin",
  priority: 2,
  subject: { namespaces: { matchLabels: { "kubernetes.io/metadata.name": home } } },
  ingress: [{ action: "Deny", from: [{ namespaces: {} }] }],
  egress: [{ action: "Deny", to: [{ networks: ["0.0.0.0/0", "::/0"] }] }],
});

interface Case {
  readonly declared: readonly RawPolicy[];
  readonly living: Cluster;
}

const caseOf: fc.Arbitrary<Case> = policiesOf([home], 3, "declared").chain((declared) => {
  const derived =
    declared.length === 0 ? fc.constant(closed) : fc.constantFrom(...declared).chain(({ spec }) => narrower(spec));
  const stray = fc.oneof({ weight: 5, arbitrary: derived }, { weight: 1, arbitrary: policySpec });
  return fc.record({
    declared: fc.constant(declared),
    living: fc.record({
      namespaces,
      pods: pods(4),
      policies: fc
        .tuple(fc.array(stray, { maxLength: 3 }), fc.boolean())
        .map(([strays, isClosed]) => [
          ...(isClosed ? [policy(`${home}/closed`, closed)] : []),
          ...declared,
          ...strays.map((spec, at) => policy(`${home}/stray${at}`, spec)),
        ]),
      admin: fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.constant([shut]) },
        { weight: 2, arbitrary: adminPolicies(2) },
        { weight: 1, arbitrary: adminPolicies(2).map((all) => [shut, ...all]) },
      ),
    }),
  });
});

/** What of an attempt is beyond the declaration, seen from the namespace's own pods. */
function beyond({ declared, living }: Case, attempt: Attempt): string | undefined {
  for (const [side, self, other] of [
    ["Egress", attempt.from, attempt.to],
    ["Ingress", attempt.to, attempt.from],
  ] as const satisfies readonly (readonly [Side, Party, Party])[]) {
    if (typeof self === "string" || !isClosedIn(self)) continue;
    for (const peer of peersOf(living, other)) {
      if (peer.pod === self) continue;
      const isAllowed = sideOutcomes(living, side, [self, peer], attempt).includes(true);
      const ask = { cluster: living, side, pod: self, other: peer, attempt };
      // All that the declaration allows for certain.
      const isDeclared = namespacedOutcomes(declared, ask)?.includes(false) === false;
      const isUnclear = peer.ip === undefined;
      if (isAllowed && !isDeclared && !isUnclear) return `${side} of ${self.metadata.name}`;
    }
  }
  return undefined;
}

function isClosedIn({ metadata, spec, status }: RawPod): boolean {
  return metadata.namespace === home && spec.hostNetwork !== true && status.phase === "Running";
}

function peersOf({ pods }: Cluster, party: Party): readonly { pod: RawPod | undefined; ip: string | undefined }[] {
  if (typeof party !== "string") {
    const ips = party.status.podIPs ?? [];
    return ips.length === 0 ? [{ pod: party, ip: undefined }] : ips.map(({ ip }) => ({ pod: party, ip }));
  }
  const isOwn = ({ spec, status }: RawPod): boolean =>
    spec.hostNetwork !== true && status.phase === "Running" && (status.podIPs ?? []).some(({ ip }) => ip === party);
  return [{ pod: pods.find(isOwn), ip: party }];
}

function excessOf({ declared, living }: Case) {
  const policies = declared.map(({ spec }) => NetworkPolicySpecSchema.parse(spec));
  return excess(indexOf(objectsOf(living)).view(home), { policies, exposed: [] });
}

describe("reach: excess", () => {
  it("finds none only where nothing is reached beyond the declaration", () => {
    const seen = { none: 0, some: 0, real: 0 };
    fc.assert(
      fc.property(caseOf, (one) => {
        const { breaches, total } = excessOf(one);
        assert.equal(breaches.length, Math.min(total, 50));
        const found = attemptsOf(one.living).flatMap((attempt) => {
          const what = beyond(one, attempt);
          return what === undefined ? [] : [`${what}: ${JSON.stringify(attempt)}`];
        });
        const byPolicies = breaches.filter(({ reason }) => reason === "PolicyWidens" || reason === "UnselectedPod");
        seen[byPolicies.length === 0 ? "none" : "some"] += 1;
        if (found.length > 0) seen.real += 1;
        if (byPolicies.length === 0) assert.deepEqual(found.slice(0, 3), []);
        // Where something is reached, a finding counts a pod.
        else if (found.length > 0)
          assert.ok(
            byPolicies.some(({ pods }) => pods.count > 0),
            found[0],
          );
      }),
      { numRuns: 500 },
    );
    for (const count of Object.values(seen)) assert.ok(count > 50, JSON.stringify(seen));
  }).timeout(60_000);

  it("takes no policy that is as declared, or narrower, for a breach", () => {
    const derived = policiesOf([home], 3).chain((declared) =>
      fc.tuple(
        fc.constant(declared),
        fc.tuple(...declared.map(({ spec }) => fc.oneof(fc.constant(spec), fc.constant({ ...spec, ingress: [] })))),
        pods(3),
        namespaces,
      ),
    );
    fc.assert(
      fc.property(derived, ([declared, specs, pods, namespaces]) => {
        const policies = specs.map((spec, at) => policy(`${home}/copy${at}`, spec));
        const living = { namespaces, pods, policies, admin: [] };
        const { breaches } = excessOf({ declared, living });
        assert.deepEqual(
          breaches.filter(({ reason }) => reason === "PolicyWidens"),
          [],
        );
      }),
      { numRuns: 300 },
    );
  });
});
