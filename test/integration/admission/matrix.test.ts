import assert from "node:assert/strict";
import { type AddressInfo } from "node:net";
import { type Server, createServer } from "node:https";
import { createCertificate } from "../../unit/kube/certificates.ts";
import { type Answer, type Json, apply, digest, eventually, image, kubectl, must, randomName } from "./support.ts";
import {
  CONTAINER,
  UNKNOWN,
  VOLUME,
  admitted,
  containersOf,
  create,
  debug,
  denied,
  deployment,
  developer,
  grant,
  grantee,
  installPolicies,
  label,
  operator,
  pod,
  policies,
  removePolicies,
  revisions,
  served,
  servedLabels,
  servedVolumes,
} from "./world.ts";

type Use = "container" | "init" | "imageVolume";
const words: Readonly<Record<Use, string>> = {
  container: "as a container",
  init: "as an init container",
  imageVolume: "as an image volume",
};

/** A pod of granted images, but for one use. */
function with_(namespace: string, use: Use, character: string): Json {
  return pod(namespace, {
    containers: containersOf(image(use === "container" ? character : CONTAINER)),
    ...(use === "init" ? { initContainers: [{ name: "first", image: image(character) }] } : {}),
    ...(use === "imageVolume" ? { volumes: [{ name: "data", image: { reference: image(character) } }] } : {}),
  });
}

function template(): Json {
  const { spec } = served("any");
  return { metadata: { labels: servedLabels }, spec };
}

const selector = { matchLabels: { app: "fraud" } };
const jobTemplate = { spec: { restartPolicy: "Never", containers: containersOf(image(CONTAINER)) } };
const workloads: readonly (readonly [string, string, () => Json])[] = [
  ["Deployment", "apps/v1", () => ({ selector, template: template() })],
  ["ReplicaSet", "apps/v1", () => ({ selector, template: template() })],
  ["StatefulSet", "apps/v1", () => ({ selector, template: template(), serviceName: "x" })],
  ["DaemonSet", "apps/v1", () => ({ selector, template: template() })],
  ["ReplicationController", "v1", () => ({ selector: selector.matchLabels, template: template() })],
  ["Job", "batch/v1", () => ({ template: jobTemplate })],
  ["CronJob", "batch/v1", () => ({ schedule: "0 0 * * *", jobTemplate: { spec: { template: jobTemplate } } })],
];

function workload(namespace: string, [kind, apiVersion, spec]: (typeof workloads)[number]): Json {
  return { apiVersion, kind, metadata: { name: "own", namespace }, spec: spec() };
}

function raw(path: string, as: string | undefined, input: Json, verb = "create"): Promise<Answer> {
  return kubectl([verb, "--raw", path, "-f", "-"], { input, ...(as === undefined ? {} : { as }) });
}

describe("rule 1 in each profile and enforcement", function () {
  this.timeout(180_000);
  const serving = randomName("mlsecops-serving");
  const training = randomName("mlsecops-training");
  const experiment = randomName("mlsecops-experiment");
  const auditedServing = randomName("mlsecops-audit-serving");
  const auditedTraining = randomName("mlsecops-audit-training");
  const rows = [
    { namespace: serving, enforcement: "enforce", profile: "serving" },
    { namespace: training, enforcement: "enforce", profile: "training" },
    { namespace: experiment, enforcement: "enforce", profile: "experiment" },
    { namespace: auditedServing, enforcement: "audit", profile: "serving" },
    { namespace: auditedTraining, enforcement: "audit", profile: "training" },
  ] as const;
  const namespaces = rows.map(({ namespace }) => namespace);
  const podPath = (namespace: string, rest = "") => `/api/v1/namespaces/${namespace}/pods/old${rest}`;

  before("enforce and audit namespaces of each profile", async () => {
    await installPolicies(namespaces);
    for (const { namespace } of rows) {
      // One that is there, or the garbage collector would take the pod.
      const account = JSON.parse(await must(["get", "serviceaccount", "default", "-n", namespace, "-o", "json"])) as {
        readonly metadata: { readonly uid: string };
      };
      const owner = { apiVersion: "v1", kind: "ServiceAccount", name: "default", uid: account.metadata.uid };
      const metadata = { name: "old", labels: servedLabels, ownerReferences: [owner] };
      admitted(await create(pod(namespace, { metadata }), undefined, false));
    }
    // What a tenant has left before the namespace was secured.
    const foreign = deployment(serving, "foreign", 1) as { spec: { template: { spec: Json } } } & Json;
    foreign.spec.template.spec = {
      ...foreign.spec.template.spec,
      containers: [{ name: "evil", image: image(UNKNOWN) }],
    };
    await apply([foreign]);
    for (const { namespace, enforcement, profile } of rows) {
      await apply([grant(namespace, revisions)], operator);
      await label(namespace, enforcement, profile);
    }
    for (const { namespace, enforcement } of rows)
      if (enforcement === "enforce")
        await eventually("enforcement", async () => !(await create(with_(namespace, "container", UNKNOWN))).ok);
  });
  after("remove all of it", () => removePolicies(namespaces));

  for (const { namespace, enforcement, profile } of rows) {
    const closed = enforcement === "enforce" && profile === "serving";
    describe(`${enforcement}, ${profile}`, () => {
      for (const use of Object.keys(words) as Use[])
        it(`${enforcement === "enforce" ? "denies" : "warns of"} an ungranted digest ${words[use]}`, async () => {
          const answer = await create(with_(namespace, use, UNKNOWN), developer);
          if (enforcement === "enforce") denied(answer, /not granted for use|only the operator's own workloads/);
          else {
            admitted(answer);
            assert.match(answer.output, new RegExp(`Warning:.*not granted for use ${words[use]}`, "s"));
          }
        });
      for (const row of workloads)
        it(`${closed ? "denies" : "leaves"} a developer a ${row[0]}`, async () => {
          const answer = await create(workload(namespace, row), developer);
          if (closed) denied(answer, /only the operator creates or changes workloads/);
          else admitted(answer);
        });
      for (const [what, path] of [
        ["exec", "/exec?command=true"],
        ["attach", "/attach"],
        ["port-forward", "/portforward"],
        ["proxy to a pod", "/proxy/"],
      ] as const)
        it(`${closed ? "closes" : "leaves open"} ${what}`, async () => {
          const answer = await raw(podPath(namespace, path), developer, {});
          const said = /exec, attach, port-forward, proxy and ephemeral containers are closed/;
          // The pod runs nowhere, so that an open door leads to another error.
          if (closed) denied(answer, said);
          else if (enforcement === "enforce") assert.doesNotMatch(answer.output, said);
          else assert.doesNotMatch(answer.output, /denied request/);
        });
      it(`${closed ? "keeps" : "lets a developer change"} the labels and owners of a running pod`, async () => {
        const refusal = /labels and ownerReferences of a pod in a serving namespace cannot be changed/;
        for (const patch of [
          { metadata: { labels: { app: null } } },
          { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "x" }] } },
          // Without its owner nobody would count it, nor end it.
          { metadata: { ownerReferences: null } },
        ]) {
          const args = ["patch", "pod", "old", "-n", namespace, "--type=merge", "--dry-run=server"];
          const answer = await kubectl([...args, "-p", JSON.stringify(patch)], { as: developer });
          if (closed) denied(answer, refusal);
          else admitted(answer);
        }
      });
      it("lets a pod be bound, evicted and resized, which brings in no image", async () => {
        admitted(
          await raw(`${podPath(namespace, "/binding")}?dryRun=All`, undefined, {
            apiVersion: "v1",
            kind: "Binding",
            metadata: { name: "old" },
            target: { kind: "Node", name: "nowhere" },
          }),
        );
        admitted(
          await raw(`${podPath(namespace, "/eviction")}?dryRun=All`, undefined, {
            apiVersion: "policy/v1",
            kind: "Eviction",
            metadata: { name: "old", namespace },
          }),
        );
        const old = JSON.parse(await must(["get", "pod", "old", "-n", namespace, "-o", "json"])) as Json & {
          spec: { containers: Json[] };
        };
        const containers = old.spec.containers.map((container) => ({ ...container, image: image(UNKNOWN) }));
        const answer = await raw(
          `${podPath(namespace, "/resize")}?dryRun=All`,
          undefined,
          { ...old, spec: { ...old.spec, containers } },
          "replace",
        );
        if (answer.ok) assert.doesNotMatch(answer.output, new RegExp(digest(UNKNOWN)));
      });
    });
  }

  describe("enforced serving", () => {
    it("closes the proxy to a service", async () => {
      await must(["create", "service", "clusterip", "fraud", "--tcp=80:80", "-n", serving]);
      denied(
        await raw(`/api/v1/namespaces/${serving}/services/fraud/proxy/`, developer, {}),
        /proxy and ephemeral containers are closed/,
      );
    });
    const table: readonly (readonly [string, () => Json, RegExp])[] = [
      [
        "another ServiceAccount",
        () => served(serving, { spec: { serviceAccountName: "builder" } }),
        /another ServiceAccount than the revision's|ServiceAccount "builder|serviceaccount "builder/i,
      ],
      [
        "a projected ServiceAccount token",
        () =>
          served(serving, {
            volumes: [
              servedVolumes[0] ?? {},
              { name: "tmp", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
            ],
          }),
        /image volumes and emptyDir only|for somebody else than the API server/,
      ],
      [
        "a path of the host",
        () => served(serving, { volumes: [servedVolumes[0] ?? {}, { name: "tmp", hostPath: { path: "/" } }] }),
        /image volumes and emptyDir only/,
      ],
      [
        "the annotation of a static pod",
        () =>
          served(serving, {
            metadata: { labels: servedLabels, annotations: { "kubernetes.io/config.mirror": "x" } },
            spec: { nodeName: "nowhere" },
          }),
        /only the operator's own workloads create pods/,
      ],
    ];
    for (const [what, object, refusal] of table)
      it(`denies a pod with ${what}`, async () => {
        const as = what.startsWith("the annotation") ? developer : operator;
        if (what === "another ServiceAccount") await kubectl(["create", "serviceaccount", "builder", "-n", serving]);
        denied(await create(object(), as), refusal);
      });
    it("denies a node the mirror of a static pod", async () => {
      const node = ["--as=system:node:nowhere", "--as-group=system:nodes", "--as-group=system:authenticated"];
      const mirror = served(serving, {
        metadata: { labels: servedLabels, annotations: { "kubernetes.io/config.mirror": "x" } },
        spec: { nodeName: "nowhere" },
      });
      const answer = await kubectl([...node, "create", "-f", "-"], { input: mirror });
      assert.equal(answer.ok, false, answer.output);
    });
    it("denies a granted volume kind that is not image or emptyDir", async () => {
      const other = {
        ...(revisions["fraud-1"] as Json),
        volumes: [
          ["model", "image", image(VOLUME)],
          ["tmp", "other", ""],
        ],
      };
      await apply([grant(serving, { ...revisions, "fraud-2": other })], operator);
      const attempt = () =>
        create(
          served(serving, {
            metadata: { labels: { ...servedLabels, "mlsecops.io/revision": "fraud-2" } },
            volumes: [servedVolumes[0] ?? {}, { name: "tmp", hostPath: { path: "/" } }],
          }),
          operator,
        );
      await eventually("the grant", async () => !/no granted revision/.test((await attempt()).output));
      denied(await attempt(), /image volumes and emptyDir only/);
    });
    it("runs no pod of a deployment that was there before, and lets nobody scale or change it", async () => {
      await must(["delete", "pod", "-n", serving, "-l", "app=fraud", "--field-selector=metadata.name!=old", "--force"]);
      await eventually("the refusal", async () =>
        /only the operator|granted revision|not granted/.test(
          await must(["get", "replicasets", "-n", serving, "-o", "jsonpath={.items[*].status.conditions[*].message}"]),
        ),
      );
      assert.equal((await must(["get", "pods", "-n", serving, "-o", "name"])).trim(), "pod/old");
      await must(["delete", "deployment", "foreign", "-n", serving, "--cascade=foreground", "--timeout=60s"]);
    });
  });

  describe("at any time", () => {
    it("compares the end of a grant with the time of an ephemeral container, not of its pod", async () => {
      const notAfter = new Date(Date.now() + 15_000).toISOString().replace(/\.\d+Z/, "Z");
      const base = grant(training) as { spec: { digests: Json } } & Json;
      const digests = { ...base.spec.digests, [digest("9")]: { container: grantee(notAfter) } };
      await apply([{ ...base, spec: { ...base.spec, digests } }], operator);
      await eventually("the grant", async () => (await create(with_(training, "container", "9"))).ok);
      await eventually("its end", async () => !(await create(with_(training, "container", "9"))).ok);
      // The pod is older than the end of the grant.
      denied(await debug(training, "9"), /not granted for use as a container/);
      const old = JSON.parse(await must(["get", "pod", "old", "-n", training, "-o", "json"])) as {
        metadata: Json;
        spec: Json;
      };
      const ephemeralContainers = [{ name: "debug", image: image("9"), terminationMessagePolicy: "File" }];
      for (const managedFields of [[], [{}], [{ manager: "x", operation: "Update", time: "2020-01-01T00:00:00Z" }]])
        denied(
          await raw(
            podPath(training, "/ephemeralcontainers"),
            undefined,
            { ...old, metadata: { ...old.metadata, managedFields }, spec: { ...old.spec, ephemeralContainers } },
            "replace",
          ),
          /not granted for use as a container|managedFields/,
        );
      admitted(await debug(training, CONTAINER));
    });

    it("looks at the pod after mutating webhooks", async () => {
      const hook = await sidecarHook();
      const name = randomName("mlsecops-sidecar");
      try {
        admitted(await create(pod(training), developer));
        await apply([hook.configuration(name, training)]);
        await eventually("the webhook", async () => !(await create(pod(training), developer)).ok);
        denied(await create(pod(training), developer), /not granted for use as a container/);
        assert.ok(hook.calls() > 0);
      } finally {
        await kubectl(["delete", "mutatingwebhookconfiguration", name, "--ignore-not-found"]);
        hook.server.close();
        hook.server.closeAllConnections();
      }
    });

    it("lets a namespace with a running Job go, with finalizers and without its grant", async () => {
      const namespace = experiment;
      const object = {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "running", namespace },
        spec: {
          template: {
            spec: {
              ...jobTemplate.spec,
              automountServiceAccountToken: false,
              schedulerName: "nobody",
              terminationGracePeriodSeconds: 0,
            },
          },
        },
      };
      admitted(await create(object, developer, false));
      await eventually("the Job's pod", async () =>
        (await must(["get", "pods", "-n", namespace, "-l", "job-name=running", "-o", "name"])).includes("pod/running-"),
      );
      await must(["delete", "namespace", namespace, "--timeout=90s"]);
      admitted(await create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, undefined, false));
    });

    it("has no message that falls back to the bare expression", () => {
      // denied() looks for it in each refusal, and so do the tests of walls; this holds that each policy with a
      // messageExpression is among them.
      const computed = policies.filter(({ spec }) => JSON.stringify(spec).includes("messageExpression"));
      assert.deepEqual(computed.map(({ metadata }) => metadata.name).sort(), [
        "mlsecops-break-glass",
        "mlsecops-labels-awaited",
        "mlsecops-model-author",
        "mlsecops-no-exposure",
        "mlsecops-no-widening",
        "mlsecops-pods-granted",
        "mlsecops-serving-pods",
        "mlsecops-walls",
      ]);
    });
  });
});

/** A mutating webhook that adds a container nobody granted. */
async function sidecarHook() {
  const { cert, key } = createCertificate("localhost");
  let calls = 0;
  const server: Server = createServer({ cert, key }, (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      calls += 1;
      const review = JSON.parse(text) as { apiVersion: string; kind: string; request: { uid: string } };
      const value = { name: "sidecar", image: image(UNKNOWN) };
      const patch = Buffer.from(JSON.stringify([{ op: "add", path: "/spec/containers/-", value }])).toString("base64");
      const { apiVersion, kind } = review;
      const answer = { uid: review.request.uid, allowed: true, patchType: "JSONPatch", patch };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ apiVersion, kind, response: answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    calls: () => calls,
    configuration: (name: string, namespace: string): Json => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name },
      webhooks: [
        {
          name: "sidecar.example.com",
          clientConfig: { url: `https://localhost:${port}/`, caBundle: Buffer.from(cert).toString("base64") },
          rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
        },
      ],
    }),
  };
}
