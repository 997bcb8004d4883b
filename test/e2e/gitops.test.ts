import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type GenericClass, K8s, kind } from "kubernetes-fluent-client";
import { parse } from "yaml";
import { SecureModelKind, SecureNamespaceKind } from "../../src/api/fluent.ts";
import { kinds } from "../../src/api/index.ts";
import { ARGOCD, ArgoCd, application, applicationBecomes } from "./support/argocd.ts";
import { Repository, type SampleChange } from "./support/git-repository.ts";
import { apply, json, kubectl, must } from "./support/kubectl.ts";
import { secret } from "./support/objects.ts";
import { condition, find } from "./support/read.ts";
import { eventually, observe } from "./support/wait.ts";
import { SYSTEM, type World, discard, install, openWorld, operatorPod, unique } from "./support/world.ts";

const serving = "fraud-serving";
const model = "fraud-scorer";
const operators = "mlsecops";

/** Who else applies, and how. Flux' kustomize-controller forces conflicts, as its default is. */
const managers = [
  ["kubectl apply --server-side", ["--server-side", "--force-conflicts"]],
  ["Flux", ["--server-side", "--force-conflicts", "--field-manager=kustomize-controller"]],
] as const;

interface WithManagers {
  readonly metadata: {
    readonly managedFields: readonly { manager: string; subresource?: string; fieldsV1: object }[];
  };
}

/** A real Argo CD, a real repository, the chart and the samples: what the operator does on its own account is no drift. */
describe("an operator and its models that come by Argo CD", function () {
  this.timeout(240_000);
  const pushed = unique("gitops");
  let world: World;
  let argocd: ArgoCd;
  let repository: Repository;
  let samples: SampleChange;

  before(async () => {
    world = await openWorld();
    argocd = await ArgoCd.prepare();
    await argocd.install();
    await world.artifacts.signedModel(pushed, "v1", "gitops");
    await apply(secret(SYSTEM, "release-key", { "cosign.pub": world.artifacts.publicKey }));
    repository = await Repository.create();
    samples = { registry: world.registry, reference: `${world.registry}/${pushed}:v1`, runtime: world.runtime };
    await must(["apply", "--server-side", "-f", "manifests/argocd/argocd-cm.yaml"]);
    await must([
      "-n",
      ARGOCD,
      "patch",
      "cm",
      "argocd-cm",
      "--type=merge",
      "-p",
      '{"data":{"timeout.reconciliation":"3s"}}',
    ]);
  });

  after(async () => {
    await kubectl(["-n", ARGOCD, "delete", "applications.argoproj.io", serving, "--ignore-not-found", "--wait=false"]);
    await discard(`namespace/${serving}`, `sns/${serving}`, "ctp/release");
    await kubectl(["-n", SYSTEM, "delete", "secret", "release-key", "--ignore-not-found"]);
    await argocd.uninstall();
    await install(world);
  });

  /** With what Argo CD said last, if it does not become so. */
  async function becomes(revision: string, health: string, timeoutMs = 120_000) {
    try {
      return await applicationBecomes(serving, { revision, health }, timeoutMs);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${await argocd.errors()}`, { cause: error });
    }
  }

  /** Three looks of Argo CD and more: it stays so, it applies nothing, and nobody writes the spec. */
  async function isAtRest(): Promise<void> {
    const seen = await observe(12_000, async () => {
      const { status } = await application(serving);
      const found = await find(SecureModelKind, model, serving);
      return [status?.sync?.status, status?.operationState?.startedAt, found?.metadata?.generation].join(" ");
    });
    assert.deepEqual([...new Set(seen)], [seen[0]]);
    assert.match(seen[0] ?? "", /^Synced /);
  }

  async function healthOf(name: string): Promise<string> {
    const { status } = await application(serving);
    const { health } = status?.resources?.find((one) => one.name === name) ?? {};
    return `${health?.status ?? ""} ${health?.message ?? ""}`;
  }

  it("the chart is synced over what Helm has installed, and no pod is replaced", async () => {
    const before = await operatorPod();
    const revision = await repository.commit("the chart", { chart: true });
    const values = parse(await readFile(world.values, "utf8")) as object;
    await apply(await repository.application("operator", (helm) => ({ ...helm, valuesObject: values })));
    const { status } = await applicationBecomes(operators, { revision, health: "Healthy" });
    assert.deepEqual(
      // A pod that `helm test` has left has none.
      status?.resources?.filter((one) => one.status !== undefined && one.status !== "Synced"),
      [],
    );
    assert.equal((await operatorPod()).name, before.name);
    // What only `helm test` needs is not made.
    assert.equal(await find(kind.ServiceAccount, "mlsecops-installation-check", SYSTEM), undefined);
  });

  it("the samples are synced, and healthy once they serve", async () => {
    const revision = await repository.commit("the samples", { samples });
    await apply(await repository.application("models"));
    await becomes(revision, "Healthy");
    await must(["-n", serving, "wait", "--for=condition=Ready", `smodel/${model}`, "--timeout=5m"]);
    assert.match(await healthOf(model), /^Healthy Serving: /);
    assert.match(await healthOf(serving), /^Healthy Enforced: /);
    assert.match(await healthOf("release"), /^Healthy KeysResolved: /);
    await isAtRest();
  });

  it("a rollback is no drift: the model is degraded, and its spec stays", async () => {
    const revision = await repository.commit("a version that answers wrongly", {
      samples: { ...samples, modelName: "other" },
    });
    await becomes(revision, "Degraded", 180_000);
    assert.match(await healthOf(model), /^Degraded RolledBack: /);
    assert.equal(condition(await find(SecureModelKind, model, serving), "Serving").status, "True");
    await isAtRest();
  });

  it("a commit that takes the version back is healthy again", async () => {
    await becomes(await repository.commit("back", { samples }), "Healthy");
  });

  it("a quarantine is no drift either", async () => {
    const revision = await repository.commit("a key that has signed nothing", {
      samples: { ...samples, key: await world.artifacts.strangersKey() },
    });
    await becomes(revision, "Degraded");
    assert.match(await healthOf(model), /^Degraded UntrustedSigner: /);
    await isAtRest();
    await becomes(await repository.commit("the key is back", { samples }), "Healthy");
  });

  it("quotas, walls and labels are the operator's, and no drift of the namespace", async () => {
    const revision = await repository.commit("a quota", { samples: { ...samples, quota: { pods: "20" } } });
    await becomes(revision, "Healthy");
    await eventually(
      "the quota is there",
      async () => (await K8s(kind.ResourceQuota).InNamespace(serving).Get()).items,
      (found) => found.some(({ spec }) => String(spec?.hard?.["pods"]) === "20"),
    );
    await isAtRest();
  });

  it("what is suspended says so", async () => {
    const revision = await repository.commit("suspended", { samples: { ...samples, suspend: true } });
    await becomes(revision, "Suspended");
    await becomes(await repository.commit("and not any more", { samples }), "Healthy");
  });

  it("what somebody changes by hand is undone", async () => {
    await must(["-n", serving, "patch", "smodel", model, "--type=merge", "-p", '{"spec":{"replicas":1}}']);
    await eventually(
      "two replicas again",
      () => find(SecureModelKind, model, serving),
      (found) => found?.spec.replicas === 2,
    );
  });

  for (const [name, args] of managers)
    it(`${name} applies the same, and nobody fights`, async () => {
      await stopSyncing();
      const files = ["-f", repository.models];
      const generations = () =>
        Promise.all(written().map(([type, object, namespace]) => generationOf(type, object, namespace)));
      await must(["apply", ...args, ...files]);
      const before = await generations();
      for (let time = 0; time < 3; time += 1) await must(["apply", ...args, ...files]);
      const seen = await observe(5000, generations);
      for (const one of seen) assert.deepEqual(one, before);
      const diff = await kubectl([
        "diff",
        ...args.filter((arg) => arg !== "--force-conflicts" || args.includes("--server-side")),
        ...files,
      ]);
      assert.ok(diff.ok, diff.output);
      // Fields that the operator wrote are its own: status, finalizers, and nothing of the spec.
      const found = (await json("-n", serving, "get", "smodel", model, "--show-managed-fields")) as WithManagers;
      for (const { manager, subresource, fieldsV1 } of found.metadata.managedFields)
        if (manager.startsWith("mlsecops") && subresource === undefined)
          assert.equal("f:spec" in fieldsV1, false, manager);
      assert.equal(condition(await find(SecureModelKind, model, serving)).reason, "Serving");
    });

  it("an application that is deleted leaves kinds and policies behind", async () => {
    await must(["-n", ARGOCD, "delete", "applications.argoproj.io", operators, "--timeout=90s"]);
    assert.equal(await find(kind.Deployment, "mlsecops-operator", SYSTEM), undefined);
    const { items } = (await json("get", "crd,validatingadmissionpolicies")) as {
      items: { metadata: { name: string } }[];
    };
    const names = items.map(({ metadata }) => metadata.name);
    assert.equal(names.filter((one) => one.endsWith(".mlsecops.io")).length, kinds.length);
    assert.ok(names.includes("mlsecops-pods-granted"));
    assert.notEqual(await find(SecureModelKind, model, serving), undefined);
  });

  async function stopSyncing(): Promise<void> {
    await must([
      "-n",
      ARGOCD,
      "patch",
      "applications.argoproj.io",
      serving,
      "--type=merge",
      "-p",
      '{"spec":{"syncPolicy":{"automated":null}}}',
    ]);
  }

  function written(): readonly (readonly [GenericClass, string, string?])[] {
    return [
      [SecureModelKind, model, serving],
      [SecureNamespaceKind, serving],
    ];
  }

  async function generationOf(type: GenericClass, name: string, namespace?: string): Promise<number | undefined> {
    return ((await find(type, name, namespace)) as { metadata?: { generation?: number } } | undefined)?.metadata
      ?.generation;
  }
});
