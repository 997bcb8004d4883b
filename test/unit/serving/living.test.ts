import assert from "node:assert/strict";
import type { ModelRevision, SecureModel } from "../../../src/api/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import { rolloutOf } from "../../../src/serving/gather.ts";
import { type InferenceServiceObject, inferenceService } from "../../../src/serving/inference-service.ts";
import { orphansOf, workloadsOf } from "../../../src/serving/living.ts";
import { type DeploymentObject, availableOf, deployment, revisionRunBy } from "../../../src/serving/workload.ts";
import { newRevision } from "../../../src/serving/index.ts";
import { World, digest } from "./world.ts";

const labels = { "app.kubernetes.io/managed-by": "mlsecops-operator", "mlsecops.io/model": "iris" };
const model = { metadata: { name: "iris", namespace: "shop", uid: "m1" } } as SecureModel;

function applied(runs: string, extra: object = {}): InferenceServiceObject {
  const owner = { apiVersion: "mlsecops.io/v1alpha1", kind: "SecureModel", name: "iris", uid: "m1" };
  return {
    metadata: { name: "iris", namespace: "shop", uid: "i1", generation: 7, labels, ownerReferences: [owner], ...extra },
    spec: { predictor: { labels: { ...labels, "mlsecops.io/revision": runs } } },
  };
}

function made(runs: string, { generation = 3, owner = "i1" } = {}): DeploymentObject {
  const ownerReferences = [
    { apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", name: "iris", uid: owner },
  ];
  return {
    metadata: { name: "iris-predictor", namespace: "shop", generation, labels, ownerReferences },
    spec: { template: { metadata: { labels: { "mlsecops.io/revision": runs } } } },
    status: { observedGeneration: 3, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
  };
}

const revision = (name: string) => ({ metadata: { name } }) as ModelRevision;

describe("what KServe runs, read as a Deployment", () => {
  it("is as far as its Deployment, once that has what was applied", () => {
    const [one, ...others] = workloadsOf(model, [made("iris-a")], [applied("iris-a")]);
    assert.deepEqual(others, []);
    assert.equal(revisionRunBy(one), "iris-a");
    assert.equal(availableOf(one), 2);
    assert.equal(one?.metadata.name, "iris");
    assert.equal(rolloutOf([one], revision("iris-a"), 2).done, true);
  });

  const behind: readonly (readonly [string, DeploymentObject])[] = [
    ["KServe has not passed the revision on", made("iris-a")],
    ["the Deployment is not seen by its controller", made("iris-b", { generation: 4 })],
  ];
  for (const [what, deployment] of behind)
    it(`counts no pod for a revision while ${what}`, () => {
      const found = workloadsOf(model, [deployment], [applied("iris-b")]);
      assert.equal(revisionRunBy(found[0]), "iris-b");
      assert.equal(availableOf(found[0]), 0);
      assert.equal(rolloutOf(found, revision("iris-b"), 2).done, false);
      assert.equal(found[0]?.status?.readyReplicas, 2);
    });

  it("says in the words of KServe why there is no Deployment", () => {
    const status = { conditions: [{ type: "PredictorReady", status: "False", message: "invalid domain name" }] };
    const told = workloadsOf(model, [], [{ ...applied("iris-a"), status }]);
    assert.match(
      rolloutOf(told, revision("iris-a"), 2).progress,
      /0 of 2 replicas answer: KServe .*invalid domain name/,
    );
    const silent = workloadsOf(model, [], [applied("iris-a")]);
    assert.match(rolloutOf(silent, revision("iris-a"), 2).progress, /kubectl describe isvc iris/);
  });

  it("runs nothing that is on its way out, and is there all the same", () => {
    const found = workloadsOf(
      model,
      [made("iris-a")],
      [applied("iris-a", { deletionTimestamp: "2036-01-01T00:00:00Z" })],
    );
    assert.equal(found.length, 1);
    assert.equal(revisionRunBy(found[0]), undefined);
    assert.equal(rolloutOf(found, revision("iris-a"), 2).started, false);
    assert.equal(found[0]?.kserve?.made.length, 1);
  });

  it("is nothing of another owner, and an orphan where its owner is gone", () => {
    const foreign = applied("iris-a", { name: "other", ownerReferences: [] });
    assert.deepEqual(workloadsOf(model, [], [foreign]), []);
    assert.deepEqual(orphansOf(model, [made("iris-a")], [applied("iris-a")]), []);
    assert.deepEqual(
      orphansOf(model, [made("iris-a", { owner: "gone" })], [applied("iris-a")]).map(({ metadata }) => metadata.name),
      ["iris-predictor"],
    );
    const plain = { metadata: { name: "iris", namespace: "shop", labels } };
    assert.deepEqual(orphansOf(model, [plain], []), []);
  });
});

describe("an InferenceService", () => {
  const made = (replicas: number, type: SecureModel["spec"]["strategy"]["type"] = "Canary") => {
    const world = new World();
    world.toKServe();
    world.edit((spec) => ({ ...spec, strategy: { ...spec.strategy, type } }));
    const asked = world.model();
    const artifact = { repository: "registry.example/models/iris", digest: digest(1), platformDigests: [] };
    const workload = { revision: newRevision(asked, artifact, []), name: "iris", replicas };
    const { spec, metadata } = inferenceService(asked, workload) as KubeObject & {
      readonly spec: { readonly predictor: Readonly<Record<string, unknown>> };
    };
    return { metadata, predictor: spec.predictor, plain: deployment(asked, workload) as unknown as Plain };
  };
  interface Plain {
    readonly spec: {
      readonly strategy: object;
      readonly template: { readonly metadata: object; readonly spec: object };
    };
  }

  it("has the pods that a Deployment would have", () => {
    const { predictor, plain } = made(2);
    const { minReplicas, maxReplicas, deploymentStrategy, ...pods } = predictor;
    assert.deepEqual(pods, { ...plain.spec.template.metadata, ...plain.spec.template.spec });
    assert.deepEqual(deploymentStrategy, plain.spec.strategy);
    assert.deepEqual([minReplicas, maxReplicas], [2, 2]);
    assert.deepEqual(made(1, "Recreate").predictor["deploymentStrategy"], { type: "Recreate" });
  });

  it("has no pod where none is wanted, and no way in of KServe's", () => {
    const { predictor, metadata } = made(0);
    assert.equal(predictor["minReplicas"], 0);
    assert.equal(metadata.labels?.["networking.kserve.io/visibility"], "cluster-local");
    assert.deepEqual(metadata.annotations, {
      "serving.kserve.io/deploymentMode": "RawDeployment",
      "serving.kserve.io/autoscalerClass": "none",
    });
  });
});
