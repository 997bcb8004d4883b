import assert from "node:assert/strict";
import { KubeError } from "../../../src/kube/index.ts";
import { World, digest, rejected, runtime, unavailable, verified } from "./world.ts";

const open = { "app.kubernetes.io/managed-by": "mlsecops-operator", "mlsecops.io/model": "iris" };
const toVersion = (n: number) => (world: World) =>
  world.edit((spec) => ({
    ...spec,
    source: { ...spec.source, oci: { reference: `registry.example/models/iris:v${n}` } },
  }));

async function serving(): Promise<World> {
  const world = new World();
  await world.settle();
  assert.equal(world.condition(), "True/Serving");
  world.events.length = 0;
  return world;
}

/** Where a kind of write first stands in what was written. */
function place(written: readonly string[], line: string): number {
  const index = written.findIndex((one) => one.startsWith(line));
  assert.notEqual(index, -1, `no "${line}" in ${written.join(", ")}`);
  return index;
}

describe("Serving controller", () => {
  it("grants a verified model, then starts it, and says Ready when it answers", async () => {
    const world = new World();
    const written = await world.settle();
    assert.ok(place(written, "replace admissiongrants") < place(written, "apply deployments"));
    assert.equal(world.condition(), "True/Serving");
    assert.equal(world.condition("Serving"), "True/PodsReady");
    assert.equal(world.condition("Verified"), "True/Verified");
    assert.equal(world.condition("Stalled"), "False/Serving");
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.deepEqual(world.servicePodsOf(), open);
    assert.deepEqual(
      world.events.map(({ type, reason }) => `${type} ${reason}`),
      ["Normal RevisionCreated"],
    );
    const statuses = written.filter((line) => line.startsWith("apply status"));
    assert.deepEqual(statuses, [
      "apply status modelrevisions/shop/iris-3c93ffeb7b",
      "apply status securemodels/shop/iris",
      "apply status modelrevisions/shop/iris-3c93ffeb7b",
      "apply status securemodels/shop/iris",
    ]);
  });

  it("writes nothing more once it is at rest", async () => {
    const world = await serving();
    await world.clock.advance(60_000);
    await world.pass();
    assert.deepEqual(world.client.writes, []);
    assert.deepEqual(world.events, []);
  });

  it("keeps of each revision how it stands, since when, and by which verdict", async () => {
    const world = await serving();
    const [first] = world.revisions();
    assert.equal(first?.status?.phase, "Active");
    assert.equal(first.status.verdict?.outcome, "Verified");
    assert.ok(first.status.servedFrom !== undefined);
    toVersion(2)(world);
    await world.settle();
    assert.deepEqual(world.phases(), ["Superseded", "Active"]);
    assert.deepEqual(world.granted(), [digest(2)]);
    assert.equal(world.revisions()[0]?.status?.servedFrom, first.status.servedFrom);
  });

  it("grants both revisions while one takes the place of the other", async () => {
    const world = await serving();
    toVersion(2)(world);
    world.healthy = false;
    await world.pass();
    world.kubernetes();
    await world.pass();
    assert.deepEqual(world.granted(), [digest(1), digest(2)]);
    assert.deepEqual(world.phases(), ["Active", "Candidate"]);
    assert.equal(world.condition(), "False/RollingOut");
    assert.match(world.model().status?.conditions?.[0]?.message ?? "", /0 of 1 replicas answer/);
    assert.equal(world.model().status?.candidate?.digest, digest(2));
  });

  it("reports what a policy in mode Warn would have refused, once", async () => {
    const world = new World();
    world.verify = (request) => {
      const { verdict, ...rest } = verified(request);
      return { ...rest, verdict: { ...verdict, warnings: ["policy strict would refuse it"] } };
    };
    await world.settle();
    await world.clock.advance(4_000_000);
    await world.settle();
    assert.deepEqual(
      world.events.filter(({ reason }) => reason === "PolicyWarning").map(({ note }) => note),
      ["policy strict would refuse it"],
    );
    const condition = world.model().status?.conditions?.find(({ type }) => type === "Verified");
    assert.match(condition?.message ?? "", /warning: policy strict would refuse it/);
    assert.equal(world.condition(), "True/Serving");
  });

  it("never starts what is rejected, and says why", async () => {
    const world = new World();
    world.verify = rejected;
    const written = await world.settle();
    assert.ok(!written.some((line) => line.includes("deployments")));
    assert.equal(world.condition(), "False/NoAuthorities");
    assert.equal(world.condition("Verified"), "False/NoAuthorities");
    assert.equal(world.condition("Stalled"), "True/NoAuthorities");
    assert.equal(world.model().status?.quarantine, undefined);
    assert.deepEqual(
      world.events.map(({ type, reason }) => `${type} ${reason}`),
      ["Warning NoAuthorities"],
    );
  });

  it("quarantines what has no pod with one write of each thing", async () => {
    const world = new World();
    world.edit((spec) => ({ ...spec, replicas: 0 }));
    await world.settle();
    world.verify = rejected;
    await world.pass();
    assert.deepEqual(world.client.writes, [
      "replace admissiongrants/shop/mlsecops",
      "apply status securemodels/shop/iris",
      "apply services/shop/iris",
      "remove deployments/shop/iris",
      `apply status modelrevisions/shop/${world.revisions()[0]?.metadata.name ?? ""}`,
    ]);
    assert.deepEqual(await world.settle(), []);
    assert.equal(world.model().status?.quarantine?.reason, "NoAuthorities");
    assert.equal(world.revisions()[0]?.status?.verdict?.outcome, "Rejected");
  });

  it("quarantines in order: grant, status, endpoint, snapshot, pods", async () => {
    const world = await serving();
    world.verify = rejected;
    let saidFirst = "";
    world.client.onWrite = (when, line) => {
      if (when === "after" && line.startsWith("apply status securemodels") && saidFirst === "")
        saidFirst = world.condition("Serving");
    };
    const written = await world.settle();
    assert.equal(saidFirst, "False/NothingMayRun");
    const order = [
      "replace admissiongrants",
      "apply status securemodels",
      "apply services",
      "apply configmaps",
      "remove deployments",
      "remove pods",
    ].map((line) => place(written, line));
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    assert.deepEqual(world.granted(), []);
    assert.deepEqual(world.pods(), []);
    assert.notDeepEqual(world.servicePodsOf(), open);
    assert.deepEqual(world.phases(), ["Quarantined"]);
    assert.equal(world.model().status?.quarantine?.reason, "NoAuthorities");
    assert.equal(world.model().status?.quarantine?.snapshot, "iris-quarantine");
    assert.equal(world.condition("Serving"), "False/NothingMayRun");
  });

  it("keeps the snapshot of the pods that ran, not of those that are gone", async () => {
    const world = await serving();
    world.verify = rejected;
    await world.settle();
    const snapshot = world.client.objects.get("configmaps/shop/iris-quarantine") as
      { data?: Record<string, string> } | undefined;
    assert.ok(Object.values(snapshot?.data ?? {}).some((text) => text.startsWith("log of iris-")));
  });

  it("does not let a snapshot that cannot be kept hold a quarantine up", async () => {
    const world = await serving();
    world.verify = rejected;
    world.client.onWrite = (when, line) => {
      if (when === "before" && line.includes("configmaps")) throw new KubeError("Forbidden", "the quota is used up");
    };
    await world.settle();
    assert.deepEqual(world.pods(), []);
    assert.equal(world.model().status?.quarantine?.reason, "NoAuthorities");
    assert.equal(world.model().status?.quarantine?.snapshot, undefined);
  });

  it("serves again when the key is put back", async () => {
    const world = await serving();
    world.verify = rejected;
    await world.settle();
    world.verify = verified;
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
    assert.deepEqual(world.servicePodsOf(), open);
    assert.deepEqual(world.phases(), ["Active"]);
    assert.equal(world.model().status?.quarantine, undefined);
  });

  it("lets a rejected new version leave the old one alone", async () => {
    const world = await serving();
    toVersion(2)(world);
    world.verify = (request) =>
      request.digest === digest(1) || request.reference.includes(digest(1)) ? verified(request) : rejected(request);
    await world.settle();
    assert.equal(world.condition(), "False/NoAuthorities");
    assert.equal(world.condition("Serving"), "True/PodsReady");
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.deepEqual(world.phases(), ["Active"]);
  });

  it("keeps what runs while the registry is down, and starts nothing new", async () => {
    const world = await serving();
    world.verify = unavailable;
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
    assert.equal(world.condition("Verified"), "Unknown/RegistryUnavailable");
    toVersion(2)(world);
    await world.settle();
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.equal(world.condition(), "False/RegistryUnavailable");
    assert.equal(world.condition("Reconciling"), "True/RegistryUnavailable");
    assert.equal(world.condition("Serving"), "True/PodsReady");
  });

  it("leaves the grant as it is while a renewed verdict adds little to it", async () => {
    const world = new World();
    await world.settle();
    const hour = 3_600_000;
    const before = world.grant();
    await world.clock.advance(2 * hour);
    await world.settle();
    assert.deepEqual(world.grant(), before);
    await world.clock.advance(11 * hour);
    await world.settle();
    const { notAfter } = world.model().status?.verdict ?? {};
    assert.equal(world.grant().digests[digest(1)]?.imageVolume?.notAfter, notAfter);
    assert.notDeepEqual(world.grant(), before);
  });

  it("grants no longer than the verdict holds, whatever the grace", async () => {
    const world = await serving();
    const { notAfter } = world.model().status?.verdict ?? {};
    world.verify = unavailable;
    await world.settle();
    assert.equal(world.grant().digests[digest(1)]?.imageVolume?.notAfter, notAfter);
  });

  it("does not touch what serves when the API server would refuse the pods of a new version", async () => {
    const world = await serving();
    toVersion(2)(world);
    world.client.refuse = () => "the quota of the namespace is used up";
    const written = await world.settle();
    assert.ok(!written.some((line) => line.includes("deployments")));
    assert.equal(world.condition(), "False/PodRefused");
    assert.equal(world.condition("Stalled"), "True/PodRefused");
    assert.match(world.model().status?.conditions?.[0]?.message ?? "", /quota/);
    assert.equal(world.condition("Serving"), "True/PodsReady");
    world.client.refuse = () => undefined;
    await world.settle();
    assert.deepEqual(world.phases(), ["Superseded", "Active"]);
  });

  it("takes down a revoked version even when the new one is refused", async () => {
    const world = await serving();
    toVersion(2)(world);
    world.client.refuse = () => "no";
    world.verify = (request) => (request.reference.includes(digest(1)) ? rejected(request) : verified(request));
    await world.settle();
    assert.deepEqual(world.pods(), []);
    assert.equal(world.client.objects.has("deployments/shop/iris"), false);
    assert.ok(!world.granted().includes(digest(1)));
  });

  it("gives a new grant the time to reach the admission policies", async () => {
    const world = new World();
    world.client.refuse = (tries) => (tries <= 2 ? "not granted" : undefined);
    await world.pass();
    assert.ok(world.client.objects.has("deployments/shop/iris"));
  });

  it("waits for the namespace, the policies and the runtime image", async () => {
    const cases: readonly [string, (world: World) => void][] = [
      ["NamespaceNotSecured", (world) => world.client.objects.delete("securenamespaces/shop")],
      ["PoliciesChanged", (world) => (world.guardProblems = ["policy mlsecops-pods-granted is missing"])],
      ["RuntimeNotGranted", (world) => world.client.objects.delete("admissiongrants/shop/mlsecops")],
    ];
    for (const [reason, break_] of cases) {
      const world = new World();
      break_(world);
      await world.settle();
      assert.equal(world.condition(), `False/${reason}`);
      assert.equal(world.client.objects.has("deployments/shop/iris"), false);
    }
  });

  it("starts nothing outside of a SecureNamespace, and leaves what runs when that is deleted", async () => {
    const world = await serving();
    world.client.objects.delete("securenamespaces/shop");
    await world.settle();
    assert.equal(world.condition(), "False/NamespaceNotSecured");
    assert.equal(world.pods().length > 0, true);
    assert.ok(world.granted().includes(digest(1)));
    world.client.objects.delete("deployments/shop/iris");
    await world.settle();
    assert.equal(world.client.objects.has("deployments/shop/iris"), false);
  });

  it("serves outside of a SecureNamespace where the administrator allows it, with rights that it gives itself first", async () => {
    const bound: string[] = [];
    const unsecured = (allows: boolean) => ({
      allows: () => allows,
      bind: (namespace: string) => Promise.resolve(void bound.push(namespace)),
    });
    for (const allows of [true, false]) {
      const world = new World();
      world.unsecured = unsecured(allows);
      world.client.objects.delete("securenamespaces/shop");
      world.client.objects.delete("admissiongrants/shop/mlsecops");
      await world.settle();
      assert.equal(world.condition(), allows ? "True/Serving" : "False/NamespaceNotSecured");
    }
    assert.deepEqual([...new Set(bound)], ["shop"]);
    const secured = new World();
    secured.unsecured = unsecured(true);
    bound.length = 0;
    await secured.settle();
    assert.deepEqual(bound, []);
  });

  it("repairs a Deployment or Service that somebody has changed or deleted", async () => {
    const world = await serving();
    const image = (name: string) => ({ template: { spec: { containers: [{ name, image: name }] } } });
    const deployment = world.client.objects.get("deployments/shop/iris") as unknown as { spec: object };
    world.client.add("deployments", { ...deployment, spec: { ...deployment.spec, ...image("evil") } } as never);
    world.client.objects.delete("services/shop/iris");
    await world.settle();
    const repaired = world.client.objects.get("deployments/shop/iris");
    assert.ok(JSON.stringify(repaired).includes(runtime));
    assert.deepEqual(world.servicePodsOf(), open);
  });

  it("keeps as many revisions as asked for, never dropping the one that serves", async () => {
    const world = await serving();
    world.edit((spec) => ({ ...spec, historyLimit: 1 }));
    for (const version of [2, 3, 4]) {
      toVersion(version)(world);
      await world.settle();
    }
    assert.deepEqual(
      world.revisions().map(({ spec }) => spec.number),
      [3, 4],
    );
  });

  it("does nothing while suspended, and says so", async () => {
    const world = await serving();
    toVersion(2)(world);
    world.edit((spec) => ({ ...spec, suspend: true }));
    const written = await world.settle();
    assert.deepEqual(written, ["apply status securemodels/shop/iris"]);
    assert.equal(world.condition(), "False/Suspended");
    assert.equal(world.condition("Stalled"), "False/Suspended");
  });

  it("says what is wrong with a spec that it cannot read, and leaves what runs", async () => {
    const world = await serving();
    world.edit((spec) => ({ ...spec, source: {} as never }));
    await world.settle();
    assert.equal(world.condition(), "False/InvalidSpec");
    assert.match(world.model().status?.conditions?.[0]?.message ?? "", /spec\.source: give exactly one of oci/);
    assert.equal(world.pods().length, 1);
  });

  it("ends what is revoked of a model that has no spec any more", async () => {
    const world = await serving();
    world.edit(() => undefined as never);
    world.verify = rejected;
    await world.settle();
    assert.deepEqual(world.granted(), []);
    assert.deepEqual(world.pods(), []);
  });

  it("withdraws the grant before it lets go of a model that is deleted", async () => {
    const world = await serving();
    const model = world.model();
    world.client.add("securemodels", {
      ...model,
      metadata: { ...model.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
    });
    await world.pass();
    assert.ok(place(world.client.writes, "replace admissiongrants") < place(world.client.writes, "patch securemodels"));
    assert.deepEqual(world.granted(), []);
    assert.deepEqual(world.model().metadata.finalizers, []);
  });

  it("lets go of a model in a namespace that is being deleted, though no grant can be made there", async () => {
    const world = await serving();
    const model = world.model();
    const metadata = { ...model.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
    world.client.add("securemodels", { ...model, metadata });
    world.client.objects.delete("admissiongrants/shop/mlsecops");
    await world.pass();
    assert.deepEqual(world.client.writes, ["patch securemodels/shop/iris"]);
  });

  it("scaling does not look a pinned tag up again", async () => {
    const world = await serving();
    world.edit((spec) => ({ ...spec, replicas: 2 }));
    world.asked.length = 0;
    await world.settle();
    assert.deepEqual(
      new Set(world.asked.map(({ reference, digest: known }) => known ?? reference.split("@")[1])),
      new Set([digest(1)]),
    );
    assert.equal(world.condition(), "True/Serving");
  });

  it("says that nothing answers when no replicas are asked for", async () => {
    const world = new World();
    world.edit((spec) => ({ ...spec, replicas: 0 }));
    await world.settle();
    assert.equal(world.condition(), "True/ScaledToZero");
    assert.equal(world.model().status?.lastKnownGood, undefined);
    assert.deepEqual(world.phases(), ["Active"]);
  });

  it("rolls out other pull secrets as another revision", async () => {
    const world = await serving();
    world.edit((spec) => ({
      ...spec,
      source: {
        ...spec.source,
        oci: { reference: "registry.example/models/iris:v1", pullSecrets: [{ name: "login" }] },
      },
    }));
    await world.settle();
    assert.deepEqual(world.phases(), ["Superseded", "Active"]);
    assert.match(
      JSON.stringify(world.client.objects.get("deployments/shop/iris")),
      /"imagePullSecrets":\[\{"name":"login"\}\]/,
    );
  });

  it("keeps the port of what answers while another version is refused", async () => {
    const world = await serving();
    const port = () =>
      (world.client.objects.get("services/shop/iris") as { spec?: { ports?: { targetPort: number }[] } } | undefined)
        ?.spec?.ports?.[0]?.targetPort;
    world.edit((spec) => ({ ...spec, workload: { managed: { ...spec.workload.managed, port: 9999 } } }));
    world.client.refuse = () => "no";
    await world.settle();
    assert.equal(port(), 8080);
    world.client.refuse = () => undefined;
    await world.settle();
    assert.equal(port(), 9999);
  });

  it("says what the API server has against the Deployment", async () => {
    const world = new World();
    world.client.onWrite = (when, line) => {
      if (when === "before" && line.includes("deployments")) throw new KubeError("Invalid", "no such field");
    };
    await world.settle();
    assert.equal(world.condition(), "False/WorkloadRefused");
    assert.equal(world.condition("Stalled"), "True/WorkloadRefused");
  });

  it("looks up a followed tag when its time has come, a pinned one never", async () => {
    const world = await serving();
    await world.clock.advance(400_000);
    await world.settle();
    assert.equal(world.asked.at(-1)?.digest, digest(1));
    world.edit((spec) => ({ ...spec, source: { ...spec.source, update: "Follow", followInterval: "5m" } }));
    await world.settle();
    assert.equal(world.asked.at(-1)?.digest, digest(1));
    await world.clock.advance(400_000);
    world.asked.length = 0;
    await world.pass();
    assert.equal(world.asked[0]?.digest, undefined);
  });
});

const revoke = (n: number) => (world: World) => {
  world.verify = (request) =>
    [request.reference, request.digest].some((text) => text?.includes(digest(n)) === true)
      ? rejected(request)
      : verified(request);
};

/** The pods that are left, by the number of the digest of their revision. */
function running(world: World): readonly string[] {
  const pods = [...world.client.objects].filter(([key]) => key.startsWith("pods/")).map(([, pod]) => pod);
  const byName = new Map(world.revisions().map(({ metadata, spec }) => [metadata.name, spec.artifact.digest]));
  return pods.map((pod) => byName.get(pod.metadata.labels?.["mlsecops.io/revision"] ?? "")?.slice(7, 8) ?? "?");
}

describe("Rule 2: a revocation acts, whatever else goes on", () => {
  it("while another version is rolled out and never answers", async () => {
    const world = await serving();
    toVersion(2)(world);
    world.healthy = false;
    await world.pass();
    // What a rolling update without unavailable pods leaves: the old pod beside the new one.
    world.kubernetes();
    const [old] = world.revisions();
    assert.ok(old);
    world.client.add("pods", {
      metadata: {
        name: "old",
        namespace: "shop",
        uid: "old",
        labels: { ...open, "mlsecops.io/revision": old.metadata.name },
      },
    });
    revoke(1)(world);
    await world.pass();
    assert.ok(world.client.writes.includes("remove pods/shop/old"));
    assert.ok(!world.granted().includes(digest(1)));
    assert.deepEqual(world.phases(), ["Quarantined", "Candidate"]);
  });

  it("while what is to come cannot even be written down", async () => {
    const world = await serving();
    toVersion(2)(world);
    revoke(1)(world);
    world.client.onWrite = (when, line) => {
      if (when === "before" && line.startsWith("create modelrevisions")) throw new KubeError("Forbidden", "a quota");
    };
    await world.settle().catch(() => undefined);
    assert.deepEqual(running(world), []);
    assert.deepEqual(world.granted(), []);
  });

  for (const [how, halt] of [
    ["suspended", (world: World) => world.edit((spec) => ({ ...spec, suspend: true }))],
    ["given a spec that cannot be read", (world: World) => world.edit(() => ({}) as never)],
  ] as const) {
    it(`while the model is ${how}`, async () => {
      const world = await serving();
      halt(world);
      await world.settle();
      assert.deepEqual(running(world), ["1"]);
      revoke(1)(world);
      await world.settle();
      assert.deepEqual(running(world), []);
      assert.deepEqual(world.granted(), []);
      assert.equal(world.model().status?.quarantine?.reason, "NoAuthorities");
      world.verify = verified;
      await world.settle();
      assert.deepEqual(running(world), []);
    });
  }

  it("when the status cannot be written, or a pod cannot be deleted", async () => {
    for (const broken of ["apply status", "remove pods/shop/iris"]) {
      const world = await serving();
      world.edit((spec) => ({ ...spec, replicas: 2 }));
      await world.settle();
      revoke(1)(world);
      let left = 1;
      world.client.onWrite = (when, line) => {
        if (when !== "before" || !line.startsWith(broken) || (broken === "remove pods/shop/iris" && left-- <= 0))
          return;
        throw new KubeError("Forbidden", "too large");
      };
      await world.pass().catch(() => undefined);
      assert.equal(world.client.objects.has("deployments/shop/iris"), false);
      assert.ok(running(world).length <= (broken === "apply status" ? 0 : 1));
    }
  });

  for (const broken of ["apply status securemodels", "apply services"])
    it(`and makes up for it when "${broken}" failed once`, async () => {
      const world = await serving();
      revoke(1)(world);
      let failures = 0;
      world.client.onWrite = (when, line) => {
        if (when !== "before" || !line.startsWith(broken) || failures > 0) return;
        failures += 1;
        throw new KubeError("Unavailable", "not now");
      };
      await world.pass().catch((error: unknown) => assert.ok(error instanceof KubeError, String(error)));
      world.kubernetes();
      await world.settle();
      assert.equal(failures, 1);
      assert.deepEqual(running(world), []);
      assert.equal(world.model().status?.quarantine?.reason, "NoAuthorities");
      assert.notDeepEqual(world.servicePodsOf(), open);
    });

  it("when the model is deleted and what it owns is orphaned", async () => {
    const world = await serving();
    const model = world.model();
    const metadata = {
      ...model.metadata,
      finalizers: [...(model.metadata.finalizers ?? []), "orphan"],
      deletionTimestamp: "2026-01-01T00:00:00Z",
    };
    world.client.add("securemodels", { ...model, metadata });
    await world.settle();
    assert.deepEqual(running(world), []);
    assert.equal(world.client.objects.has("deployments/shop/iris"), false);
    assert.deepEqual(world.model().metadata.finalizers, ["orphan"]);
  });
});

describe("Rule 3: no answer tears nothing down", () => {
  it("of a first version that is not complete yet", async () => {
    const world = new World();
    world.healthy = false;
    await world.pass();
    world.kubernetes();
    await world.pass();
    world.verify = unavailable;
    await world.settle();
    assert.deepEqual(running(world), ["1"]);
    assert.equal(world.condition(), "False/RollingOut");
  });

  it("nor does a refusal of the next version by the API server", async () => {
    const world = new World();
    world.healthy = false;
    await world.pass();
    world.kubernetes();
    await world.pass();
    toVersion(2)(world);
    world.client.refuse = () => "exceeded quota";
    await world.settle();
    assert.deepEqual(running(world), ["1"]);
    assert.equal(world.condition(), "False/PodRefused");
  });
});

describe("Rule 5: a revision is what it is, whatever its name", () => {
  it("a verdict on one artifact does not start another of the same name", async () => {
    const world = await serving();
    const [first] = world.revisions();
    assert.ok(first);
    // As if the names of two revisions were the same.
    world.client.objects.delete("deployments/shop/iris");
    world.client.add("modelrevisions", {
      ...first,
      spec: { ...first.spec, artifact: { ...first.spec.artifact, digest: digest(7) } },
    } as never);
    const { active: _active, ...status } = world.model().status ?? {};
    world.client.add("securemodels", { ...world.model(), status } as never);
    world.kubernetes();
    await world.settle();
    assert.equal(world.condition(), "False/RevisionConflict");
    assert.deepEqual(running(world), []);
    assert.deepEqual(world.granted(), []);
  });
});

class Killed extends Error {}

/** The end state, without what differs from run to run: times, and the counts of what was written. */
function endState(world: World): unknown {
  const state = [...world.client.objects].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.parse(
    JSON.stringify(state, (key, value: unknown) =>
      [
        "since",
        "lastTransitionTime",
        "phaseSince",
        "servedFrom",
        "resolvedAt",
        "verifiedAt",
        "notAfter",
        "recheckAfter",
        "takenAt",
        "generation",
        "observedGeneration",
      ].includes(key)
        ? undefined
        : value,
    ),
  );
}

const scenarios: Record<string, (world: World) => void> = {
  "a first rollout": () => undefined,
  "a new version": toVersion(2),
  "a quarantine": (world) => (world.verify = rejected),
  "a deletion": (world) => {
    const model = world.model();
    world.client.add("securemodels", {
      ...model,
      metadata: { ...model.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
    });
  },
};

describe("Rule 7: killed between any two writes, serving ends in the same state", () => {
  for (const [title, change] of Object.entries(scenarios)) {
    it(title, async () => {
      const start = async () => {
        const world = title === "a first rollout" ? new World() : await serving();
        change(world);
        return world;
      };
      const undisturbed = await start();
      const writes = (await undisturbed.settle()).length;
      assert.ok(writes > 0);
      for (const when of ["before", "after"] as const) {
        for (let n = 1; n <= writes; n++) {
          const world = await start();
          let count = 0;
          let dead = false;
          world.client.onWrite = (at) => {
            if (dead) throw new Killed();
            if (at === "before") count += 1;
            if (at !== when || count !== n) return;
            dead = true;
            throw new Killed();
          };
          await world.settle().catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
          world.client.onWrite = () => undefined;
          world.kubernetes();
          await world.settle();
          assert.deepEqual(endState(world), endState(undisturbed), `${when} write ${n} of ${writes}`);
        }
      }
    });
  }
});
