import assert from "node:assert/strict";
import { K8s, kind } from "kubernetes-fluent-client";
import { ModelActionKind, ModelRevisionKind, SecureModelKind, SecureNamespaceKind } from "../../src/api/fluent.ts";
import { apply, kubectl, must } from "./support/kubectl.ts";
import { model, namespaceObject, policy, pullSecret } from "./support/objects.ts";
import { condition, find, grantOf, modelBecomes, namespaceBecomes, podNames } from "./support/read.ts";
import { login } from "./support/trouble-registry.ts";
import { eventually, observe } from "./support/wait.ts";
import {
  DEPLOYMENT,
  SYSTEM,
  type World,
  discard,
  openWorld,
  reconciles,
  securedNamespace,
  unique,
} from "./support/world.ts";

describe("the life of a model and of its namespace", function () {
  this.timeout(180_000);
  const serving = unique("life");
  const lab = unique("life-lab");
  const open = unique("life-open");
  const closed = unique("life-closed");
  const followed = `${serving}/follow`;
  const guarded = `needs-login/${serving}`;
  let world: World;
  let first: string;
  let second: string;

  before(async () => {
    world = await openWorld();
    const { registry, trouble, artifacts, runtime } = world;
    await apply(
      policy(
        serving,
        { references: ["**"], namespaces: [serving, lab, open, closed] },
        { inline: artifacts.publicKey },
        { validity: { recheckAfter: "10s", validFor: "1h" } },
      ),
      ...[serving, lab, open, closed].map(namespaceObject),
      pullSecret(serving, "login", { [trouble.host]: login }),
    );
    [first] = await Promise.all([
      artifacts.signedModel(followed, "stable", "first"),
      artifacts.signedModel(guarded, "v1", "guarded"),
      securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: runtime }] }),
      securedNamespace(open, { profile: "training", deletionPolicy: "Open" }),
      securedNamespace(closed, { profile: "training" }),
      securedNamespace(lab, { profile: "training", enforcement: "Audit" }, "Audit"),
    ]);
    const behindLogin = { reference: `${trouble.host}/${guarded}:v1`, pullSecrets: [{ name: "login" }] };
    await apply(
      model(serving, "follow", `${registry}/${followed}:stable`, {
        runtime,
        source: { oci: { reference: `${registry}/${followed}:stable` }, update: "Follow", followInterval: "10s" },
      }),
      model(serving, "login", behindLogin.reference, { runtime, source: { oci: behindLogin } }),
      history(1),
    );
  });

  after(async () => {
    const namespaces = [serving, lab, open, closed];
    await discard(...namespaces.flatMap((name) => [`namespace/${name}`, `sns/${name}`]), `ctp/${serving}`);
  });

  /** Keeps no pod, so that its versions follow each other fast. */
  function history(version: number): object {
    return model(serving, "history", `${world.registry}/${followed}@${first}`, {
      runtime: world.runtime,
      container: { env: [{ name: "VERSION", value: String(version) }] },
      spec: { replicas: 0, historyLimit: 1 },
    });
  }

  function patch(object: string, change: object): Promise<string> {
    const where = object.startsWith("smodel") ? ["-n", serving] : [];
    return must([...where, "patch", object, "--type=merge", "-p", JSON.stringify(change)]);
  }

  const serves = (name: string, digest: string) =>
    eventually(
      `${name} serves ${digest}`,
      () => find(SecureModelKind, name, serving),
      (found) => condition(found).status === "True" && found?.status?.active?.digest === digest,
      60_000,
    );

  const readyPods = (name: string, count: number) =>
    eventually(
      `${name} has ${count} ready pods`,
      () => find(SecureModelKind, name, serving),
      (found) => found?.status?.readyReplicas === count,
      60_000,
    );

  it("a followed tag serves what it stands for", async () => {
    await serves("follow", first);
  });

  it("a followed tag that was moved to what nobody signed changes nothing, and is said", async () => {
    second = await world.artifacts.model(followed, "stable", "second");
    const found = await modelBecomes(serving, "follow", "NoSignature", 60_000);
    assert.ok(condition(found).message.includes(second), condition(found).message);
    assert.equal(found?.status?.active?.digest, first);
    assert.equal(condition(found, "Serving").status, "True");
    assert.equal((await podNames(serving, "follow")).length, 1);
  });

  it("a followed tag serves the new version once that is signed", async () => {
    await world.artifacts.sign(`${world.registry}/${followed}@${second}`);
    await serves("follow", second);
  });

  it("a registry with a login and a CA of its own serves operator and kubelet alike", async () => {
    const found = await modelBecomes(serving, "login", "Serving", 60_000);
    assert.equal(condition(found, "Serving").status, "True");
    assert.ok(world.trouble.asked(guarded) > 0);
  });

  it("replicas follow kubectl scale, and then a HorizontalPodAutoscaler", async () => {
    await must(["-n", serving, "scale", "smodel/login", "--replicas=2"]);
    await readyPods("login", 2);
    await must(["-n", serving, "scale", "smodel/login", "--replicas=1"]);
    await readyPods("login", 1);
    await apply({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "login", namespace: serving },
      spec: {
        scaleTargetRef: { apiVersion: "mlsecops.io/v1alpha1", kind: "SecureModel", name: "login" },
        minReplicas: 2,
        maxReplicas: 3,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ],
      },
    });
    await readyPods("login", 2);
    assert.equal((await find(SecureModelKind, "login", serving))?.spec.replicas, 2);
  });

  it("a broken glass lets an unsigned model serve, loudly, until it is taken back", async () => {
    const repository = `${serving}/glass`;
    const digest = await world.artifacts.model(repository, "v1", "unsigned");
    await apply(model(serving, "glass", `${world.registry}/${repository}@${digest}`, { runtime: world.runtime }));
    await modelBecomes(serving, "glass", "NoSignature", 60_000);
    const approver = await must(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]);
    await apply({
      apiVersion: "mlsecops.io/v1alpha1",
      kind: "ModelAction",
      metadata: { name: "incident", namespace: serving },
      spec: {
        digest,
        reason: "INC-4711, the signing service is down",
        approver: approver.trim(),
        notAfter: new Date(Date.now() + 3_600_000).toISOString(),
      },
    });
    const served = await modelBecomes(serving, "glass", "Serving", 60_000);
    assert.deepEqual(
      [condition(served, "Verified").status, condition(served, "Verified").reason],
      ["False", "BreakGlass"],
    );
    assert.equal(served?.status?.verdict?.exception?.approver, approver.trim());
    const action = await eventually(
      "the action says who uses it",
      () => find(ModelActionKind, "incident", serving),
      (found) => found?.status?.usedBy?.includes("SecureModel glass") === true,
    );
    assert.equal(condition(action).reason, "GlassBroken");
    await must(["-n", serving, "delete", "mact/incident"]);
    await modelBecomes(serving, "glass", "NoSignature", 60_000);
    await eventually(
      "its pods are ended",
      () => podNames(serving, "glass"),
      (pods) => pods.length === 0,
    );
    await must(["-n", serving, "delete", "smodel/glass", "--timeout=60s"]);
  });

  it("suspend leaves what runs and starts nothing", async () => {
    const before = await podNames(serving, "follow");
    await patch("smodel/follow", { spec: { suspend: true, replicas: 2 } });
    await modelBecomes(serving, "follow", "Suspended");
    assert.deepEqual(await podNames(serving, "follow"), before);
    await patch("smodel/follow", { spec: { suspend: false, replicas: 1 } });
    await modelBecomes(serving, "follow", "Serving");
    assert.deepEqual(await podNames(serving, "follow"), before);
  });

  it("several models that serve let the operator rest", async () => {
    const seen = await observe(6_000, reconciles);
    const passes = (seen.at(-1) ?? 0) - (seen[0] ?? 0);
    assert.ok(passes <= 60, `${passes} passes over three settled models in 6 s`);
  });

  it("keeps as many revisions as the history limit says, besides the active one", async () => {
    const revisions = async () =>
      (await K8s(ModelRevisionKind).InNamespace(serving).Get()).items.filter(({ spec }) => spec.model === "history");
    for (const version of [1, 2, 3, 4]) {
      await apply(history(version));
      await eventually(
        `revision ${version} of history is active`,
        async () => ({ model: await find(SecureModelKind, "history", serving), revisions: await revisions() }),
        (seen) => {
          const newest = seen.revisions.find(({ spec }) => spec.number === version);
          return newest !== undefined && seen.model?.status?.active?.revision === newest.metadata?.name;
        },
      );
    }
    await eventually(
      "revisions 3 and 4 are left",
      async () => (await revisions()).map(({ spec }) => spec.number).sort(),
      (numbers) => numbers.join() === "3,4",
    );
  });

  it("a deleted SecureModel waits for the operator, and then takes everything with it", async () => {
    await must(["-n", SYSTEM, "scale", `deployment/${DEPLOYMENT}`, "--replicas=0"]);
    await must([
      "-n",
      SYSTEM,
      "wait",
      "--for=delete",
      "pod",
      "-l",
      `app.kubernetes.io/name=${DEPLOYMENT}`,
      "--timeout=60s",
    ]);
    try {
      await must(["-n", serving, "delete", "smodel/follow", "--wait=false"]);
      const waiting = await find(SecureModelKind, "follow", serving);
      assert.notEqual(waiting?.metadata?.deletionTimestamp, undefined);
      assert.deepEqual(waiting?.metadata?.finalizers, ["mlsecops.io/model"]);
    } finally {
      await must(["-n", SYSTEM, "scale", `deployment/${DEPLOYMENT}`, "--replicas=1"]);
    }
    const rest = async () => ({
      model: await find(SecureModelKind, "follow", serving),
      deployment: await find(kind.Deployment, "follow", serving),
      service: await find(kind.Service, "follow", serving),
      revisions: (await K8s(ModelRevisionKind).InNamespace(serving).Get()).items.filter(
        ({ spec }) => spec.model === "follow",
      ).length,
      pods: (await podNames(serving, "follow")).length,
    });
    await eventually(
      "nothing of the model is left",
      rest,
      (left) => Object.values(left).every((one) => one === undefined || one === 0),
      90_000,
    );
    const grant = await grantOf(serving);
    assert.ok(grant !== undefined);
    assert.ok(!JSON.stringify(grant).includes('"follow"'), JSON.stringify(grant));
  });

  it("Audit admits with a warning, Enforce reports what runs, and Evict ends it", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "unsigned", namespace: lab },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "main", image: world.unsigned, command: ["sleep", "600"] }],
      },
    };
    const created = await kubectl(["create", "-f", "-"], { input: pod });
    assert.ok(created.ok, created.output);
    assert.match(created.output, /Warning: .*is not granted/);
    await eventually(
      "the pod is reported",
      () => find(SecureNamespaceKind, lab),
      (found) => found?.status?.ungrantedPods?.count === 1,
    );
    await patch(`sns/${lab}`, { spec: { enforcement: "Enforce" } });
    const open = await namespaceBecomes(lab, "UngrantedPods");
    assert.equal(condition(open, "Enforced").status, "False");
    assert.deepEqual(await podNames(lab), ["unsigned"]);
    const refused = await kubectl(["create", "-f", "-"], {
      input: { ...pod, metadata: { ...pod.metadata, name: "another" } },
    });
    assert.equal(refused.ok, false, refused.output);

    await patch(`sns/${lab}`, { spec: { onUngranted: "Evict" } });
    await namespaceBecomes(lab, "Enforced", 60_000);
    assert.deepEqual(await podNames(lab), []);
  });

  for (const [how, namespace, stays] of [
    ["stays shut", closed, true],
    ["opens with deletionPolicy: Open", open, false],
  ] as const) {
    it(`a namespace whose SecureNamespace is deleted ${how}`, async () => {
      await must(["delete", `sns/${namespace}`, "--timeout=60s"]);
      const create = () => kubectl(["-n", namespace, "run", "any", `--image=${world.unsigned}`, "--dry-run=server"]);
      await eventually(`a pod in ${namespace} is ${stays ? "refused" : "admitted"}`, create, ({ ok }) => ok !== stays);
      const labels = (await K8s(kind.Namespace).Get(namespace)).metadata?.labels ?? {};
      assert.equal("mlsecops.io/enforcement" in labels, stays);
    });
  }

  it("a namespace that is deleted while models serve in it is gone in bounded time", async () => {
    assert.ok((await podNames(serving, "login")).length > 0);
    await must(["delete", `namespace/${serving}`, `sns/${serving}`, "--timeout=90s"]);
    assert.deepEqual((await K8s(SecureModelKind).InNamespace(serving).Get()).items, []);
  });
});
