import { readFile } from "node:fs/promises";
import { ENFORCEMENT_LABEL, GrantStore, PROFILE_LABEL, contribute } from "../../../src/admission/index.ts";
import { ObjectClient, type KubeObject } from "../../../src/kube/index.ts";
import { connect, eventually, loadKubeConfig, namespaces, randomName, until } from "../../integration/kube/support.ts";
import { Installation } from "../../integration/operator/support/installation.ts";
import { PeerWebhook } from "../peers/webhook.ts";
import { PodLoad, type PolicyTime, type Seen } from "../support/pod-load.ts";
import { short, type Row } from "../support/report.ts";
import type { Setting } from "./setting.ts";

const clients = 200;
/** 100 pods a second in all: for each of them one in two seconds. */
const steady = { clients, periodMs: 2_000, rounds: 15 };
/** As many as policy-controller can do, see docs/perf/trust.md. */
const slow = { clients, periodMs: 20_000, rounds: 2 };
const aim = "p99 < 10 ms";

/** What admission costs a pod: in an enforced namespace, under policy-controller, and in a namespace of neither. */
export async function addedAdmissionLatency(setting: Setting): Promise<readonly Row[]> {
  const kubeConfig = loadKubeConfig();
  const installation = new Installation(kubeConfig);
  const load = await PodLoad.connect(kubeConfig, clients);
  const image = setting.references[0] ?? "";
  const [open, enforced, peers] = [randomName("open"), randomName("enforced"), randomName("peers")] as const;
  try {
    await installation.install();
    for (const name of [open, enforced, peers])
      await installation.admin.create<KubeObject>(namespaces, { metadata: { name, labels: { bench: "trust" } } });
    await enforce(installation, enforced, image);
    await until(async () => (await load.tryPod(open, image)).status === 201);
    await until(async () => (await load.tryPod(enforced, image)).status === 201);
    const unsigned = image.replace(/@.*/, `@sha256:${"0".repeat(64)}`);
    await until(async () => (await load.tryPod(enforced, unsigned)).status !== 201);

    await load.run([open, enforced], image, { ...steady, rounds: 3 });
    const ours = await load.run([open, enforced], image, steady);
    const alone = await policyTime(load, { namespace: enforced, image });
    const webhook = await PeerWebhook.install(kubeConfig);
    try {
      await eventuallyTrusts(webhook, setting);
      await label(installation.admin, peers, { "policy.sigstore.dev/include": "true" });
      await awaitPeer(load, webhook, { peers, image, unsigned });
      const theirsSlow = await load.run([open, peers], image, slow);
      const theirs = await load.run([open, peers], image, { ...steady, rounds: 4 });
      setting.registry.freeze();
      const hanging = await load.run([open, enforced], image, steady);
      const theirsHanging = await load.burst(peers, image, clients);
      setting.registry.thaw();
      const row = (what: string, mine: readonly Seen[], peer: string, raw: object): Row => ({
        what,
        ours: added(mine),
        theirs: peer,
        aim,
        raw: { ours: mine, ...raw },
      });
      return [
        row(`added admission latency, ${clients} clients, 100 pods a second`, ours, added(theirs), { theirs }),
        row(`the same, 10 pods a second`, await load.run([open, enforced], image, slow), added(theirsSlow), {
          theirs: theirsSlow,
        }),
        inside(alone),
        row(
          `the same at 100 pods a second, while the registry hangs`,
          hanging,
          `${clients} pods at once: ${theirsHanging.refused} refused, after p50 ${short(theirsHanging.p50)} ms, worst ${short(theirsHanging.max)} ms`,
          { theirs: theirsHanging },
        ),
      ];
    } finally {
      setting.registry.thaw();
      await webhook.remove();
    }
  } finally {
    await load.close();
    installation.transport.close();
  }
}

/** Of pods in the enforced namespace alone. */
async function policyTime(
  load: PodLoad,
  { namespace, image }: { readonly namespace: string; readonly image: string },
): Promise<PolicyTime> {
  const before = await load.policyTime();
  await load.run([namespace], image, { ...steady, rounds: 5 });
  return load.policyTime(before);
}

function inside(time: PolicyTime): Row {
  const share = (part: number): string => `${((100 * part) / time.created).toFixed(1)} %`;
  return {
    what: "of it in the admission policies, by the API server's own clock",
    ours: `mean ${short((1000 * time.seconds) / time.created)} ms; ${share(time.within5ms)} within 5 ms, ${share(time.within25ms)} within 25 ms`,
    theirs: "-",
    aim,
    raw: { ours: time },
  };
}

/** As the operator does it, with the operator's rights: the grant first, then the labels that bind the policies. */
async function enforce(installation: Installation, namespace: string, image: string): Promise<void> {
  const transport = connect(await installation.operatorKubeConfig());
  const operator = new ObjectClient({ transport });
  const notAfter = new Date(Date.now() + 3_600_000);
  const uses = [{ digest: image.split("@")[1] ?? "", use: "container", notAfter }] as const;
  const owner = { kind: "SecureNamespace", name: namespace } as const;
  const grants = new GrantStore(operator);
  await eventually(() =>
    grants.change(namespace, (grant) => contribute(grant, owner, { uses, revisions: {} }), { ensure: true }),
  );
  await label(operator, namespace, { [ENFORCEMENT_LABEL]: "enforce", [PROFILE_LABEL]: "training" });
  transport.close();
}

async function label(client: ObjectClient, name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const path = (key: string): string => `/metadata/labels/${key.replaceAll("/", "~1")}`;
  const changes = Object.entries(labels).map(([key, value]) => ({ op: "add", path: path(key), value }) as const);
  await eventually(() => client.patchJson(namespaces, { name }, changes));
}

/** Its certificates, its leases and its caches take their time. */
async function eventuallyTrusts(webhook: PeerWebhook, setting: Setting): Promise<void> {
  await until(
    () =>
      webhook.trust([setting.release]).then(
        () => true,
        () => false,
      ),
    60_000,
  );
}

async function awaitPeer(
  load: PodLoad,
  webhook: PeerWebhook,
  { peers, image, unsigned }: { readonly peers: string; readonly image: string; readonly unsigned: string },
): Promise<void> {
  let last = "";
  try {
    await until(async () => {
      const [good, bad] = [await load.tryPod(peers, image), await load.tryPod(peers, unsigned)];
      last = good.message;
      return good.status === 201 && bad.status !== 201;
    }, 60_000);
  } catch (error) {
    const log = await readFile(webhook.log, "utf8");
    throw new Error(`policy-controller admits nothing: ${last}\n${log.slice(-4000)}`, { cause: error });
  }
}

function added([open, guarded]: readonly Seen[]): string {
  if (open === undefined || guarded === undefined) return "nothing seen";
  const refused = guarded.refused === 0 ? "" : `; ${guarded.refused} of ${guarded.count} refused`;
  const difference = (a: number, b: number): string => `${b >= a ? "+" : "-"}${short(Math.abs(b - a))} ms`;
  return `p50 ${difference(open.p50, guarded.p50)}, p99 ${difference(open.p99, guarded.p99)} (${short(open.p50)} and ${short(open.p99)} without)${refused}`;
}
