import { type SecureNamespace, secureNamespace } from "../../../src/api/index.ts";
import {
  type KubeObject,
  type ObjectClient,
  Informer,
  namespaceType,
  networkPolicyType,
  resourceQuotaType,
  systemClock,
} from "../../../src/kube/index.ts";
import { forEachOf, silentLog, until } from "../../integration/kube/support.ts";
import { Keeper } from "../../integration/isolation/support/keeper.ts";
import { Installation } from "../../integration/operator/support/installation.ts";
import { type Distribution, distributionOf } from "../support/measure.ts";
import { type Row, short } from "../support/report.ts";

const namespaces = Number(process.env["BENCH_NAMESPACES"] ?? 600);
const changes = 200;
const aim = "2 s";
const theirs = "none: it keeps no walls";
/** The chart's default. */
const rateLimit = { perSecond: 200, burst: 400 };
const wall = "mlsecops-default-deny";

/** How soon a wall that somebody takes down is back, among many SecureNamespaces, on a real API server. */
export async function repair(): Promise<readonly Row[]> {
  const installation = new Installation();
  const { admin } = installation;
  await installation.install();
  const keeper = await Keeper.start(installation, rateLimit);
  const names = Array.from({ length: namespaces }, (_, at) => `bench-walls-${at}`);
  const watch = new Watch(admin);
  try {
    const begin = performance.now();
    await forEachOf(names, 8, (name) => create(admin, name));
    await until(async () => (await ready(admin)) >= namespaces, 900_000);
    const first = performance.now() - begin;
    await watch.synced();

    const deleted = await each(names, (name) => watch.back(name, () => remove(admin, name)));
    const edited = await each(names, (name) => watch.back(name, () => widen(admin, name)));
    const quotas = await each(names, (name) => watch.back(name, () => raise(admin, name), resourceQuotaType.kind));
    const all = await Promise.all(names.map((name) => watch.back(name, () => remove(admin, name))));
    const row = (what: string, seen: Distribution): Row => ({
      what: `${what}, among ${namespaces} SecureNamespaces`,
      ours: `p50 ${short(seen.p50)} ms, p99 ${short(seen.p99)} ms, max ${short(seen.max)} ms`,
      theirs,
      aim,
      raw: { ...seen },
    });
    return [
      {
        what: `${namespaces} SecureNamespaces, from nothing to walled and ready`,
        ours: `${short(first / 1000)} s`,
        theirs,
        aim: "none",
        raw: { first },
      },
      row("a deleted NetworkPolicy is back", distributionOf(deleted)),
      row("a widened NetworkPolicy is mended", distributionOf(edited)),
      row("a raised quota is mended", distributionOf(quotas)),
      row(`${namespaces} NetworkPolicies deleted at once are back`, distributionOf(all)),
    ];
  } finally {
    watch.stop();
    await keeper.stop();
    await forEachOf(names, 8, (name) => discard(admin, name));
    installation.transport.close();
  }
}

async function each(names: readonly string[], action: (name: string) => Promise<number>): Promise<readonly number[]> {
  const millis: number[] = [];
  for (let at = 0; at < changes; at++) millis.push(await action(names[(at * 7) % names.length] ?? ""));
  return millis;
}

async function create(client: ObjectClient, name: string): Promise<void> {
  const network = {
    ingress: [{ name: "own", from: [{ pods: { app: "gateway" } }], ports: [{ port: 8080 }] }],
    egress: [{ name: "lan", to: [{ cidr: { block: "10.20.0.0/16" } }], ports: [{ port: 443 }] }],
  };
  const spec = { profile: "training", enforcement: "Enforce", namespace: "Create", network };
  await client.create(secureNamespace.resource, { metadata: { name }, spec } as KubeObject);
}

async function discard(client: ObjectClient, name: string): Promise<void> {
  const removed = [{ op: "remove", path: "/metadata/finalizers" }] as const;
  await client.patchJson(secureNamespace.resource, { name }, removed).catch(() => undefined);
  await client.remove(secureNamespace.resource, { name });
  await client.remove(namespaceType, { name });
}

async function ready(client: ObjectClient): Promise<number> {
  const all = await client.list<SecureNamespace>(secureNamespace.resource);
  return all.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  ).length;
}

function remove(client: ObjectClient, namespace: string): Promise<unknown> {
  return client.remove(networkPolicyType, { namespace, name: wall });
}

function widen(client: ObjectClient, namespace: string): Promise<unknown> {
  const ops = [{ op: "add", path: "/spec/ingress", value: [{}] }] as const;
  return client.patchJson(networkPolicyType, { namespace, name: wall }, ops);
}

function raise(client: ObjectClient, namespace: string): Promise<unknown> {
  const ops = [{ op: "replace", path: "/spec/hard/pods", value: "5000" }] as const;
  return client.patchJson(resourceQuotaType, { namespace, name: "mlsecops" }, ops);
}

/** Sees when a wall is as it was before it was taken down. */
class Watch {
  readonly #stop = new AbortController();
  readonly #informers;

  constructor(client: ObjectClient) {
    this.#informers = [networkPolicyType, resourceQuotaType].map(
      (type) =>
        new Informer<KubeObject & { readonly spec?: unknown }>({
          client,
          type,
          clock: systemClock,
          log: silentLog(),
          labelSelector: "mlsecops.io/wall",
        }),
    );
    for (const informer of this.#informers) informer.start(this.#stop.signal);
  }

  async synced(): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.waitForSync(60_000)));
  }

  /** Milliseconds from when `down` is asked for until the wall is back. */
  async back(namespace: string, down: () => Promise<unknown>, kind = networkPolicyType.kind): Promise<number> {
    const informer = this.#informers.find(({ type }) => type.kind === kind);
    if (informer === undefined) throw new Error(`nobody watches ${kind}`);
    const key = `${namespace}/${kind === networkPolicyType.kind ? wall : "mlsecops"}`;
    const before = informer.store.get(key);
    const wanted = JSON.stringify(before?.spec);
    const begin = performance.now();
    return new Promise((resolve, reject) => {
      let isDown = false;
      const release = informer.onChange(({ type, object }) => {
        if (`${object.metadata.namespace}/${object.metadata.name}` !== key) return;
        const isBefore = object.metadata.resourceVersion === before?.metadata.resourceVersion && type !== "deleted";
        if (isBefore) return;
        if (type === "deleted" || JSON.stringify(object.spec) !== wanted) isDown = true;
        else if (isDown) {
          release();
          resolve(performance.now() - begin);
        }
      });
      down().catch(reject);
    });
  }

  stop(): void {
    this.#stop.abort();
  }
}
