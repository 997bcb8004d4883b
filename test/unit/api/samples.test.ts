import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { parse } from "yaml";
import { kinds, parseObject } from "../../../src/api/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";

const folder = new URL("../../../manifests/samples/", import.meta.url);

describe("the samples", () => {
  it("are valid objects, for each kind that users write", async () => {
    const seen: string[] = [];
    for (const file of (await readdir(folder)).filter((name) => name !== "kustomization.yaml")) {
      const object = parse(await readFile(new URL(file, folder), "utf8")) as KubeObject;
      const kind = kinds.find((candidate) => candidate.resource.kind === object.kind);
      assert.ok(kind, `${file}: unknown kind ${String(object.kind)}`);
      const parsed = parseObject(kind, object);
      assert.ok(parsed.ok, `${file}: ${parsed.ok ? "" : parsed.message}`);
      assert.equal(object.metadata.namespace !== undefined, kind.resource.namespaced, file);
      seen.push(kind.resource.kind);
    }
    assert.deepEqual([...new Set(seen)].sort(), ["ClusterTrustPolicy", "SecureModel", "SecureNamespace"]);
  });

  it("parsing names the field that is wrong", () => {
    const kind = kinds.find((candidate) => candidate.resource.kind === "SecureNamespace");
    assert.ok(kind);
    const object = { apiVersion: "mlsecops.io/v1alpha1", kind: "SecureNamespace", metadata: { name: "a" } };
    const parsed = parseObject(kind, { ...object, spec: { profile: "prod", enforcement: "Audit" } });
    assert.equal(parsed.ok, false);
    assert.match(parsed.message, /spec\.profile/);
  });
});
