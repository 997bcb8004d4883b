import assert from "node:assert/strict";
import { SecureModelKind } from "../../src/api/fluent.ts";
import { apply, kubectl, must } from "./support/kubectl.ts";
import { model, namespaceObject, policy } from "./support/objects.ts";
import { condition, find, modelBecomes } from "./support/read.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, securedNamespace, unique } from "./support/world.ts";

/** Pods on the real node, asked by the operator through the walls of their namespace. */
describe("a version that is unhealthy", function () {
  this.timeout(240_000);
  const serving = unique("rollback");
  const health = {
    interval: "5s",
    warmUp: "1s",
    signals: [
      {
        name: "golden",
        probe: { path: "/v2/models/iris", json: [{ path: "name", text: "iris" }] },
        window: { looks: 2, failures: 2 },
      },
    ],
  };
  let world: World;
  let good: string | undefined;

  before(async () => {
    world = await openWorld();
    await apply(
      policy(serving, { references: ["**"], namespaces: [serving] }, { inline: world.artifacts.publicKey }),
      namespaceObject(serving),
    );
    await world.artifacts.signedModel(serving, "v1", "health");
    await securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
    await apply(version({}));
    await modelBecomes(serving, "iris", "Serving", 90_000);
    good = (await find(SecureModelKind, "iris", serving))?.status?.active?.revision;
    // The operator's own looks, through the walls.
    await eventually(
      "the good version is healthy",
      () => find(SecureModelKind, "iris", serving),
      (found) => condition(found, "Healthy").status === "True",
      60_000,
    );
  });

  after(() => discard(`namespace/${serving}`, `sns/${serving}`, `ctp/${serving}`));

  function version(container: object): object {
    return model(serving, "iris", `${world.registry}/${serving}:v1`, {
      runtime: world.runtime,
      container,
      spec: { health, rollback: { coolDown: "1s", maxPerDay: 5 } },
    });
  }

  async function goesBack(applied: object, reason: RegExp): Promise<void> {
    await apply(applied);
    await eventually(
      `the model is rolled back for ${String(reason)}`,
      () => find(SecureModelKind, "iris", serving),
      // What was said of the version before stays until this one is known.
      (found) => condition(found).reason === "RolledBack" && reason.test(condition(found).message),
      180_000,
    );
    await eventually(
      "the good version serves",
      () => find(SecureModelKind, "iris", serving),
      (found) => condition(found, "Serving").status === "True" && found?.status?.active?.revision === good,
      60_000,
    );
    // What was applied is what is there: GitOps has nothing to do.
    const diff = await kubectl(["diff", "-f", "-"], { input: applied });
    assert.ok(diff.ok, diff.output);
    const pods = await must(["-n", serving, "get", "pods", "-l", "mlsecops.io/model=iris", "-o", "name"]);
    assert.notEqual(pods, "");
  }

  it("that answers wrongly is left for the one before, and the spec stays", () =>
    goesBack(version({ env: [{ name: "MODEL_NAME", value: "other" }] }), /golden/));

  it("that crashes is left before it has served", () =>
    goesBack(version({ command: ["python3.11", "-c", "raise SystemExit(1)"] }), /CrashLoopBackOff|restart/));

  it("can be mended: the next version serves", async () => {
    await apply(
      version({
        env: [
          { name: "MODEL_NAME", value: "iris" },
          { name: "MENDED", value: "yes" },
        ],
      }),
    );
    const found = await modelBecomes(serving, "iris", "Serving", 90_000);
    assert.notEqual(found?.status?.active?.revision, good);
  });
});
