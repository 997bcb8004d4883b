import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { K8s, kind } from "kubernetes-fluent-client";
import { SecureModelKind } from "../../src/api/fluent.ts";
import { apply } from "./support/kubectl.ts";
import { type Count, Load } from "./support/load.ts";
import { model, namespaceObject, policy } from "./support/objects.ts";
import { becomesHealthy, condition, find, goesBackTo, modelBecomes, podNames } from "./support/read.ts";
import { answersWrongly } from "./support/versions.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, securedNamespace, unique } from "./support/world.ts";

/** On the real node, through its kube-proxy: what is asked while pods come and go. */
describe("a model under load", function () {
  this.timeout(300_000);
  const serving = unique("load");
  let world: World;
  let body: string;

  before(async () => {
    world = await openWorld();
    body = await readFile(join(world.artifacts.directory, "sample-request.json"), "utf8");
    await apply(
      policy(serving, { references: ["**"], namespaces: [serving] }, { inline: world.artifacts.publicKey }),
      namespaceObject(serving),
    );
    for (const tag of ["v1", "v2", "v3"]) await world.artifacts.signedModel(serving, tag, `load ${tag}`);
    await securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
    await apply(version("v1"));
    await modelBecomes(serving, "iris", "Serving", 90_000);
    await becomesHealthy(serving, "iris");
  });

  after(() => discard(`namespace/${serving}`, `sns/${serving}`, `ctp/${serving}`));

  function version(tag: string, container: object = {}): object {
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
      container,
      pod: { terminationGracePeriodSeconds: 10 },
      spec: {
        replicas: 2,
        health: { interval: "5s", warmUp: "1s", signals: [golden] },
        rollback: { coolDown: "1s", maxPerDay: 5 },
      },
    });
  }

  /** Until the last pod that was left is gone, drained. */
  const isQuiet = () =>
    eventually(
      "no pod is on its way out",
      async () => {
        const { items } = await K8s(kind.Pod).InNamespace(serving).Get();
        return items.filter(({ metadata }) => metadata?.deletionTimestamp !== undefined).length;
      },
      (ending) => ending === 0,
      60_000,
    );

  async function underLoad(what: string, change: () => Promise<unknown>): Promise<{ kept: Count; fresh: Count }> {
    const load = await Load.start(serving, { model: "iris", body, expected: '"data": [0, 1, 2]' });
    let counts: { kept: Count; fresh: Count };
    try {
      await change();
      await isQuiet();
    } finally {
      counts = await load.stop();
    }
    for (const [connections, { answered, wrong, failed, reasons }] of Object.entries<Count>(counts))
      console.log(
        `      ${what}, connections ${connections}: ${answered} answered, ${wrong} of them wrong, ${failed} failed ${JSON.stringify(reasons)}`,
      );
    return counts;
  }

  it("fails no request while a version comes", async () => {
    const { kept, fresh } = await underLoad("a good version", async () => {
      const before = (await find(SecureModelKind, "iris", serving))?.status?.active?.revision;
      await apply(version("v2"));
      await eventually(
        "the new version serves alone",
        () => find(SecureModelKind, "iris", serving),
        (found) => condition(found).reason === "Serving" && found?.status?.active?.revision !== before,
        90_000,
      );
    });
    for (const { answered, wrong, failed } of [kept, fresh]) {
      assert.ok(answered > 100, `${answered} requests are not much of a load`);
      assert.deepEqual({ wrong, failed }, { wrong: 0, failed: 0 });
    }
  });

  it("fails none while a version that answers wrongly comes, is found out, and goes", async () => {
    const good = await becomesHealthy(serving, "iris");
    const { kept, fresh } = await underLoad("a version that answers wrongly", async () => {
      await apply(version("v3", answersWrongly));
      await goesBackTo(good, serving, "iris", /golden/);
    });
    assert.equal((await podNames(serving, "iris")).length, 2);
    assert.ok(kept.wrong + fresh.wrong > 0, "it was never asked");
    for (const { failed } of [kept, fresh]) assert.equal(failed, 0);
  });
});
