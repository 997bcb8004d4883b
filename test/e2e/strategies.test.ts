import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { K8s, kind } from "kubernetes-fluent-client";
import { SecureModelKind } from "../../src/api/fluent.ts";
import { goldenModel, rightAnswer } from "./support/golden.ts";
import { apply } from "./support/kubectl.ts";
import { namespaceObject, policy } from "./support/objects.ts";
import { becomesHealthy, condition, find, goesBackTo, modelBecomes, podNames } from "./support/read.ts";
import { type Counts, underLoad } from "./support/under-load.ts";
import { answersWrongly } from "./support/versions.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, securedNamespace, unique } from "./support/world.ts";

const revisionLabel = "mlsecops.io/revision";

/** On the real node, asked all the time through its kube-proxy. */
describe("a version that comes beside the one that serves", function () {
  this.timeout(300_000);
  const serving = unique("strategies");
  let world: World;
  let body: string;

  before(async () => {
    world = await openWorld();
    body = await readFile(join(world.artifacts.directory, "sample-request.json"), "utf8");
    const scope = { references: ["**"], namespaces: [serving] };
    await apply(policy(serving, scope, { inline: world.artifacts.publicKey }), namespaceObject(serving));
    for (const tag of ["v1", "v2", "v3"]) await world.artifacts.signedModel(serving, tag, `strategies ${tag}`);
    await securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
    await apply(version("v1", canary));
    await modelBecomes(serving, "iris", "Serving", 90_000);
    await becomesHealthy(serving, "iris");
  });

  after(() => discard(`namespace/${serving}`, `sns/${serving}`, `ctp/${serving}`));

  const canary = { type: "Canary", steps: [{ weight: 50, pause: "5s" }] };
  const blueGreen = { type: "BlueGreen", hold: "5s" };

  function version(tag: string, strategy: object, container: object = {}, spec: object = {}): object {
    const reference = `${world.registry}/${serving}:${tag}`;
    return goldenModel(serving, reference, { runtime: world.runtime, body, container, spec: { strategy, ...spec } });
  }

  /** Nobody has told the operator the right answers. */
  const health = () => ({
    interval: "5s",
    warmUp: "1s",
    signals: [
      {
        name: "agreement",
        agreement: { path: "/v2/models/iris/infer", bodies: [body], json: ["outputs[0].data"] },
        min: 1,
        window: { looks: 2, failures: 2 },
      },
    ],
  });

  const status = async () => (await find(SecureModelKind, "iris", serving))?.status;
  const asked = (what: string, change: () => Promise<unknown>) =>
    underLoad(what, { namespace: serving, body, expected: rightAnswer }, change);
  const deployments = async () =>
    (await K8s(kind.Deployment).InNamespace(serving).Get()).items.map(({ metadata }) => metadata?.name);
  /** Of whose pods the model's Service leads to, now. */
  const answering = async () => {
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
        .map(({ metadata }) => metadata?.labels?.[revisionLabel]),
    );
  };

  function assertNoneFailed({ kept, fresh }: Counts): void {
    for (const { answered, wrong, failed } of [kept, fresh]) {
      assert.ok(answered > 100, `${answered} requests are not much of a load`);
      assert.deepEqual({ wrong, failed }, { wrong: 0, failed: 0 });
    }
  }

  it("answers its share of the requests, takes over, and fails none", async () => {
    const before = (await status())?.active?.revision;
    let shared = 0;
    const counts = await asked("a canary", async () => {
      await apply(version("v2", canary));
      await eventually(
        "the new version serves alone",
        async () => {
          if ((await answering()).size === 2) shared += 1;
          return find(SecureModelKind, "iris", serving);
        },
        (found) => condition(found).reason === "Serving" && found?.status?.active?.revision !== before,
        120_000,
      );
    });
    assertNoneFailed(counts);
    assert.ok(shared > 0, "both never answered at the same time");
    const now = (await status())?.active?.revision;
    assert.deepEqual(await deployments(), [now]);
    assert.equal((await podNames(serving, "iris")).length, 2);
  });

  it("of BlueGreen is looked at before anybody is led to it: nobody gets its wrong answers", async () => {
    const good = await becomesHealthy(serving, "iris");
    const counts = await asked("a wrong version beside", async () => {
      await apply(version("v3", blueGreen, answersWrongly));
      await goesBackTo(good, serving, "iris", /golden/);
    });
    assertNoneFailed(counts);
    await eventually("its Deployment is gone", deployments, (names) => names.length === 1, 60_000);
    assert.equal((await podNames(serving, "iris")).length, 2);
  });

  it("of BlueGreen is held against the answers of what serves, though nobody has said which are right", async () => {
    const good = await becomesHealthy(serving, "iris");
    await apply(version("v2", blueGreen, answersWrongly, { health: health() }));
    await goesBackTo(good, serving, "iris", /agreement is 0, below the minimum 1, in 2 of the last 2 looks/);
    await eventually("its Deployment is gone", deployments, (names) => names.length === 1, 60_000);
  });

  it("of BlueGreen takes over at once, and fails none", async () => {
    const before = (await status())?.active?.revision;
    const counts = await asked("all at once", async () => {
      await apply(version("v3", blueGreen));
      await eventually(
        "the new version serves alone",
        () => find(SecureModelKind, "iris", serving),
        (found) => condition(found).reason === "Serving" && found?.status?.active?.revision !== before,
        120_000,
      );
    });
    assertNoneFailed(counts);
  });
});
