import assert from "node:assert/strict";
import type { SecureModel } from "../../../src/api/index.ts";
import { isRevisionOf, newRevision, revisionHash } from "../../../src/serving/revision.ts";
import { digest, World } from "./world.ts";

describe("the revision of a model", () => {
  const artifact = { repository: "registry.example/iris", digest: digest(1), platformDigests: [] };

  function model(pulling: object = {}): SecureModel {
    const { metadata, spec } = new World().model();
    const oci = { reference: "registry.example/models/iris:v1", ...pulling };
    return { metadata, spec: { ...spec, source: { ...spec.source, oci } } };
  }

  it("holds what its artifact is looked at with, and is another one with something else", () => {
    const plain = newRevision(model(), artifact, []);
    const puller = newRevision(model({ serviceAccountName: "puller" }), artifact, []);
    assert.equal(puller.spec.serviceAccountName, "puller");
    assert.ok(!("serviceAccountName" in plain.spec));
    assert.ok(isRevisionOf(puller, model({ serviceAccountName: "puller" }), artifact));
    assert.ok(!isRevisionOf(puller, model(), artifact));
    assert.ok(!isRevisionOf(plain, model({ serviceAccountName: "puller" }), artifact));
    const hashes = [
      {},
      { serviceAccountName: "puller" },
      { serviceAccountName: "other" },
      { pullSecrets: [{ name: "a" }] },
    ];
    assert.equal(new Set(hashes.map((pulling) => revisionHash(model(pulling), artifact))).size, 4);
  });

  it("is another one for KServe, and the same for a Deployment that is written or meant", () => {
    const of = (kind?: "Deployment" | "InferenceService") => {
      const plain = model({});
      const { managed } = plain.spec.workload;
      const workload = { managed: { ...managed, ...(kind === undefined ? {} : { kind }) } };
      return revisionHash({ ...plain, spec: { ...plain.spec, workload } }, artifact);
    };
    assert.equal(of("Deployment"), of());
    assert.notEqual(of("InferenceService"), of());
  });
});
