import assert from "node:assert/strict";
import fc from "fast-check";
import { ReachIndex, type ReachType, evaluate, reachTypes } from "../../src/reach/index.ts";
import { apply, json, must } from "./support/kubectl.ts";
import { namespaceObject } from "./support/objects.ts";
import { type Reached, type Target, answering, send } from "./support/packets.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, unique } from "./support/world.ts";

/** Each is a set of policies; together they use every field that a policy has. The same ones in each run. */
const seeds = [11, 23, 37, 41, 59, 67];
const ports = [8080, 9090];
const teams = ["red", "blue"];
const roles = ["client", "server"];

interface LivePod {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly status: { readonly podIP: string };
}

interface Listed {
  readonly items: readonly LivePod[];
}

describe("what the policies say, and where packets get", function () {
  this.timeout(180_000);
  const namespaces = [unique("reach"), unique("reach"), unique("reach")];
  let world: World;
  let pods: readonly LivePod[] = [];

  before(async () => {
    world = await openWorld();
    await apply(
      ...namespaces.map((name, at) => {
        const object = namespaceObject(name) as { metadata: { labels: object } };
        return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...teamOf(at) } } };
      }),
      ...namespaces.flatMap((namespace) => roles.map((role) => pod(namespace, role))),
    );
    await Promise.all(
      namespaces.map((name) => must(["-n", name, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=90s"])),
    );
    pods = (await Promise.all(namespaces.map((name) => json("-n", name, "get", "pods")))).flatMap(
      (list) => (list as Listed).items,
    );
  });

  after(() => discard(...namespaces.map((name) => `namespace/${name}`)));

  const teamOf = (at: number): object => (at === 0 ? {} : { team: teams[at - 1] });

  const pod = (namespace: string, role: string): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name: role, labels: { role } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "main",
          image: world.unsigned,
          command: answering(ports),
          ports: [{ name: "web", containerPort: 8080 }],
          readinessProbe: { tcpSocket: { port: 9090 }, periodSeconds: 1 },
        },
      ],
    },
  });

  const targets = (): readonly Target[] =>
    pods.flatMap(({ status }) =>
      ports.flatMap((port) => (["TCP", "UDP"] as const).map((protocol) => ({ address: status.podIP, port, protocol }))),
    );

  /** What src/reach says, from the live objects. */
  async function expected(): Promise<ReadonlyMap<LivePod, readonly Reached[]>> {
    const index = new ReachIndex();
    for (const type of reachTypes.filter(({ builtin }) => builtin)) {
      for (const object of await listed(type)) index.put(type, object);
    }
    return new Map(
      pods.map((from) => [
        from,
        targets().map(({ address, port, protocol }): Reached => {
          const source = index.pod(from.metadata.namespace, from.metadata.name);
          assert.ok(source);
          const { outcome, why } = evaluate(index, { from: { pod: source }, to: { address }, port, protocol });
          assert.notEqual(outcome, "Unknown", why);
          return outcome === "Allowed" ? "Reached" : "Dropped";
        }),
      ]),
    );
  }

  for (const seed of seeds) {
    it(`agree for each pair of pods, port and protocol (set ${seed})`, async () => {
      const [policies = []] = fc.sample(policySet(namespaces, pods), { seed, numRuns: 1 });
      for (const name of namespaces) await must(["-n", name, "delete", "networkpolicies", "--all"]);
      await apply(...policies);
      const wanted = await expected();
      const all = [...wanted.values()].flat();
      await eventually(
        "packets get where the policies say",
        async () => {
          const seen = await Promise.all(
            pods.map(async (from) => ({
              from,
              got: await send(from.metadata.namespace, from.metadata.name, targets()),
            })),
          );
          return seen.flatMap(({ from, got }) =>
            got.flatMap((reached, at) =>
              reached === wanted.get(from)?.[at]
                ? []
                : [{ from: from.metadata, to: targets()[at], reached, expected: wanted.get(from)?.[at] }],
            ),
          );
        },
        (wrong) => wrong.length === 0,
        30_000,
      );
      // A set under which everything or nothing gets through would say little.
      assert.ok(new Set(all).size === 2, `only ${all[0] ?? "nothing"}`);
    });
  }
});

async function listed({ resource }: ReachType): Promise<readonly unknown[]> {
  const name = resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
  return ((await json("get", name, "-A")) as { items: readonly unknown[] }).items;
}

function policySet(namespaces: readonly string[], pods: readonly LivePod[]): fc.Arbitrary<object[]> {
  const labels = (key: string, values: readonly string[]): fc.Arbitrary<object> =>
    fc.oneof(
      fc.constant({}),
      fc.constantFrom(...values).map((value) => ({ matchLabels: { [key]: value } })),
      fc.record({
        matchExpressions: fc.tuple(
          fc.oneof(
            fc.record({
              key: fc.constant(key),
              operator: fc.constantFrom("In", "NotIn"),
              values: fc.subarray([...values], { minLength: 1 }),
            }),
            fc.record({ key: fc.constant(key), operator: fc.constantFrom("Exists", "DoesNotExist") }),
          ),
        ),
      }),
    );
  const addresses = pods.map(({ status }) => status.podIP);
  const block = fc.oneof(
    fc.constantFrom(...addresses).map((address) => ({ cidr: `${address}/32` })),
    fc.subarray(addresses, { minLength: 1, maxLength: 3 }).map((except) => ({
      cidr: "0.0.0.0/0",
      except: except.map((address) => `${address}/32`),
    })),
  );
  const peer = fc.oneof(
    fc.record({ podSelector: labels("role", roles) }),
    fc.record({ namespaceSelector: labels("team", teams) }),
    fc.record({ podSelector: labels("role", roles), namespaceSelector: labels("team", teams) }),
    block.map((ipBlock) => ({ ipBlock })),
  );
  const port = fc.oneof(
    fc.record({ port: fc.constantFrom(...ports), protocol: fc.constantFrom("TCP", "UDP") }),
    fc.constant({ port: "web" }),
    fc.record({ protocol: fc.constantFrom("TCP", "UDP") }),
    fc.constantFrom(8080, 8081).map((first) => ({ port: first, endPort: 9090, protocol: "UDP" })),
  );
  const rule = (side: "from" | "to"): fc.Arbitrary<object> =>
    fc.record(
      { [side]: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }) },
      { requiredKeys: [] },
    );
  const spec = fc
    .record({
      podSelector: labels("role", roles),
      policyTypes: fc.subarray(["Ingress", "Egress"], { minLength: 1 }),
      ingress: fc.array(rule("from"), { maxLength: 2 }),
      egress: fc.array(rule("to"), { maxLength: 2 }),
    })
    .map(({ podSelector, policyTypes, ingress, egress }) => ({
      podSelector,
      policyTypes,
      ...(policyTypes.includes("Ingress") ? { ingress } : {}),
      ...(policyTypes.includes("Egress") ? { egress } : {}),
    }));
  return fc
    .array(fc.record({ namespace: fc.constantFrom(...namespaces), spec }), { minLength: 3, maxLength: 5 })
    .map((all) =>
      all.map(({ namespace, spec: one }, at) => ({
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { namespace, name: `policy-${at}` },
        spec: one,
      })),
    );
}
