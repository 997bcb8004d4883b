import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { K8s, kind } from "kubernetes-fluent-client";
import { SecureModelKind } from "../../src/api/fluent.ts";
import { apply, json, kubectl, must } from "./support/kubectl.ts";
import { KServe, kserveUser } from "./support/kserve.ts";
import { model, namespaceObject, policy } from "./support/objects.ts";
import { becomesHealthy, condition, find, goesBackTo, modelBecomes, podNames } from "./support/read.ts";
import { underLoad } from "./support/under-load.ts";
import { answersWrongly } from "./support/versions.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, install, openWorld, securedNamespace, unique } from "./support/world.ts";

/** Served by KServe's own controller, in RawDeployment mode, on the real node. */
describe("a model that is served through KServe", function () {
  this.timeout(300_000);
  const serving = unique("kserve");
  let world: World;
  let kserve: KServe;
  let body: string;

  before(async () => {
    kserve = await KServe.prepare();
    world = await openWorld();
    await install(world, `kserve.controllerAccount=${kserveUser}`);
    body = await readFile(join(world.artifacts.directory, "sample-request.json"), "utf8");
    const scope = { references: ["**"], namespaces: [serving] };
    await apply(policy(serving, scope, { inline: world.artifacts.publicKey }), namespaceObject(serving));
    await world.artifacts.sign(world.runtime);
    for (const tag of ["v1", "v2", "v3"]) await world.artifacts.signedModel(serving, tag, `kserve ${tag}`);
    await securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.log(await kserve.errors());
  });

  after(async () => {
    await discard(`ctp/${serving}`, `sns/${serving}`);
    // KServe's finalizers need KServe.
    await must(["delete", "namespace", serving, "--ignore-not-found", "--timeout=60s"]);
    await kserve.uninstall();
    await install(world);
  });

  const canary = { type: "Canary", steps: [{ weight: 50, pause: "5s" }] };

  function version(tag: string, container: object = {}, spec: object = {}): object {
    const golden = {
      name: "golden",
      probe: {
        path: "/v2/models/iris/infer",
        method: "POST",
        body,
        json: [{ path: "outputs[0].data", numbers: [0, 1, 2] }],
      },
      window: { looks: 2, failures: 2 },
    };
    return model(serving, "iris", `${world.registry}/${serving}:${tag}`, {
      runtime: world.runtime,
      container: { name: "kserve-container", resources: { requests: { cpu: "20m" } }, ...container },
      pod: { terminationGracePeriodSeconds: 10 },
      managed: { kind: "InferenceService" },
      spec: {
        replicas: 2,
        strategy: canary,
        health: { interval: "5s", warmUp: "1s", signals: [golden] },
        rollback: { coolDown: "1s", maxPerDay: 5 },
        ...spec,
      },
    });
  }

  const namesOf = async (resource: string) => {
    const { items } = (await json("-n", serving, "get", resource)) as { items: { metadata: { name: string } }[] };
    return items.map(({ metadata }) => metadata.name);
  };
  const services = () => namesOf("inferenceservices.serving.kserve.io");
  const active = async () => (await find(SecureModelKind, "iris", serving))?.status?.active?.revision;

  it("says what is missing while KServe is not there, and starts when it comes", async () => {
    await apply(version("v1"));
    const waiting = await modelBecomes(serving, "iris", "KServeMissing");
    assert.match(condition(waiting).message, /install KServe/);
    await kserve.install();
    await modelBecomes(serving, "iris", "Serving", 120_000);
    await becomesHealthy(serving, "iris");
    assert.deepEqual(await services(), ["iris"]);
    assert.deepEqual(await namesOf("deployments"), ["iris-predictor"]);
    assert.deepEqual(await namesOf("ingresses"), []);
    assert.deepEqual(await namesOf("horizontalpodautoscalers"), []);
    assert.equal((await podNames(serving, "iris")).length, 2);
  });

  it("lets KServe's controller make what belongs to an InferenceService, and nobody write one but the operator", async () => {
    const found = (await json("-n", serving, "get", "inferenceservice", "iris")) as { metadata: object; spec: object };
    const other = { ...found, metadata: { name: "other", namespace: serving } };
    for (const call of [{ input: other }, { input: other, as: kserveUser }]) {
      const created = await kubectl(["create", "--dry-run=server", "-f", "-"], call);
      assert.match(created.output, /only the operator creates or changes workloads/);
    }
    const deployment = (await json("-n", serving, "get", "deployment", "iris-predictor")) as { spec: object };
    const foreign = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "foreign", namespace: serving },
      spec: deployment.spec,
    };
    const made = await kubectl(["create", "--dry-run=server", "-f", "-"], { as: kserveUser, input: foreign });
    assert.match(made.output, /only the operator creates or changes workloads/);
    const scaled = ["-n", serving, "scale", "deployment", "iris-predictor", "--replicas=5", "--dry-run=server"];
    assert.match((await kubectl(scaled)).output, /only the operator creates or changes workloads/);
  });

  it("is followed by its next version in a second InferenceService, requests are shared, and none fails", async () => {
    const before = await active();
    let shared = 0;
    const counts = await underLoad(
      "a canary through KServe",
      { namespace: serving, body, expected: '"data": [0, 1, 2]' },
      async () => {
        await apply(version("v2"));
        await eventually(
          "the new version serves alone",
          async () => {
            if ((await services()).length === 2 && (await answering()).size === 2) shared += 1;
            return find(SecureModelKind, "iris", serving);
          },
          (found) => condition(found).reason === "Serving" && found?.status?.active?.revision !== before,
          120_000,
        );
      },
    );
    for (const { answered, wrong, failed } of [counts.kept, counts.fresh]) {
      assert.ok(answered > 100, `${answered} requests are not much of a load`);
      assert.deepEqual({ wrong, failed }, { wrong: 0, failed: 0 });
    }
    assert.ok(shared > 0, "both never answered at the same time");
    assert.deepEqual(await services(), [await active()]);
    assert.equal((await podNames(serving, "iris")).length, 2);
  });

  it("is left when it answers wrongly, and its InferenceService goes", async () => {
    const good = await becomesHealthy(serving, "iris");
    await apply(version("v3", answersWrongly));
    await goesBackTo(good, serving, "iris", /golden/);
    await eventually("its InferenceService is gone", services, (names) => names.length === 1, 60_000);
    assert.deepEqual(await services(), [good]);
  });

  it("is changed and scaled within one InferenceService where nothing comes in stages", async () => {
    const strategy = { type: "RollingUpdate" };
    const servesAnew = async (what: string, change: () => Promise<unknown>) => {
      const before = await active();
      await change();
      await eventually(
        what,
        () => find(SecureModelKind, "iris", serving),
        (found) => condition(found).reason === "Serving" && found?.status?.active?.revision !== before,
        120_000,
      );
    };
    await servesAnew("the InferenceService of the model's name serves", () => apply(version("v3", {}, { strategy })));
    assert.deepEqual(await services(), ["iris"]);
    const env = [
      { name: "MODEL_NAME", value: "iris" },
      { name: "CHANGED", value: "true" },
    ];
    const next = version("v3", { env }, { strategy });
    await servesAnew("another pod template serves", () => apply(next));
    assert.deepEqual(await services(), ["iris"]);
    await must(["-n", serving, "scale", "smodel", "iris", "--replicas=1"]);
    await eventually(
      "one pod is left",
      () => podNames(serving, "iris"),
      (names) => names.length === 1,
      60_000,
    );
    await modelBecomes(serving, "iris", "Serving", 60_000);
  });

  it("is ended when nobody vouches for it any more, also while KServe is away, and does not come back", async () => {
    await kserve.stop();
    await must(["delete", "ctp", serving]);
    await eventually(
      "nothing may run",
      () => find(SecureModelKind, "iris", serving),
      (found) => condition(found, "Serving").reason === "NothingMayRun",
      60_000,
    );
    await eventually(
      "no pod is left",
      () => podNames(serving, "iris"),
      (names) => names.length === 0,
      60_000,
    );
    await eventually(
      "no Deployment is left",
      () => namesOf("deployments"),
      (names) => names.length === 0,
      30_000,
    );
    await kserve.start();
    await eventually("no InferenceService is left", services, (names) => names.length === 0, 60_000);
    await eventually(
      "its Service is gone",
      () => namesOf("services"),
      (names) => names.length === 1,
      60_000,
    );
    assert.deepEqual(await namesOf("deployments"), []);
    assert.deepEqual(await podNames(serving, "iris"), []);
  });

  /** Of whose pods the model's Service leads to, now. */
  async function answering(): Promise<ReadonlySet<string | undefined>> {
    const { items } = await K8s(kind.EndpointSlice)
      .InNamespace(serving)
      .WithLabel("kubernetes.io/service-name", "iris")
      .Get();
    const ready = items.flatMap(({ endpoints }) => endpoints.filter(({ conditions }) => conditions?.ready === true));
    const pods = (await K8s(kind.Pod).InNamespace(serving).Get()).items;
    const names = ready.map(({ targetRef }) => targetRef?.name);
    return new Set(
      pods
        .filter(({ metadata }) => names.includes(metadata?.name))
        .map(({ metadata }) => metadata?.labels?.["mlsecops.io/revision"]),
    );
  }
});
