import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type Declaration,
  type ReachType,
  NetworkPolicySpecSchema,
  ReachIndex,
  excess,
  reachTypes,
} from "../../../src/reach/index.ts";
import { type Distribution, distributionOf } from "../support/measure.ts";
import { type Row, short } from "../support/report.ts";

const namespaces = 1_000;
const policiesEach = 10;
const podsEach = 20;
const changes = 5_000;
const aim = "a few ms";
const theirs = "none: it has no network";

/** Reachability of a whole fleet, kept up to date change by change, as an informer would tell of them. */
export function reachability(): Promise<readonly Row[]> {
  const before = memory();
  const index = new ReachIndex();
  const begin = performance.now();
  for (let at = 0; at < namespaces; at++) fill(index, at);
  for (let at = 0; at < namespaces; at++) excess(index.view(nameOf(at)), declaration);
  const first = performance.now() - begin;
  const after = memory();
  const grown: Memory = { held: after.held - before.held, resident: after.resident - before.resident };
  const size = `${count(namespaces)} namespaces, ${count(namespaces * policiesEach)} NetworkPolicies, ${count(namespaces * podsEach)} pods`;
  const row = (what: string, ours: string, raw: object): Row => ({ what, ours, theirs, aim, raw: { ...raw } });
  const timed = (what: string, change: (step: number) => readonly string[], times = changes): Row => {
    const seen = measure(index, change, times);
    return row(`reachability, per change: ${what}`, textOf(seen), seen);
  };
  return Promise.resolve([
    row(`reachability of ${size}, from nothing`, `${short(first)} ms`, { first }),
    row("the same, memory", `${mebibytes(grown.held)} held; ${mebibytes(grown.resident)} more resident`, grown),
    timed("a NetworkPolicy widens, and back", (step) =>
      index.put(type("NetworkPolicy"), policyOf(step % namespaces, 3, step % 2 === 0 ? [{}] : declaredRules)),
    ),
    timed("a pod gets other labels", (step) =>
      index.put(type("Pod"), podOf(step % namespaces, 0, { tier: `t${step}` })),
    ),
    timed("a pod's conditions only", (step) => index.put(type("Pod"), podOf(step % namespaces, 1))),
    timed("a Namespace gets other labels", (step) =>
      index.put(type("Namespace"), namespaceOf(step % namespaces, { step: `${step}` })),
    ),
    timed(
      `a ClusterNetworkPolicy that has a say in all ${count(namespaces)} namespaces`,
      (step) => index.put(type("ClusterNetworkPolicy"), wall(step)),
      20,
    ),
  ]);
}

/** The change, and what it makes to be computed again. */
function measure(index: ReachIndex, change: (step: number) => readonly string[], times: number): Distribution {
  const millis: number[] = [];
  for (let step = 0; step < times; step++) {
    const begin = performance.now();
    for (const name of change(step)) excess(index.view(name), declaration);
    millis.push(performance.now() - begin);
  }
  return distributionOf(millis);
}

const declaredRules = [
  { from: [{ podSelector: { matchLabels: { role: "gateway" } } }], ports: [{ port: 8080 }] },
  {
    from: [
      { namespaceSelector: { matchLabels: { purpose: "monitoring" } } },
      { ipBlock: { cidr: "10.20.0.0/16", except: ["10.20.7.0/24"] } },
    ],
    ports: [{ port: 9090 }, { port: 9100, endPort: 9110 }],
  },
];

/** What the operator would want: as much as a profile with some traffic of its own has. */
const declaration: Declaration = {
  policies: [
    { policyTypes: ["Ingress", "Egress"] },
    { podSelector: { matchExpressions: [{ key: "role", operator: "Exists" }] }, ingress: declaredRules },
    {
      policyTypes: ["Egress"],
      egress: [
        { to: [{ namespaceSelector: {} }], ports: [{ protocol: "UDP", port: 53 }] },
        { to: [{ podSelector: {} }] },
      ],
    },
  ].map((spec) => NetworkPolicySpecSchema.parse(spec)),
  exposed: [],
};

function fill(index: ReachIndex, at: number): void {
  index.put(type("Namespace"), namespaceOf(at));
  index.put(type("NetworkPolicy"), {
    metadata: { namespace: nameOf(at), name: "closed" },
    spec: { policyTypes: ["Ingress", "Egress"] },
  });
  for (let nth = 1; nth < policiesEach; nth++) index.put(type("NetworkPolicy"), policyOf(at, nth, declaredRules));
  for (let nth = 0; nth < podsEach; nth++) index.put(type("Pod"), podOf(at, nth));
}

function nameOf(at: number): string {
  return `bench-${at}`;
}

function namespaceOf(at: number, labels: object = {}): object {
  return { metadata: { name: nameOf(at), labels: { purpose: at % 7 === 0 ? "monitoring" : "serving", ...labels } } };
}

function policyOf(at: number, nth: number, ingress: readonly object[]): object {
  const podSelector = { matchLabels: { role: nth % 2 === 0 ? "server" : "gateway", group: `g${nth}` } };
  return { metadata: { namespace: nameOf(at), name: `policy-${nth}` }, spec: { podSelector, ingress } };
}

function podOf(at: number, nth: number, more: object = {}): object {
  const serial = at * podsEach + nth;
  return {
    metadata: {
      namespace: nameOf(at),
      name: `pod-${nth}`,
      labels: { role: nth % 2 === 0 ? "server" : "gateway", group: `g${nth % policiesEach}`, ...more },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: `set-${nth % 4}`, controller: true }],
    },
    spec: {
      nodeName: `node-${serial % 100}`,
      serviceAccountName: "runner",
      containers: [
        {
          name: "main",
          ports: [
            { name: "http", containerPort: 8080 },
            { name: "metrics", containerPort: 9090 },
          ],
        },
      ],
    },
    status: {
      phase: "Running",
      podIPs: [{ ip: `10.${(serial >> 16) & 255}.${(serial >> 8) & 255}.${serial & 255}` }],
      hostIPs: [{ ip: `172.16.0.${serial % 100}` }],
    },
  };
}

function wall(step: number): object {
  return {
    metadata: { name: "wall" },
    spec: {
      tier: "Admin",
      priority: step % 1000,
      subject: { namespaces: {} },
      ingress: [{ action: "Deny", from: [{ namespaces: {} }] }],
    },
  };
}

function type(kind: string): ReachType {
  const found = reachTypes.find(({ resource }) => resource.kind === kind);
  if (found === undefined) throw new Error(`no kind ${kind}`);
  return found;
}

interface Memory {
  readonly held: number;
  readonly resident: number;
}

/** Without garbage; what the process keeps from the system for later is in the resident memory only. */
function memory(): Memory {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { held: heapUsed, resident: rss };
}

function mebibytes(bytes: number): string {
  return `${short(bytes / 1024 ** 2)} MiB`;
}

function textOf({ p50, p99, max }: Distribution): string {
  return `p50 ${short(p50)} ms, p99 ${short(p99)} ms, worst ${short(max)} ms`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}
