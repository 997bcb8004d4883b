import assert from "node:assert/strict";
import type { AccessFindings } from "../../../src/access/index.ts";
import { GrantStore, contribute, emptyGrant, isGranted } from "../../../src/admission/index.ts";
import {
  type AdmissionGrant,
  type SecureModel,
  type SecureNamespace,
  SecureNamespaceStatus,
} from "../../../src/api/index.ts";
import { type PodObject, type RoleBinding, isolationReconciler } from "../../../src/isolation/index.ts";
import type { Leaving, WallsState } from "../../../src/isolation/walls/view.ts";
import { type EventDetail, KubeError, type KubeObject, Store, createLogger } from "../../../src/kube/index.ts";
import type { Fact } from "../../../src/governance/index.ts";
import type { Breach } from "../../../src/reach/index.ts";
import type { Verdict, Verification, VerifyRequest } from "../../../src/trust/index.ts";
import { FakeClient } from "../../support/fake-client.ts";

const start = new Date("2030-01-01T00:00:00Z");
const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const grantKey = "admissiongrants/shop/mlsecops";
const finalizer = "mlsecops.io/namespace";
const enforceLabels = { "mlsecops.io/enforcement": "enforce", "mlsecops.io/profile": "training" };

class World {
  readonly client = new FakeClient();
  readonly namespaces = new Store<SecureNamespace>();
  readonly living = new Store<KubeObject>();
  readonly models = new Store<SecureModel>();
  readonly pods = new Store<PodObject>();
  readonly bindings = new Store<RoleBinding>();
  readonly events: EventDetail[] = [];
  readonly facts: Fact[] = [];
  readonly asked: VerifyRequest[] = [];
  now = start;
  guardProblems: readonly string[] = [];
  access: AccessFindings | undefined = { count: 0, examples: [] };
  breaches: readonly Breach[] = [];
  walls: WallsState | undefined = { uid: "u1", generation: 1, objects: 7, repaired: 0, problems: [] };
  leaving: Leaving | undefined = { state: "Done" };
  credentials: () => Promise<undefined> = () => Promise.resolve(undefined);
  verify: (request: VerifyRequest) => Verification = (request) => verified(request);

  constructor(spec: Record<string, unknown> = {}, metadata: Partial<KubeObject["metadata"]> = {}) {
    const name = metadata.name ?? "shop";
    this.client.add("securenamespaces", {
      metadata: { name, uid: "u1", resourceVersion: "1", generation: 1, ...metadata },
      spec: { profile: "training", enforcement: "Enforce", allowedImages: [{ name: "runtime", reference }], ...spec },
    } as KubeObject);
    this.client.add("namespaces", { metadata: { name, uid: "n1", labels: { team: "a" } } });
  }

  /** What the informers would bring, and then one pass. */
  async pass(key = "shop") {
    this.#sync("securenamespaces", this.namespaces);
    this.#sync("namespaces", this.living);
    this.#sync("rolebindings", this.bindings);
    this.client.writes.length = 0;
    const reconcile = isolationReconciler({
      client: this.client,
      namespaces: this.namespaces,
      living: this.living,
      models: this.models,
      pods: this.pods,
      bindings: this.bindings,
      walls: { state: () => this.walls, leaving: () => this.leaving },
      grants: new GrantStore(this.client),
      verifier: {
        verify: async (request) => {
          await request.credentialSource?.read();
          this.asked.push(request);
          return this.verify(request);
        },
      },
      exceptions: () => [],
      policies: () => [],
      pullCredentials: () => ({ who: "shop", read: () => this.credentials() }),
      reach: () => ({ excess: { breaches: this.breaches, total: this.breaches.length }, unknown: [] }),
      guardProblems: () => this.guardProblems,
      access: () => this.access,
      events: { emit: (_regarding, detail) => this.events.push(detail) },
      evidence: { head: () => undefined, record: (_object, facts) => this.facts.push(...facts()) },
      identity: { namespace: "mlsecops-system", serviceAccount: "mlsecops-operator" },
      now: () => this.now,
    });
    const log = createLogger({ level: "silent" });
    return reconcile(key, { log, signal: new AbortController().signal, reconcileId: "test" });
  }

  grant() {
    return (this.client.objects.get(grantKey) as AdmissionGrant | undefined)?.spec ?? emptyGrant;
  }

  object(name = "shop") {
    return this.client.objects.get(`securenamespaces/${name}`) as SecureNamespace | undefined;
  }

  condition(type: string) {
    const found = this.object()?.status?.conditions?.find((condition) => condition.type === type);
    return found === undefined ? undefined : `${found.status}/${found.reason}`;
  }

  change(change: (object: SecureNamespace) => KubeObject) {
    const object = this.object();
    assert.ok(object);
    this.client.add("securenamespaces", change(object));
  }

  labels() {
    return this.client.objects.get("namespaces/shop")?.metadata.labels;
  }

  pod(name: string, image: string, phase = "Running") {
    this.pods.put({
      metadata: { name, namespace: "shop", creationTimestamp: this.now.toISOString() },
      spec: { containers: [{ name: "main", image }] },
      status: { phase },
    });
  }

  #sync<T extends KubeObject>(plural: string, store: Store<T>) {
    for (const key of store.keys()) store.delete(key);
    for (const [key, object] of this.client.objects)
      if (key.startsWith(`${plural}/`)) store.put(structuredClone(object) as T);
  }
}

const reference = "registry.example/runtime:v1";

function common(now: Date) {
  return {
    message: "said",
    digest: digest(1),
    policies: [],
    trustFingerprint: "t",
    decidedAt: now,
    recheckAfter: new Date(now.getTime() + 60_000),
    warnings: [],
  };
}

const signer = { policy: "p", authority: "a", keyFingerprint: "k" };

function term(now: Date) {
  const notAfter = new Date(now.getTime() + 3_600_000);
  return { verifiedAt: now, notAfter, onExpiry: "Quarantine", graceUntil: notAfter } as const;
}

function movedTo(n: number, { now }: VerifyRequest): Verification {
  const verdict: Verdict = { ...common(now), digest: digest(n), outcome: "Rejected", reason: "NoSignature" };
  return { verdict, source: "Registry" };
}

function verified({ now }: VerifyRequest): Verification {
  const verdict: Verdict = {
    ...common(now),
    ...term(now),
    outcome: "Verified",
    reason: "Verified",
    digest: digest(1),
    attestations: [],
    signers: [signer],
  };
  return {
    verdict,
    source: "Registry",
    artifact: { name: "registry.example/runtime", digest: digest(1), platformDigests: [digest(2)] },
  };
}

function rejected({ now }: VerifyRequest): Verification {
  return { verdict: { ...common(now), outcome: "Rejected", reason: "NoSignature" }, source: "Registry" };
}

function indeterminate({ now }: VerifyRequest): Verification {
  const carried = {
    ...term(start),
    attestations: [],
    signers: [signer],
    policies: [],
    trustFingerprint: "t",
    trust: "Same",
  } as const;
  const verdict: Verdict = {
    ...common(now),
    outcome: "Indeterminate",
    reason: "RegistryUnavailable",
    carried,
    stands: true,
  };
  return { verdict, source: "Registry" };
}

const allowAll: Breach = {
  object: { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", namespace: "shop", name: "allow-all" },
  direction: "Ingress",
  reason: "PolicyWidens",
  allows: "ingress from everybody on every port",
  pods: { count: 1, examples: ["web"] },
};

const granted = (world: World, n: number) => isGranted(world.grant(), digest(n), "container", world.now);

describe("the reconciler of SecureNamespaces", () => {
  it("does nothing for an object that is gone", async () => {
    const world = new World();
    assert.deepEqual(await world.pass("other"), {});
    assert.deepEqual(world.client.writes, []);
  });

  it("says who may do more than its people, in status and once in an Event, and is Ready all the same", async () => {
    const world = new World();
    const examples = [{ binding: "RoleBinding/old", subjects: "Group devs", allows: "get secrets" }];
    world.access = { count: 1, examples };
    await world.pass();
    await world.pass();
    assert.equal(world.condition("AccessTight"), "False/BindingsExceed");
    assert.equal(world.condition("Ready"), "True/Enforced");
    assert.deepEqual(world.object()?.status?.access, { count: 1, examples });
    assert.deepEqual(
      world.events.map(({ reason }) => reason),
      ["AccessNotTight"],
    );
    world.access = undefined;
    await world.pass();
    assert.equal(world.condition("AccessTight"), "Unknown/AccessUnknown");
    assert.equal(world.object()?.status?.access?.count, 1);
    world.access = { count: 0, examples: [] };
    await world.pass();
    assert.equal(world.condition("AccessTight"), "True/Tight");
    assert.equal(world.events.length, 1);
  });

  it("binds its role, grants, and labels only then", async () => {
    const world = new World();
    assert.deepEqual(await world.pass(), { requeueAfterMs: 60_000 });
    assert.deepEqual(world.client.writes, [
      "patch securenamespaces/shop",
      "apply rolebindings/shop/mlsecops-operator-workloads",
      `create ${grantKey}`,
      "patch namespaces/shop",
      "apply status securenamespaces/shop",
    ]);
    assert.deepEqual(world.object()?.metadata.finalizers, [finalizer]);
    assert.equal(granted(world, 1) && granted(world, 2), true);
    assert.deepEqual(world.labels(), { team: "a", ...enforceLabels });
    assert.equal(world.condition("Ready"), "True/Enforced");
    assert.equal(world.condition("Enforced"), "True/Enforced");
    const status = world.object()?.status;
    assert.equal(status?.observedGeneration, 1);
    assert.equal(status.grantedDigests, 2);
    assert.ok(SecureNamespaceStatus.safeParse(status).success);
    assert.deepEqual(world.events, []);
  });

  for (const enforcement of ["Audit", "Enforce"])
    it(`${enforcement}: grants before it labels, also when there is nothing to grant, and again when the grant is gone`, async () => {
      const world = new World({ enforcement, allowedImages: [] });
      await world.pass();
      const order = [`create ${grantKey}`, "patch namespaces/shop"];
      assert.deepEqual(
        world.client.writes.filter((write) => order.includes(write)),
        order,
      );
      world.client.objects.delete(grantKey);
      await world.pass();
      assert.deepEqual(
        world.client.writes.filter((write) => order.includes(write)),
        order.slice(0, 1),
      );
      assert.deepEqual(world.grant(), emptyGrant);
      assert.ok(world.client.objects.has(grantKey));
    });

  it("writes nothing but its role in a second pass, and asks for no tag that is not due", async () => {
    const world = new World();
    await world.pass();
    world.now = new Date(start.getTime() + 20_000);
    assert.deepEqual(await world.pass(), { requeueAfterMs: 40_000 });
    assert.equal(world.client.writes.length, 0);
    assert.deepEqual(
      world.asked.map((request) => request.digest),
      [undefined, digest(1)],
    );
    assert.equal(world.asked[1]?.previous?.outcome, "Verified");
    world.now = new Date(start.getTime() + 70_000);
    await world.pass();
    assert.equal(world.asked[2]?.digest, undefined);
    // The verdict is a new one, and what is granted by the one before lasts long enough.
    assert.deepEqual(world.client.writes, ["apply status securenamespaces/shop"]);
    world.now = new Date(start.getTime() + 1_900_000);
    await world.pass();
    assert.ok(world.client.writes.includes(`replace ${grantKey}`));
  });

  it("keeps what a tag led to while that verifies, though somebody moved the tag to what does not", async () => {
    const world = new World();
    await world.pass();
    world.now = new Date(start.getTime() + 70_000);
    world.verify = (request) => (request.reference.includes("@") ? verified(request) : movedTo(3, request));
    await world.pass();
    assert.equal(granted(world, 1), true);
    assert.equal(granted(world, 3), false);
    const [image] = world.object()?.status?.images ?? [];
    assert.equal(image?.digest, digest(1));
    assert.match(image.verdict.warnings?.[0] ?? "", /stays at sha256:1.*the tag cannot be used now: NoSignature/);
    assert.equal(world.condition("Ready"), "True/Enforced");
    world.now = new Date(start.getTime() + 140_000);
    world.verify = (request) => movedTo(request.reference.includes("@") ? 1 : 3, request);
    await world.pass();
    assert.equal(granted(world, 1), false);
  });

  it("reads no RoleBinding in a pass, and restores one that somebody changed", async () => {
    const world = new World();
    await world.pass();
    const key = "rolebindings/shop/mlsecops-operator-workloads";
    const { client } = world;
    const read: string[] = [];
    const get = client.get.bind(client);
    client.get = (type, name) => {
      read.push(type.plural);
      return get(type, name);
    };
    await world.pass();
    assert.deepEqual(client.writes, []);
    const bound = client.objects.get(key);
    assert.ok(bound);
    client.objects.set(key, { ...bound, subjects: [] } as unknown as KubeObject);
    await world.pass();
    assert.deepEqual(client.writes, [`apply ${key}`]);
    assert.ok(!read.includes("rolebindings"));
  });

  it("replaces a RoleBinding of its name that binds another role", async () => {
    const world = new World();
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
    const metadata = { name: "mlsecops-operator-workloads", namespace: "shop" };
    world.client.add("rolebindings", { metadata, roleRef, subjects: [] } as KubeObject);
    await world.pass();
    const key = "rolebindings/shop/mlsecops-operator-workloads";
    assert.ok(world.client.writes.indexOf(`remove ${key}`) < world.client.writes.indexOf(`apply ${key}`));
    assert.match(JSON.stringify(world.client.objects.get(key)), /"name":"mlsecops-operator-workloads"\},"subjects"/);
  });

  it("withdraws what is rejected although the RoleBinding cannot be written, and says that it could not", async () => {
    const world = new World();
    await world.pass();
    world.client.objects.delete("rolebindings/shop/mlsecops-operator-workloads");
    world.client.onWrite = (when, line) => {
      if (when === "before" && line.includes("rolebindings")) throw new KubeError("Forbidden", "no");
    };
    world.verify = rejected;
    await assert.rejects(world.pass(), /no/);
    assert.equal(granted(world, 1), false);
    assert.equal(world.condition("ImagesVerified"), "False/ImagesRejected");
  });

  it("withdraws what is rejected, and says so once", async () => {
    const world = new World();
    await world.pass();
    world.verify = rejected;
    await world.pass();
    assert.equal(granted(world, 1) || granted(world, 2), false);
    assert.equal(world.condition("ImagesVerified"), "False/ImagesRejected");
    assert.equal(world.condition("Ready"), "False/ImagesNotVerified");
    await world.pass();
    assert.deepEqual(
      world.events.map(({ reason }) => reason),
      ["ImageRejected"],
    );
  });

  it("keeps what is granted while the registry is away, and grants nothing new then", async () => {
    const world = new World();
    await world.pass();
    const before = world.grant().digests[digest(1)];
    world.verify = indeterminate;
    world.now = new Date(start.getTime() + 120_000);
    await world.pass();
    assert.deepEqual(world.grant().digests[digest(1)], before);
    assert.equal(world.condition("ImagesVerified"), "Unknown/ImagesIndeterminate");

    const fresh = new World();
    fresh.verify = indeterminate;
    await fresh.pass();
    assert.deepEqual(fresh.grant().digests, {});
    assert.deepEqual(
      fresh.events.map(({ reason }) => reason),
      ["ImageIndeterminate"],
    );
  });

  it("does not ask a registry as nobody when the credentials cannot be read", async () => {
    const world = new World({
      allowedImages: [{ name: "runtime", reference, pullSecrets: [{ name: "pull" }] }],
    });
    world.credentials = () => Promise.reject(new Error("no such secret"));
    await world.pass();
    assert.deepEqual(world.asked, []);
    assert.notEqual(world.object()?.status?.images?.[0]?.verdict.outcome, "Verified");
    assert.deepEqual(world.grant().digests, {});
  });

  it("withdraws what a model that no longer exists has granted, and leaves the others", async () => {
    const world = new World();
    const uses = (n: number) => [{ digest: digest(n), use: "container" as const, notAfter: new Date("2031-01-01") }];
    const spec = contribute(
      contribute(emptyGrant, { kind: "SecureModel", name: "gone" }, { uses: uses(7), revisions: {} }),
      { kind: "SecureModel", name: "iris" },
      { uses: uses(8), revisions: {} },
    );
    world.client.add("admissiongrants", { metadata: { name: "mlsecops", namespace: "shop" }, spec } as KubeObject);
    world.models.put({ metadata: { name: "iris", namespace: "shop" } } as SecureModel);
    await world.pass();
    assert.deepEqual([granted(world, 7), granted(world, 8)], [false, true]);
  });

  it("reports pods that are not granted, without those that end or have ended", async () => {
    const world = new World();
    world.pod("stray", "nginx:latest");
    world.pod("good", `registry.example/runtime@${digest(1)}`);
    world.pod("done", "nginx:latest", "Succeeded");
    world.pods.put({
      metadata: { name: "leaving", namespace: "shop", deletionTimestamp: "2030-01-01T00:00:00Z" },
      spec: { containers: [{ name: "main", image: "nginx" }] },
    });
    await world.pass();
    assert.equal(world.condition("Enforced"), "False/UngrantedPods");
    const { ungrantedPods } = world.object()?.status ?? {};
    assert.equal(ungrantedPods?.count, 1);
    assert.equal(ungrantedPods.examples[0]?.name, "stray");
    await world.pass();
    assert.deepEqual(
      world.events.map(({ reason }) => reason),
      ["UngrantedPods"],
    );
    assert.ok(!world.client.writes.some((write) => write.startsWith("evict")));
  });

  it("evicts at most twenty in a pass, and a budget of one pod does not hold the others", async () => {
    const world = new World({ onUngranted: "Evict" });
    for (let n = 10; n < 35; n++) world.pod(`stray-${n}`, "nginx:latest");
    world.client.budgeted.add("stray-10");
    assert.deepEqual(await world.pass(), { requeueAfterMs: 10_000 });
    assert.equal(world.client.writes.filter((write) => write.startsWith("evict")).length, 19);
    assert.equal(world.condition("Reconciling"), "True/Evicting");
  });

  it("evicts nobody in an audit", async () => {
    const world = new World({ onUngranted: "Evict", enforcement: "Audit" });
    world.pod("stray", "nginx:latest");
    await world.pass();
    assert.ok(!world.client.writes.some((write) => write.startsWith("evict")));
    assert.equal(world.labels()?.["mlsecops.io/enforcement"], "audit");
    assert.equal(world.condition("Enforced"), "False/Audit");
  });

  it("names what opens the namespace before registries are asked, tells of it once, and tells that it is closed", async () => {
    const world = new World();
    await world.pass();
    world.breaches = [allowAll];
    world.verify = () => {
      throw new Error("slow");
    };
    await assert.rejects(world.pass(), /slow/);
    assert.equal(world.condition("Isolated"), "False/PolicyWidens");
    assert.equal(world.object()?.status?.breaches?.examples[0]?.name, "allow-all");
    world.verify = verified;
    await world.pass();
    await world.pass();
    assert.deepEqual(world.client.writes, []);
    assert.equal(world.condition("Ready"), "False/IsolationBreached");
    assert.ok(SecureNamespaceStatus.safeParse(world.object()?.status).success);
    world.breaches = [];
    await world.pass();
    assert.equal(world.condition("Ready"), "True/Enforced");
    assert.deepEqual(
      world.events.map(({ type, reason }) => `${type} ${reason}`),
      ["Warning BreachFound", "Normal BreachClosed"],
    );
  });

  it("leaves no evidence of a status that it has replaced already, while its cache is behind", async () => {
    const world = new World();
    world.pod("stray", "nginx:latest");
    await world.pass();
    const stale = world.object()?.status;
    assert.equal(world.condition("Enforced"), "False/UngrantedPods");
    world.pods.delete("shop/stray");
    await world.pass();
    assert.equal(world.condition("Enforced"), "True/Enforced");
    assert.ok(stale);
    world.change((object) => ({ ...object, status: stale }) as KubeObject);
    world.facts.length = 0;
    await world.pass();
    const said = world.facts.flatMap(({ decision }) => (decision.type === "Enforcement" ? [decision.enforced] : []));
    assert.deepEqual(said, [true]);
  });

  it("marks a namespace in which widening is refused, and takes the mark away", async () => {
    const world = new World({ onBreach: "Block" });
    await world.pass();
    assert.equal(world.labels()?.["mlsecops.io/on-breach"], "block");
    world.change((object) => ({ ...object, spec: { ...object.spec, onBreach: "Report" } }) as KubeObject);
    await world.pass();
    assert.deepEqual(world.labels(), { team: "a", ...enforceLabels });
  });

  it("does not call a namespace enforced when the policies are not as installed", async () => {
    const world = new World();
    world.guardProblems = ["ValidatingAdmissionPolicy mlsecops-pods is missing"];
    await world.pass();
    assert.equal(world.condition("Enforced"), "False/PoliciesChanged");
  });

  it("writes nothing but why while it is suspended", async () => {
    const world = new World({ suspend: true });
    await world.pass();
    assert.deepEqual(world.client.writes, ["apply status securenamespaces/shop"]);
    assert.equal(world.condition("Ready"), "False/Suspended");
    assert.equal(world.object()?.status?.observedGeneration, undefined);
    await world.pass();
    assert.deepEqual(world.client.writes, []);
  });

  it("refuses the namespaces that keep the cluster running", async () => {
    for (const name of ["kube-system", "mlsecops-system"]) {
      const world = new World({}, { name });
      await world.pass(name);
      assert.deepEqual(world.client.writes, [`apply status securenamespaces/${name}`]);
      const stalled = world.object(name)?.status?.conditions?.find(({ type }) => type === "Stalled");
      assert.deepEqual([stalled?.status, stalled?.reason], ["True", "SystemNamespace"]);
    }
  });

  it("waits for a namespace that does not exist", async () => {
    const world = new World();
    world.client.objects.delete("namespaces/shop");
    assert.deepEqual(await world.pass(), { requeueAfterMs: 30_000 });
    assert.deepEqual(world.client.writes, ["apply status securenamespaces/shop"]);
    assert.equal(world.condition("Ready"), "False/NamespaceMissing");
  });

  it("makes the namespace where that was asked for: shut at once, and noted as its own", async () => {
    const world = new World({ namespace: "Create" });
    world.client.objects.delete("namespaces/shop");
    await world.pass();
    assert.deepEqual(world.client.writes.slice(0, 2), ["patch securenamespaces/shop", "create namespaces/shop"]);
    assert.deepEqual(world.client.objects.get("namespaces/shop")?.metadata, {
      name: "shop",
      labels: enforceLabels,
      annotations: { "mlsecops.io/created-by": "u1" },
    });
    assert.equal(world.condition("Ready"), "True/Enforced");
  });

  it("says why it cannot make the namespace", async () => {
    const world = new World({ namespace: "Create" });
    world.client.objects.delete("namespaces/shop");
    world.client.onWrite = (when, line) => {
      if (when === "before" && line === "create namespaces/shop") throw new KubeError("Forbidden", "no more of them");
    };
    assert.deepEqual(await world.pass(), { requeueAfterMs: 30_000 });
    const ready = world.object()?.status?.conditions?.find(({ type }) => type === "Ready");
    assert.match(ready?.message ?? "", /namespace shop cannot be made: no more of them/);
  });

  it("labels for Enforce only once somebody has made the walls of this generation", async () => {
    const world = new World();
    const walls = world.walls;
    for (const state of [undefined, { uid: "u1", generation: 0, objects: 0, repaired: 0, problems: [] }]) {
      world.walls = state;
      await world.pass();
      assert.equal(world.labels()?.["mlsecops.io/enforcement"], undefined);
      assert.equal(world.condition("Enforced"), "False/NotLabelled");
    }
    world.walls = walls;
    await world.pass();
    assert.equal(world.labels()?.["mlsecops.io/enforcement"], "enforce");
    assert.deepEqual(world.object()?.status?.walls, { objects: 7, repaired: 0 });
    assert.equal(world.condition("Walled"), "True/Walled");
  });

  it("is not ready while walls are missing, though it is enforced", async () => {
    const world = new World();
    const problems = [{ reason: "WallsIncomplete" as const, message: "ResourceQuota/mlsecops cannot be written" }];
    world.walls = { uid: "u1", generation: 1, objects: 7, repaired: 0, problems };
    await world.pass();
    assert.equal(world.condition("Enforced"), "True/Enforced");
    assert.equal(world.condition("Ready"), "False/WallsIncomplete");
  });

  it("stalls on a spec that cannot be read, and leaves what is granted", async () => {
    const world = new World();
    await world.pass();
    const before = world.grant();
    world.change((object) => ({ ...object, spec: { profile: "nonsense" } }) as KubeObject);
    await world.pass();
    assert.deepEqual(world.client.writes, ["apply status securenamespaces/shop"]);
    assert.equal(world.condition("Stalled"), "True/InvalidSpec");
    assert.deepEqual(world.grant(), before);
  });

  it("does not forget over a spec that cannot be read which digest a tag led to", async () => {
    const world = new World();
    await world.pass();
    const spec = world.object()?.spec;
    world.change((object) => ({ ...object, spec: { profile: "nonsense" } }) as KubeObject);
    await world.pass();
    assert.equal(world.object()?.status?.images?.[0]?.digest, digest(1));
    world.now = new Date(start.getTime() + 61_000);
    world.verify = (request) => (request.reference === reference ? movedTo(3, request) : verified(request));
    world.change((object) => ({ ...object, spec }) as KubeObject);
    await world.pass();
    assert.deepEqual([granted(world, 1), granted(world, 3)], [true, false]);
  });

  describe("when the object is deleted", () => {
    async function deleted(spec: Record<string, unknown>) {
      const world = new World(spec);
      await world.pass();
      world.change((object) => ({
        ...object,
        metadata: { ...object.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" },
      }));
      await world.pass();
      assert.deepEqual(world.object()?.metadata.finalizers, []);
      return world;
    }

    it("shuts a door that was open only because the namespace has just been created again", async () => {
      const world = new World();
      await world.pass();
      world.client.add("namespaces", { metadata: { name: "shop", uid: "n2", labels: { team: "a" } } });
      world.change((object) => ({
        ...object,
        metadata: { ...object.metadata, deletionTimestamp: start.toISOString() },
      }));
      await world.pass();
      assert.deepEqual(world.labels(), { team: "a", ...enforceLabels });
    });
    it("keeps the door shut, with nothing granted", async () => {
      const world = await deleted({});
      assert.deepEqual(world.labels(), { team: "a", ...enforceLabels });
      assert.deepEqual(world.grant().digests, {});
      assert.ok(world.client.objects.has(grantKey));
    });

    it("opens it where that was asked for", async () => {
      const world = await deleted({ deletionPolicy: "Open" });
      assert.deepEqual(world.labels(), { team: "a" });
      assert.equal(world.client.objects.has(grantKey), false);
    });

    const leaving = { finalizers: [finalizer], deletionTimestamp: "2030-01-01T00:00:00Z" };

    it("waits for the walls to be taken away, and says what holds that up", async () => {
      const world = new World({ deletionPolicy: "Open" }, leaving);
      world.leaving = undefined;
      await world.pass();
      assert.deepEqual(world.client.writes, []);
      world.leaving = { state: "Failed", message: "a wall cannot be taken away: not today" };
      await world.pass();
      assert.deepEqual(world.client.writes, ["apply status securenamespaces/shop"]);
      assert.equal(world.condition("Ready"), "False/CleanupFailed");
      assert.equal(world.condition("Stalled"), "False/CleanupFailed");
      world.leaving = { state: "Done" };
      await world.pass();
      assert.deepEqual(world.object()?.metadata.finalizers, []);
    });

    it("says what fails, and tries again", async () => {
      const world = new World({ deletionPolicy: "Open" }, leaving);
      world.client.add("admissiongrants", { metadata: { name: "mlsecops", namespace: "shop" } });
      world.client.onWrite = (when, line) => {
        if (when === "before" && line === `remove ${grantKey}`) throw new KubeError("Forbidden", "not today");
      };
      await assert.rejects(world.pass(), /not today/);
      const ready = world.object()?.status?.conditions?.find(({ type }) => type === "Ready");
      assert.match(ready?.message ?? "", /^not today\. It is tried again; to let go without it, remove the finalizer/);
      assert.deepEqual(world.object()?.metadata.finalizers, [finalizer]);
    });

    for (const [what, madeFor, goes] of [
      ["goes where it was made for this object", "u1", true],
      ["stays where it was made for another of that name", "u0", false],
      ["stays where it was there before", undefined, false],
    ] as const)
      it(`DeleteNamespace: the namespace ${what}`, async () => {
        const world = new World({ namespace: "Create", deletionPolicy: "DeleteNamespace" }, leaving);
        const annotations = madeFor === undefined ? {} : { "mlsecops.io/created-by": madeFor };
        world.client.add("namespaces", { metadata: { name: "shop", uid: "n1", labels: {}, annotations } });
        await world.pass();
        assert.equal(world.client.objects.has("namespaces/shop"), !goes);
        assert.deepEqual(
          world.events.map(({ reason }) => reason),
          goes ? [] : ["NamespaceKept"],
        );
        if (!goes) assert.equal(world.labels()?.["mlsecops.io/enforcement"], "enforce");
        assert.deepEqual(world.object()?.metadata.finalizers, []);
      });

    it("lets go of an object whose namespace is gone, also while suspended", async () => {
      const world = new World(
        { suspend: true },
        { finalizers: [finalizer], deletionTimestamp: "2030-01-01T00:00:00Z" },
      );
      world.client.objects.delete("namespaces/shop");
      await world.pass();
      assert.deepEqual(world.client.writes, ["patch securenamespaces/shop"]);
    });
  });
});
