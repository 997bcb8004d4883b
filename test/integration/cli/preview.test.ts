import assert from "node:assert/strict";
import { PreviewReport } from "../../../src/cli/preview/schema.ts";
import { apply, eventually, kubectl, must, randomName } from "../admission/support.ts";
import { mlsecops } from "./support/command.ts";
import { withKubeconfig } from "./support/limited-kubeconfig.ts";
import { grant, write } from "./support/fleet.ts";

describe("mlsecops preview", function () {
  this.timeout(120_000);
  const namespace = randomName("cli-preview");
  const granted = `sha256:${"d".repeat(64)}`;
  const pinned = (letter: string) => `registry.example.com/tool@sha256:${letter.repeat(64)}`;
  const labels = { app: "x" };
  const template = (spec: object) => ({ metadata: { labels }, spec });
  const container = (image: string) => [{ name: "main", image }];

  before(async () => {
    await must(["create", "namespace", namespace]);
    await write(grant(namespace, granted, "iris"));
    await eventually("the default ServiceAccount", async () => {
      const { ok } = await kubectl(["get", "serviceaccount", "default", "-n", namespace]);
      return ok;
    });
    await apply([
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "tagged", namespace },
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: template({ containers: container("nginx:1") }),
        },
      },
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "nightly", namespace },
        spec: {
          schedule: "0 0 * * *",
          suspend: true,
          jobTemplate: {
            spec: { template: { spec: { restartPolicy: "Never", containers: container(pinned("e")) } } },
          },
        },
      },
      {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "done", namespace },
        spec: { suspend: true, template: { spec: { restartPolicy: "Never", containers: container("done:1") } } },
      },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "reader", namespace },
        spec: {
          // Nothing has to run for this.
          nodeSelector: { "example.com/absent": "true" },
          containers: container(pinned("f")),
          volumes: [{ name: "model", image: { reference: `registry.example.com/iris@${granted}` } }],
        },
      },
    ]);
    const time = new Date().toISOString();
    const over = ["FailureTarget", "Failed"].map((type) => ({ type, status: "True", lastTransitionTime: time }));
    const status = JSON.stringify({ status: { startTime: time, conditions: over } });
    await must(["patch", "job", "done", "-n", namespace, "--subresource=status", "--type=merge", `--patch=${status}`]);
  });
  after(() => must(["delete", "namespace", namespace, "--wait=false"]));

  it("says what Enforce would refuse, each image with its use and its reason", async () => {
    const { stdout, all, exitCode } = await mlsecops(["preview", namespace, "-o", "json"]);
    assert.equal(exitCode, 1, all);
    const report = PreviewReport.strict().parse(JSON.parse(stdout));
    const seen = report.items.map(({ kind, name, images }) => [
      `${kind}/${name}`,
      images.map(({ use, problem }) => [use, problem ?? "admitted"]),
    ]);
    assert.deepEqual(Object.fromEntries(seen), {
      "Deployment/tagged": [["container", "NotPinned"]],
      "CronJob/nightly": [["container", "NotGranted"]],
      "Pod/reader": [
        ["container", "NotGranted"],
        ["imageVolume", "admitted"],
      ],
    });
  });

  it("says what Enforce would cut, what would open the namespace, and what Pod Security would refuse", async () => {
    const metadata = (name: string) => ({ name, namespace });
    await apply([
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: metadata("allow-all"),
        spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: metadata("door"),
        spec: { type: "NodePort", selector: labels, ports: [{ port: 80 }] },
      },
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "Ingress",
        metadata: metadata("web"),
        spec: { defaultBackend: { service: { name: "door", port: { number: 80 } } } },
      },
    ]);
    const { stdout, all, exitCode } = await mlsecops(["preview", namespace, "-o", "json"]);
    assert.equal(exitCode, 1, all);
    const { consequences } = PreviewReport.strict().parse(JSON.parse(stdout));
    const found = new Set(consequences.map(({ what, object }) => `${what} ${object}`));
    for (const one of [
      `Cut Namespace/${namespace}`,
      "Breach NetworkPolicy/allow-all",
      "Breach Service/door",
      "Breach Ingress/web",
      "PodSecurity Deployment/tagged",
      "PodSecurity Pod/reader",
      "Token Pod/reader",
    ])
      assert.ok(found.has(one), `${one} is not among ${[...found].join(", ")}`);
  });

  it("as serving: also what belongs to no revision", async () => {
    const { all, exitCode } = await mlsecops(["preview", namespace, "--profile", "serving"]);
    assert.equal(exitCode, 1, all);
    assert.match(all, /^Pod\/reader .* it belongs to no granted revision/m);
    assert.match(all, /^not checked$/m);
  });

  it("without the right to read the grant: cannot tell, rather than all is refused", async () => {
    const token = await must(["create", "token", "default", "-n", namespace]);
    const { all, exitCode } = await withKubeconfig(token.trim(), (path) =>
      mlsecops(["preview", namespace, "--kubeconfig", path]),
    );
    assert.equal(exitCode, 3, all);
    assert.match(all, /AdmissionGrant of \S+ cannot be read: 403/);
  });

  it("of a namespace that is not there", async () => {
    const { all, exitCode } = await mlsecops(["preview", `${namespace}-absent`]);
    assert.equal(exitCode, 2, all);
  });
});
