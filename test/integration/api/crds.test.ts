import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { parse } from "yaml";
import { type Json, eventually, installCrds, kubectl, must, randomName } from "../admission/support.ts";

const folder = new URL("../../../manifests/samples/", import.meta.url);

interface Sample {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Record<string, unknown>;
}

describe("the CRDs on a real API server", function () {
  this.timeout(60_000);
  const namespace = randomName("mlsecops-api");
  const samples = new Map<string, Sample>();

  before(async () => {
    await installCrds();
    await must(["create", "namespace", namespace]);
    for (const file of (await readdir(folder)).filter((name) => name !== "kustomization.yaml").sort()) {
      const sample = parse(await readFile(new URL(file, folder), "utf8")) as Sample;
      const place = sample.metadata.namespace === undefined ? {} : { namespace };
      samples.set(sample.kind, { ...sample, metadata: { ...sample.metadata, ...place } });
    }
    await eventually("the kinds are served", async () => (await dryRun("SecureModel")).ok);
  });
  after(async () => {
    await kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });

  function dryRun(kind: string, spec: Json = {}, metadata: Json = {}) {
    const sample = samples.get(kind);
    assert.ok(sample);
    const input = {
      ...sample,
      metadata: { ...sample.metadata, ...metadata },
      spec: { ...sample.spec, ...spec },
    };
    return kubectl(["create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-"], { input });
  }

  function container(changes: Json): Json {
    const digest = "0".repeat(64);
    const containers = [{ name: "a", image: `a@sha256:${digest}`, ...changes }];
    return { workload: { managed: { template: { spec: { containers } } } } };
  }
  const oci = { reference: "registry.example.com/models/a:v1" };
  const scope = { references: ["registry.example.com/**"] };

  for (const kind of ["ClusterTrustPolicy", "SecureNamespace", "SecureModel"])
    it(`takes the sample of a ${kind}`, async () => {
      const answer = await dryRun(kind);
      assert.ok(answer.ok, answer.output);
    });

  it("fills in the defaults", async () => {
    const answer = await dryRun("ClusterTrustPolicy", { validity: {} });
    assert.ok(answer.ok, answer.output);
    const { spec } = JSON.parse(answer.output) as Sample;
    assert.equal(spec["mode"], "Enforce");
    assert.deepEqual(spec["validity"], {
      recheckAfter: "1h",
      validFor: "24h",
      onExpiry: "Quarantine",
      maxGrace: "24h",
    });
  });

  const table: readonly (readonly [string, string, Json, Json, RegExp])[] = [
    ["a system namespace", "SecureNamespace", {}, { name: "kube-system" }, /system namespaces/],
    ["the default namespace", "SecureNamespace", {}, { name: "default" }, /system namespaces/],
    ["another profile", "SecureNamespace", { profile: "prod" }, {}, /Unsupported value: "prod"/],
    ["an unknown field", "SecureNamespace", { enforce: true }, {}, /unknown field "spec.enforce"/],
    ["a long name", "SecureModel", {}, { name: "a".repeat(53) }, /at most 52 characters/],
    ["a fast lookup", "SecureModel", { source: { oci, followInterval: "1s" } }, {}, /at least 10s/],
    ["an image by tag", "SecureModel", container({ image: "a:v1" }), {}, /spec\.containers\[0\]\.image/],
    ["a lifecycle hook", "SecureModel", container({ lifecycle: {} }), {}, /unknown field .*lifecycle/],
    ["a probe of no kind", "SecureModel", container({ readinessProbe: {} }), {}, /exactly one of httpGet/],
    [
      "env with two sources",
      "SecureModel",
      container({ env: [{ name: "A", value: "1", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] }),
      {},
      /not both/,
    ],
    [
      "an authority without key",
      "ClusterTrustPolicy",
      { authorities: [{ name: "a", key: {} }] },
      {},
      /exactly one of inline/,
    ],
    [
      "a private key",
      "ClusterTrustPolicy",
      { authorities: [{ name: "a", key: { inline: "-----BEGIN PRIVATE KEY-----" } }] },
      {},
      /never put a private key/,
    ],
    [
      "a short validity",
      "ClusterTrustPolicy",
      { scope, validity: { recheckAfter: "2h", validFor: "1h" } },
      {},
      /longer than recheckAfter/,
    ],
  ];
  for (const [name, kind, spec, metadata, message] of table)
    it(`refuses ${name}, and says what to write`, async () => {
      const answer = await dryRun(kind, spec, metadata);
      assert.equal(answer.ok, false, answer.output);
      assert.match(answer.output, message);
    });

  it("scales a SecureModel through kubectl scale", async () => {
    await must(["create", "-f", "-"], { input: samples.get("SecureModel") });
    await must(["scale", "smodel", "fraud-scorer", "-n", namespace, "--replicas=3"]);
    assert.equal(
      await must(["get", "smodel", "fraud-scorer", "-n", namespace, "-o", "jsonpath={.spec.replicas}"]),
      "3",
    );
    await must(["delete", "smodel", "fraud-scorer", "-n", namespace]);
  });
});
