import { type SecureModel, SecureModelSpec } from "../../../src/api/index.ts";
import { importNetworkPolicy } from "../../../src/importing/import-network.ts";
import { importJob, importRow } from "../../../src/importing/job.ts";
import type { ImportSettings } from "../../../src/importing/settings.ts";
import { type Json, apply, digest, eventually, image, kubectl, must, randomName } from "./support.ts";
import {
  CONTAINER,
  PAST,
  admitted,
  create,
  denied,
  developer,
  grant,
  grantee,
  installPolicies,
  label,
  operator,
  removePolicies,
  revisions,
  served,
  servedVolumes,
} from "./world.ts";

const jobController = "system:serviceaccount:kube-system:job-controller";
const replicaSetController = "system:serviceaccount:kube-system:replicaset-controller";
const settings: ImportSettings = {
  image: image(CONTAINER),
  caBundle: "-----BEGIN CERTIFICATE-----\n",
  ...{ plainHttpHosts: [], deniedAddresses: ["10.96.0.1/32"], maxBytes: 1_000_000, architecture: "amd64" },
};

interface PodTemplate {
  readonly metadata: Json;
  readonly spec: Json & { readonly containers: readonly Json[]; readonly volumes: readonly Json[] };
}

describe("the pods that import", function () {
  this.timeout(120_000);
  const namespace = randomName("mlsecops-import");
  const name = `import-${"0a".repeat(12)}`;
  const model: SecureModel = {
    metadata: { name: "fraud", namespace, uid: "00000000-0000-0000-0000-000000000000" },
    spec: SecureModelSpec.parse({
      source: {
        pvc: { claimName: "models", path: "fraud" },
        import: { repository: "registry.example.com/models/fraud", pushSecret: "push" },
      },
      workload: { managed: { template: { spec: { containers: [{ name: "a", image: image(CONTAINER) }] } } } },
    }),
  };
  const job = importJob(model, settings, { name, known: undefined }) as unknown as Json & {
    metadata: Json;
    spec: Json & { template: PodTemplate };
  };
  const { template } = job.spec;
  const free = { ...job.metadata, ownerReferences: [] };
  const rows = { ...revisions, [name]: importRow(model, settings, undefined) };

  before("an enforced serving namespace with the grant of an import", async () => {
    await installPolicies([namespace]);
    await apply([grant(namespace, rows)], operator);
    await label(namespace, "enforce", "serving");
    await eventually("enforcement", async () => !(await create(podOf({}), developer)).ok);
  });
  after("remove all of it", () => removePolicies([namespace]));

  /** As the Job controller makes it. */
  function podOf(spec: Json, metadata: Json = {}, owner = "Job"): Json {
    const reference = { apiVersion: "batch/v1", kind: owner, name, uid: "x", controller: true };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...template.metadata,
        name: randomName("import"),
        namespace,
        ownerReferences: [reference],
        ...metadata,
      },
      spec: { ...template.spec, ...spec },
    };
  }

  const container = (change: Json) => ({ containers: [{ ...template.spec.containers[0], ...change }] });
  const volume = (kind: string, change: Json) => ({
    volumes: template.spec.volumes.map((one) =>
      kind in one ? { ...one, [kind]: { ...(one[kind] as Json), ...change } } : one,
    ),
  });

  it("are admitted from the Job controller, exactly as they are granted", async () => {
    await eventually("the grant", async () => (await create(podOf({}), jobController)).ok);
  });

  const table: readonly (readonly [what: string, pod: () => Json, as: string, refusal: RegExp])[] = [
    ["made by a developer", () => podOf({}), developer, /only the operator's own workloads create pods/],
    [
      "made by the operator by hand",
      () => podOf({}, { ownerReferences: [] }),
      jobController,
      /only the operator's own workloads/,
    ],
    ["of a ReplicaSet", () => podOf({}, {}, "ReplicaSet"), replicaSetController, /only the operator's own workloads/],
    [
      "that serve, of a Job",
      () =>
        served(namespace, {
          metadata: podOf({}, { labels: { "mlsecops.io/revision": "fraud-1" } })["metadata"] as Json,
        }),
      jobController,
      /only the operator's own workloads/,
    ],
    [
      "with another command",
      () => podOf(container({ command: ["/usr/local/bin/node", "-e", "0"] })),
      jobController,
      /must be exactly those/,
    ],
    ["with another plan", () => podOf(container({ args: ["{}"] })), jobController, /must be exactly those/],
    [
      "with a variable",
      () => podOf(container({ env: [{ name: "NODE_OPTIONS", value: "--import=/source/x" }] })),
      jobController,
      /must be exactly those/,
    ],
    [
      "with another image",
      () => podOf(container({ image: image("0") })),
      jobController,
      // Two policies refuse it, and the API server tells of one of them, whichever it asked first.
      /not granted for use as a container|must be exactly those/,
    ],
    [
      "with one more volume",
      () => podOf({ volumes: [...template.spec.volumes, { name: "more", secret: { secretName: "other" } }] }),
      jobController,
      /volumes must be exactly those/,
    ],
    [
      "with another Secret",
      () => podOf(volume("secret", { secretName: "other" })),
      jobController,
      /volumes must be exactly those/,
    ],
    [
      "with an entry of a Secret under another name",
      () => podOf(volume("secret", { items: [{ key: "a", path: "b" }] })),
      jobController,
      /volumes must be exactly those/,
    ],
    [
      "with a volume that can be written to",
      () => podOf(volume("persistentVolumeClaim", { readOnly: false })),
      jobController,
      /volumes must be exactly those/,
    ],
    [
      "with another claim",
      () => podOf(volume("persistentVolumeClaim", { claimName: "other" })),
      jobController,
      /volumes must be exactly those/,
    ],
    ["with the host's network", () => podOf({ hostNetwork: true }), jobController, /host namespaces/],
    [
      "with a token",
      () => podOf({ automountServiceAccountToken: true }),
      jobController,
      /must be exactly those|mounted ServiceAccount token|pods do not talk to the API server/,
    ],
    [
      "of no grant",
      () => podOf({}, { labels: { ...(template.metadata["labels"] as Json), "mlsecops.io/revision": "import-1" } }),
      jobController,
      /no granted revision|only the operator's own workloads/,
    ],
  ];
  for (const [what, pod, as, refusal] of table)
    it(`are refused ${what}`, async () => denied(await create(pod(), as), refusal));

  it("lend their volumes to no pod that serves", async () => {
    const more = template.spec.volumes.filter((one) => "secret" in one);
    const pod = served(namespace, { volumes: [...servedVolumes, ...more] });
    denied(await create(pod, operator), /volumes must be exactly those/);
  });

  it("come from a Job that the operator makes, and nobody else", async () => {
    denied(await create({ ...job, metadata: free }, developer), /only the operator creates or changes workloads/);
    admitted(await create({ ...job, metadata: free }, operator, false));
    await apply([
      {
        ...importNetworkPolicy(model, settings),
        metadata: { ...importNetworkPolicy(model, settings).metadata, ownerReferences: [] },
      },
    ]);
    const pods = () =>
      must(["get", "pods", "-n", namespace, "-l", `job-name=${name}`, "-o", "jsonpath={.items[*].metadata.labels}"]);
    await eventually("the Job's pod", async () => (await pods()).includes('"mlsecops.io/import":"fraud"'));
    const suspend = [
      "patch",
      "job",
      name,
      "-n",
      namespace,
      "--type=merge",
      "-p",
      '{"spec":{"activeDeadlineSeconds":99999}}',
    ];
    denied(await kubectl(suspend, { as: developer }), /only the operator creates or changes workloads/);
    await must(["delete", "job", name, "-n", namespace, "--timeout=60s"]);
    await eventually("no pod is left", async () => (await pods()) === "");
  });

  it("are refused after the end of their grant", async () => {
    const base = grant(namespace, rows) as Json & { spec: { digests: Json } };
    const digests = { ...base.spec.digests, [digest(CONTAINER)]: { container: grantee(PAST) } };
    await apply([{ ...base, spec: { ...base.spec, digests } }], operator);
    await eventually("the end", async () => !(await create(podOf({}), jobController)).ok);
    denied(await create(podOf({}), jobController), /not granted for use as a container/);
  });
});
