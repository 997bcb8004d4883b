import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { K8s, kind } from "kubernetes-fluent-client";
import { SecureModelKind } from "../../src/api/fluent.ts";
import { goldenModel, rightAnswer } from "./support/golden.ts";
import { apply } from "./support/kubectl.ts";
import { namespaceObject, policy } from "./support/objects.ts";
import { becomesHealthy, condition, find, goesBackTo, modelBecomes, podNames } from "./support/read.ts";
import { underLoad } from "./support/under-load.ts";
import { answersWrongly } from "./support/versions.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, securedNamespace, unique } from "./support/world.ts";

/** On the real node, through its kube-proxy: what is asked while pods come and go. */
describe("a model under load", function () {
  this.timeout(300_000);
  const serving = unique("load");
  let world: World;
  let body: string;
  const digests = new Map<string, string>();

  before(async () => {
    world = await openWorld();
    body = await readFile(join(world.artifacts.directory, "sample-request.json"), "utf8");
    await apply(trust({}), namespaceObject(serving));
    for (const tag of ["v1", "v2", "v3"])
      digests.set(tag, await world.artifacts.signedModel(serving, tag, `load ${tag}`));
    await securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
    await apply(version("v1"));
    await modelBecomes(serving, "iris", "Serving", 90_000);
    await becomesHealthy(serving, "iris");
  });

  after(() => discard(`namespace/${serving}`, `sns/${serving}`, `ctp/${serving}`));

  function trust(spec: object): object {
    const scope = { references: ["**"], namespaces: [serving] };
    return policy(serving, scope, { inline: world.artifacts.publicKey }, spec);
  }

  function version(tag: string, container: object = {}): object {
    const reference = `${world.registry}/${serving}:${tag}`;
    return goldenModel(serving, reference, { runtime: world.runtime, body, container });
  }

  const pods = async () => (await K8s(kind.Pod).InNamespace(serving).Get()).items;

  const asked = (what: string, change: () => Promise<unknown>) =>
    underLoad(what, { namespace: serving, body, expected: rightAnswer }, change);

  it("fails no request while a version comes", async () => {
    const { kept, fresh } = await asked("a good version", async () => {
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
    const { kept, fresh } = await asked("a version that answers wrongly", async () => {
      await apply(version("v3", answersWrongly));
      await goesBackTo(good, serving, "iris", /golden/);
    });
    assert.equal((await podNames(serving, "iris")).length, 2);
    assert.ok(kept.wrong + fresh.wrong > 0, "it was never asked");
    for (const { failed } of [kept, fresh]) assert.equal(failed, 0);
  });

  it("does not wait for what is revoked: its pods do not drain, and the next older version serves", async () => {
    const revoked = (await find(SecureModelKind, "iris", serving))?.status?.active?.revision;
    const graces = new Map<string | undefined, number | undefined>();
    const began = Date.now();
    await apply(trust({ deny: { digests: [digests.get("v2")] } }));
    await eventually(
      "the revoked pods are gone",
      async () => {
        const left = (await pods()).filter(({ metadata }) => metadata?.labels?.["mlsecops.io/revision"] === revoked);
        for (const { metadata } of left) graces.set(metadata?.name, metadata?.deletionGracePeriodSeconds);
        return left.length;
      },
      (count) => count === 0,
      60_000,
    );
    console.log(`      gone ${((Date.now() - began) / 1_000).toFixed(1)} s after the policy was applied`);
    // As they were last seen.
    for (const grace of graces.values()) assert.ok((grace ?? 0) <= 1, `a grace of ${grace ?? 0} s`);
    const found = await eventually(
      "the next older version serves",
      () => find(SecureModelKind, "iris", serving),
      (one) => condition(one, "Serving").status === "True" && one?.status?.active?.revision !== revoked,
      90_000,
    );
    assert.equal(found?.status?.active?.digest, digests.get("v1"));
  });
});
