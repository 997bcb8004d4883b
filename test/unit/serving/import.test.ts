import assert from "node:assert/strict";
import type { grantedRevision } from "../../../src/admission/index.ts";
import { sweepProblems } from "../../../src/admission/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import { recordedAs } from "../../../src/importing/plan.ts";
import type { ManifestRead } from "../../../src/trust/index.ts";
import { World, digest, rejected, verified } from "./world.ts";

const image = `registry.example/operator@${digest(8)}`;
const repository = "registry.example/models/iris";
const from = "s3+https://s3.example.com/models/iris/";
const s3 = { endpoint: "https://s3.example.com", bucket: "models", prefix: "iris/", region: "us-east-1" };

interface Job extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: Parameters<typeof grantedRevision>[1];
    };
  };
}

function importing(more: object = {}): World {
  const world = new World();
  world.importSettings = {
    ...{
      image,
      caBundle: undefined,
      plainHttpHosts: [],
      deniedAddresses: [],
      maxBytes: 1_000_000,
      architecture: "amd64",
    },
  };
  world.edit((spec) => ({
    ...spec,
    source: {
      ...{ s3: { ...s3, credentialsSecret: "bucket" }, import: { repository, pushSecret: "push" } },
      ...{ update: "Pinned", followInterval: "5m", ...more },
    },
  }));
  return world;
}

function jobs(world: World): readonly Job[] {
  const found = [...world.client.objects].filter(([key]) => key.startsWith("jobs/"));
  return found.map(([, object]) => object as Job);
}

/** As the Job controller and the program would. */
function finish(world: World, said: string, type = "Complete"): void {
  const job = jobs(world).at(-1);
  assert.ok(job);
  const { name } = job.metadata;
  const conditions = [
    { type, status: "True", message: "it ended", lastTransitionTime: world.clock.now().toISOString() },
  ];
  const metadata = { ...job.metadata, uid: `uid-${name}`, creationTimestamp: world.clock.now().toISOString() };
  world.client.add("jobs", { ...job, metadata, status: { conditions } } as KubeObject);
  world.client.add("pods", {
    metadata: {
      ...{ name: `${name}-x`, namespace: "shop", labels: job.spec.template.metadata.labels },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid: `uid-${name}`, controller: true }],
    },
    status: { containerStatuses: [{ state: { terminated: { message: said } } }] },
  } as KubeObject);
}

const imported = (n: number) =>
  JSON.stringify({ outcome: "Imported", digest: digest(n), files: digest(n), count: 1, bytes: 5 });

async function serving(more: object = {}): Promise<World> {
  const world = importing(more);
  await world.pass();
  finish(world, imported(1));
  await world.settle();
  assert.equal(world.condition(), "True/Serving");
  return world;
}

describe("Serving content from elsewhere", () => {
  it("grants the import first, then keeps it apart, then starts it, and says so", async () => {
    const world = importing();
    await world.pass();
    const [grant, network, job] = ["replace admissiongrants", "apply networkpolicies", "create jobs"].map((line) =>
      world.client.writes.findIndex((write) => write.startsWith(line)),
    );
    assert.ok(grant !== undefined && network !== undefined && job !== undefined);
    assert.ok(grant >= 0 && grant < network && network < job, world.client.writes.join(", "));
    assert.equal(world.condition(), "False/Importing");
    assert.equal(world.condition("SourceUnchanged"), "Unknown/Importing");
    assert.equal(world.condition("Reconciling"), "True/Importing");
    assert.deepEqual(world.asked, []);
    await world.settle();
    assert.equal(jobs(world).length, 1);
  });

  it("asks for a pod that admission knows exactly, and that no Service finds", async () => {
    const world = importing();
    await world.pass();
    const [job] = jobs(world);
    assert.ok(job);
    const { metadata, spec } = job.spec.template;
    assert.deepEqual(sweepProblems({ metadata, spec }, world.grant(), "serving", world.clock.now()), []);
    assert.ok(!("mlsecops.io/model" in metadata.labels));
    const row = world.grant().revisions[job.metadata.name];
    assert.equal(row?.import, true);
    assert.deepEqual(row.volumes, [
      ["scratch", "emptyDir", ""],
      ["source-secret", "secret", "bucket"],
      ["login", "secret", "push"],
    ]);
    const other = { ...spec, containers: spec.containers.map((container) => ({ ...container, args: ["{}"] })) };
    assert.notDeepEqual(sweepProblems({ metadata, spec: other }, world.grant(), "serving", world.clock.now()), []);
    assert.equal(job.metadata.name.length <= 63, true);
  });

  it("serves what was imported as if the spec named it, and takes the grant of the import back", async () => {
    const world = await serving();
    assert.equal(world.asked.at(-1)?.reference, `${repository}@${digest(1)}`);
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.deepEqual(Object.keys(world.grant().digests).sort(), [digest(1), digest(9)]);
    assert.equal(world.model().status?.source?.imported?.from, from);
    assert.equal(world.condition("SourceUnchanged"), "True/Unchanged");
    assert.ok(world.events.some(({ reason }) => reason === "Imported"));
    await world.clock.advance(60_000);
    await world.pass();
    assert.deepEqual(world.client.writes, []);
  });

  it("names the digest to sign while nobody has signed it", async () => {
    const world = importing();
    world.verify = rejected;
    await world.pass();
    finish(world, imported(1));
    await world.settle();
    assert.equal(world.condition(), "False/NoAuthorities");
    assert.equal(world.model().status?.verdict?.digest, digest(1));
    world.verify = verified;
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
  });

  it("looks again after the interval, and only says what changed under a pin", async () => {
    const world = await serving();
    await world.clock.advance(300_000);
    await world.pass();
    assert.equal(jobs(world).length, 2);
    finish(world, JSON.stringify({ outcome: "Changed", files: digest(2) }));
    world.events.length = 0;
    await world.pass();
    assert.equal(world.condition("SourceUnchanged"), "False/SourceChanged");
    assert.equal(world.condition(), "True/Serving");
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.deepEqual(
      world.events.map(({ type, reason }) => `${type} ${reason}`),
      ["Warning SourceChanged"],
    );
    assert.equal(world.model().status?.source?.changed?.files, digest(2));
  });

  it("brings what changed where it is followed, and leaves the old one until it is verified", async () => {
    const world = await serving({ update: "Follow" });
    await world.clock.advance(300_000);
    await world.pass();
    finish(world, imported(2));
    world.verify = (request) => (request.reference.endsWith(digest(2)) ? rejected(request) : verified(request));
    await world.pass();
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.equal(world.condition("Serving"), "True/PodsReady");
    world.verify = verified;
    await world.settle();
    assert.deepEqual(world.granted(), [digest(2)]);
  });

  it("leaves what serves while another source is imported, and when that fails", async () => {
    const world = await serving();
    world.edit((spec) => ({ ...spec, source: { ...spec.source, s3: { ...s3, prefix: "other/" } } }));
    await world.pass();
    assert.equal(world.condition(), "False/Importing");
    assert.deepEqual(world.granted(), [digest(1)]);
    finish(world, JSON.stringify({ outcome: "Failed", reason: "SourceRefused", message: "HTTP 403" }), "Failed");
    await world.pass();
    assert.equal(world.condition(), "False/ImportFailed");
    assert.equal(world.condition("Serving"), "True/PodsReady");
    assert.match(world.model().status?.conditions?.[0]?.message ?? "", /HTTP 403/);
    assert.deepEqual(world.granted(), [digest(1)]);
  });

  it("does not serve what is not what the import has said, and says what it is", async () => {
    const recorded = (source: string, files: string): ManifestRead => ({
      state: "Read",
      annotations: { [recordedAs.source]: source, [recordedAs.files]: files },
    });
    const cases: readonly (readonly [read: ManifestRead, said: RegExp, more?: object])[] = [
      [recorded("s3+https://s3.example.com/models/evil/", digest(1)), /records s3\+https:.*\/evil\/ as where it came/],
      [recorded(from, digest(2)), /records the files sha256:2+, and the import said sha256:1+/],
      [recorded(from, digest(1)), /and the source is pinned to sha256:7+/, { pin: { digest: digest(7) } }],
      [{ state: "Read", annotations: {} }, /records nothing as where it came from/],
    ];
    for (const [read, said, more] of cases) {
      const world = importing(more);
      await world.pass();
      finish(world, imported(1));
      world.manifest = () => read;
      await world.pass();
      assert.equal(world.condition(), "False/ImportMismatch");
      assert.equal(world.condition("SourceUnchanged"), "False/ImportMismatch");
      assert.match(world.model().status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "", said);
      assert.equal(world.model().status?.source?.imported, undefined);
      assert.ok(world.events.some(({ type, reason }) => type === "Warning" && reason === "ImportMismatch"));
      assert.deepEqual([world.granted(), world.asked], [[], []]);
    }
  });

  it("leaves what serves where what is followed is another artifact than was said", async () => {
    const world = await serving({ update: "Follow" });
    await world.clock.advance(300_000);
    await world.pass();
    finish(world, imported(2));
    world.manifest = () => ({ state: "Read", annotations: {} });
    world.events.length = 0;
    await world.pass();
    assert.equal(world.condition("SourceUnchanged"), "False/ImportMismatch");
    assert.equal(world.condition(), "True/Serving");
    assert.deepEqual(world.granted(), [digest(1)]);
    assert.deepEqual(
      world.events.map(({ type, reason }) => `${type} ${reason}`),
      ["Warning ImportMismatch"],
    );
  });

  it("asks the registry again where it does not show what was pushed", async () => {
    const world = importing();
    await world.pass();
    finish(world, imported(1));
    const read = world.manifest;
    world.manifest = () => ({ state: "Unavailable", name: repository, reason: "RegistryUnavailable", message: "down" });
    const { requeueAfterMs } = await world.pass();
    assert.equal(world.condition(), "False/ImportFailed");
    assert.equal(requeueAfterMs, 30_000);
    world.manifest = read;
    await world.settle();
    assert.equal(world.condition(), "True/Serving");
  });

  it("tries again when the Job that failed is gone", async () => {
    const world = importing();
    await world.pass();
    finish(world, "", "Failed");
    await world.pass();
    assert.equal(world.condition(), "False/ImportFailed");
    for (const key of world.client.objects.keys()) if (key.startsWith("jobs/")) world.client.objects.delete(key);
    await world.pass();
    assert.equal(world.condition(), "False/Importing");
    assert.equal(jobs(world).length, 1);
  });

  it("ends the Job of a source that is no longer asked for", async () => {
    const world = importing();
    await world.pass();
    const [before] = jobs(world);
    world.edit((spec) => ({ ...spec, source: { ...spec.source, s3: { ...s3, prefix: "other/" } } }));
    await world.settle();
    assert.equal(jobs(world).length, 1);
    assert.notEqual(jobs(world)[0]?.metadata.name, before?.metadata.name);
  });

  it("imports nothing without an image, nor where nothing may be served", async () => {
    const world = importing();
    world.importSettings = undefined;
    await world.settle();
    assert.equal(world.condition(), "False/ImportUnavailable");
    assert.equal(world.condition("Stalled"), "True/ImportUnavailable");
    const held = importing();
    held.guardProblems = ["ValidatingAdmissionPolicy mlsecops-serving-pods is missing"];
    await held.settle();
    assert.equal(held.condition(), "False/PoliciesChanged");
    for (const one of [world, held]) {
      assert.equal(jobs(one).length, 0);
      assert.deepEqual(Object.keys(one.grant().revisions), []);
    }
  });

  it("lends no runtime what is granted for an import", async () => {
    const world = importing();
    world.edit((spec) => ({
      ...spec,
      workload: {
        managed: { ...spec.workload.managed, template: { spec: { containers: [{ name: "runtime", image }] } } },
      },
    }));
    await world.pass();
    finish(world, imported(1));
    await world.settle();
    await world.clock.advance(300_000);
    await world.settle();
    assert.ok(world.grant().digests[digest(8)]?.container !== undefined);
    assert.equal(world.condition(), "False/RuntimeNotGranted");
  });

  it("forgets the import with an OCI source", async () => {
    const world = await serving();
    world.edit((spec) => ({
      ...spec,
      source: { oci: { reference: `${repository}:v2` }, update: "Pinned", followInterval: "5m" },
    }));
    await world.settle();
    assert.equal(world.condition("SourceUnchanged"), "none/none");
    assert.equal(world.model().status?.source, undefined);
    assert.deepEqual(world.granted(), [digest(2)]);
  });

  it("ends in the same state wherever it is killed", async () => {
    const whole = await serving();
    for (let kill = 0; ; kill++) {
      const world = importing();
      let writes = 0;
      const state = { killed: false };
      world.client.onWrite = () => {
        if (state.killed || writes++ !== kill) return;
        state.killed = true;
        throw new Error("killed");
      };
      const survive = async (work: () => Promise<unknown>) => {
        await work().catch((error: unknown) => assert.equal((error as Error).message, "killed"));
      };
      await survive(() => world.pass());
      if (jobs(world).length === 0) await survive(() => world.pass());
      finish(world, imported(1));
      for (let pass = 0; pass < 3; pass++) await survive(() => world.settle());
      assert.equal(world.condition(), "True/Serving", `killed at write ${kill}`);
      assert.deepEqual(world.grant().revisions, whole.grant().revisions);
      assert.equal(jobs(world).length, 1);
      if (!state.killed) return;
    }
  });
});
