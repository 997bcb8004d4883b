import assert from "node:assert/strict";
import { admissionPolicies } from "../../../src/admission/policies/index.ts";
import {
  type Answer,
  type Json,
  apply,
  digest,
  eventually,
  image,
  installCrds,
  kubectl,
  must,
  randomName,
} from "./support.ts";

const identity = { namespace: randomName("mlsecops-op"), serviceAccount: "operator" };
const operator = `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`;
const developer = randomName("developer");
const experiment = randomName("mlsecops-experiment");
const serving = randomName("mlsecops-serving");
const audited = randomName("mlsecops-audit");
const namespaces = [experiment, serving, audited];
const policies = admissionPolicies(identity);

const FAR = "2999-01-01T00:00:00Z";
const PAST = "2021-01-01T00:00:00Z";
const CONTAINER = "c";
const INIT = "d";
const VOLUME = "e";
const EXPIRED = "f";
const UNKNOWN = "0";

function grantee(notAfter: string): Json {
  return { notAfter, grantors: [{ kind: "SecureModel", name: "fraud", notAfter }] };
}

function grant(namespace: string, revisions: Json = {}): Json {
  return {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "AdmissionGrant",
    metadata: { name: "mlsecops", namespace },
    spec: {
      digests: {
        [digest(CONTAINER)]: { container: grantee(FAR) },
        [digest(INIT)]: { init: grantee(FAR) },
        [digest(VOLUME)]: { imageVolume: grantee(FAR) },
        [digest(EXPIRED)]: { container: grantee(PAST) },
      },
      revisions,
    },
  };
}

interface PodParts {
  readonly containers?: readonly Json[];
  readonly initContainers?: readonly Json[];
  readonly volumes?: readonly Json[];
  readonly metadata?: Json;
  readonly spec?: Json;
}

function pod(namespace: string, parts: PodParts = {}): Json {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: randomName("pod"), namespace, ...parts.metadata },
    spec: {
      // Nothing here is ever run.
      schedulerName: "nobody",
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: parts.containers ?? [{ name: "main", image: image(CONTAINER) }],
      ...(parts.initContainers === undefined ? {} : { initContainers: parts.initContainers }),
      ...(parts.volumes === undefined ? {} : { volumes: parts.volumes }),
      ...parts.spec,
    },
  };
}

function create(object: Json, as?: string, dryRun = true): Promise<Answer> {
  return kubectl(["create", ...(dryRun ? ["--dry-run=server"] : []), "-f", "-"], {
    input: object,
    ...(as === undefined ? {} : { as }),
  });
}

function admitted(answer: Answer): void {
  assert.ok(answer.ok, answer.output);
}

function denied(answer: Answer, message: RegExp): void {
  assert.equal(answer.ok, false, `admitted: ${answer.output}`);
  assert.match(answer.output, message);
}

function containersOf(reference: string): readonly Json[] {
  return [{ name: "main", image: reference }];
}

const servedContainer: Json = {
  name: "server",
  image: image(CONTAINER),
  command: ["/serve"],
  args: ["--port=8080"],
  workingDir: "/work",
  env: [
    { name: "LEVEL", value: "info" },
    { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  ],
  readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
  volumeMounts: [
    { name: "model", mountPath: "/models", readOnly: true },
    { name: "tmp", mountPath: "/tmp", subPath: "a" },
  ],
};
const servedVolumes: readonly Json[] = [
  { name: "model", image: { reference: image(VOLUME), pullPolicy: "IfNotPresent" } },
  { name: "tmp", emptyDir: {} },
];
const servedLabels = { "mlsecops.io/revision": "fraud-1", app: "fraud" };
const revisions: Json = {
  "fraud-1": {
    model: "fraud",
    serviceAccountName: "default",
    containers: [
      {
        name: "server",
        image: image(CONTAINER),
        command: ["/serve"],
        args: ["--port=8080"],
        workingDir: "/work",
        env: [
          ["LEVEL", "info", ""],
          ["POD", "", "metadata.name"],
        ],
        volumeMounts: [
          ["model", "/models", "", "true"],
          ["tmp", "/tmp", "a", "false"],
        ],
      },
    ],
    initContainers: [],
    volumes: [
      ["model", "image", image(VOLUME)],
      ["tmp", "emptyDir", ""],
    ],
  },
};

function served(changes: PodParts & { readonly container?: Json } = {}): Json {
  return pod(serving, {
    metadata: { labels: servedLabels },
    volumes: servedVolumes,
    ...changes,
    containers: changes.containers ?? [{ ...servedContainer, ...changes.container }],
  });
}

function deployment(name: string, replicas: number): Json {
  const { spec } = served();
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: serving },
    spec: {
      replicas,
      selector: { matchLabels: { app: "fraud" } },
      template: { metadata: { labels: servedLabels }, spec },
    },
  };
}

function job(namespace: string): Json {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "job", namespace },
    spec: { template: { spec: { restartPolicy: "Never", containers: containersOf(image(CONTAINER)) } } },
  };
}

describe("admission policies on a real API server", function () {
  this.timeout(120_000);

  before("install the policies and enforce three namespaces", async () => {
    await installCrds();
    await apply(policies);
    await apply([
      ...namespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
      binding("ClusterRoleBinding", identity.namespace, "cluster-admin", operator),
      ...namespaces.map((namespace) => ({
        ...binding("RoleBinding", "developer", "edit", developer),
        metadata: { name: "developer", namespace },
      })),
    ]);
    for (const namespace of namespaces)
      await eventually(
        "the default ServiceAccount",
        async () => (await kubectl(["get", "serviceaccount", "default", "-n", namespace])).ok,
      );
    // What ran before the namespace was enforced.
    for (const namespace of [experiment, serving])
      admitted(
        await create(
          pod(namespace, {
            metadata: { name: "old", finalizers: ["example.com/hold"] },
          }),
          undefined,
          false,
        ),
      );
    await label(experiment, "enforce", "experiment");
    await label(serving, "enforce", "serving");
    await label(audited, "audit", "experiment");
    for (const namespace of [experiment, serving])
      await eventually("enforcement", async () => !(await create(pod(namespace), developer)).ok);
  });

  after("remove all of it", async () => {
    for (const namespace of [experiment, serving])
      await kubectl(["patch", "pod", "old", "-n", namespace, "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    for (const kind of ["validatingadmissionpolicybindings", "validatingadmissionpolicies"])
      await kubectl([
        "delete",
        kind,
        "--ignore-not-found",
        ...policies
          .filter(
            (policy) =>
              kind.startsWith(policy.kind.toLowerCase().slice(0, -1)) &&
              kind.includes("binding") === policy.kind.endsWith("Binding"),
          )
          .map((policy) => policy.metadata.name),
      ]);
    await kubectl(["delete", "clusterrolebinding", identity.namespace, "--ignore-not-found"]);
    await eventually(
      "the grants are free",
      async () => (await kubectl(["delete", "agrant", "mlsecops", "-n", serving, "--ignore-not-found"])).ok,
    );
    await kubectl(["delete", "namespace", "--wait=false", "--ignore-not-found", ...namespaces]);
  });

  describe("a namespace without a grant", () => {
    it("runs nothing", async () => {
      denied(await create(pod(experiment), developer), /mlsecops-pods-granted.*no params found/s);
    });
    it("refuses nothing while it is audited, and warns as soon as it has a grant", async () => {
      admitted(await create(pod(audited), developer));
      await apply([grant(audited)], operator);
      await eventually("a warning", async () => {
        const answer = await create(pod(audited, { containers: containersOf(image(UNKNOWN)) }), developer);
        admitted(answer);
        return /Warning:.*not granted for use as a container/s.test(answer.output);
      });
    });
    it("lets the images of a running pod alone, and its finalizers go", async () => {
      const patch = (body: unknown) =>
        kubectl(
          ["patch", "pod", "old", "-n", experiment, "--type=merge", "--dry-run=server", "-p", JSON.stringify(body)],
          {
            as: developer,
          },
        );
      admitted(await patch({ metadata: { finalizers: null } }));
      denied(
        await kubectl(["set", "image", "pod/old", `main=${image(UNKNOWN)}`, "-n", experiment, "--dry-run=server"], {
          as: developer,
        }),
        /images of a running pod cannot be changed/,
      );
    });
  });

  describe("a namespace with a grant", () => {
    before(async () => {
      await apply([grant(experiment)], operator);
      await eventually("the grant", async () => (await create(pod(experiment), developer)).ok);
    });

    const volume = (reference: string): readonly Json[] => [{ name: "data", image: { reference } }];
    const init = containersOf(image(INIT)).map((container) => ({ ...container, name: "init" }));
    const initOf = (reference: string): readonly Json[] => [{ name: "init", image: reference }];
    const table: readonly (readonly [string, PodParts, RegExp | undefined])[] = [
      ["a granted container", {}, undefined],
      [
        "a granted init container and image volume",
        { initContainers: init, volumes: volume(image(VOLUME)) },
        undefined,
      ],
      ["a granted digest beside a tag", { containers: containersOf(`a:v1@${digest(CONTAINER)}`) }, undefined],
      ["a tag", { containers: containersOf("registry.example.com/image:v1") }, /not pinned by digest/],
      ["an init container by tag", { initContainers: initOf("image:v1") }, /not pinned by digest/],
      ["an image volume by tag", { volumes: volume("image:v1") }, /not pinned by digest/],
      [
        "a digest of another algorithm",
        { containers: containersOf(`a@sha512:${"0".repeat(128)}`) },
        /not pinned by digest/,
      ],
      ["an ungranted container", { containers: containersOf(image(UNKNOWN)) }, /not granted for use as a container/],
      ["an ungranted init container", { initContainers: initOf(image(UNKNOWN)) }, /not granted for use as an init/],
      ["an ungranted image volume", { volumes: volume(image(UNKNOWN)) }, /not granted for use as an image volume/],
      ["a model as container", { containers: containersOf(image(VOLUME)) }, /not granted for use as a container/],
      ["a container as model", { volumes: volume(image(CONTAINER)) }, /not granted for use as an image volume/],
      ["a container as init container", { initContainers: initOf(image(CONTAINER)) }, /not granted for use as an init/],
      ["an expired entry", { containers: containersOf(image(EXPIRED)) }, /not granted for use as a container/],
      [
        "an expired entry with a forged creation time",
        { containers: containersOf(image(EXPIRED)), metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } },
        /not granted for use as a container/,
      ],
    ];
    for (const [name, parts, refusal] of table)
      it(`${refusal === undefined ? "admits" : "denies"} ${name}`, async () => {
        const answer = await create(pod(experiment, parts), developer);
        if (refusal === undefined) admitted(answer);
        else denied(answer, refusal);
      });

    it("denies an ungranted ephemeral container, even to an administrator", async () => {
      denied(await debug(experiment, UNKNOWN), /not granted for use as a container/);
    });
    it("leaves jobs and deployments to the pods they make", async () => {
      admitted(await create(job(experiment), developer));
    });
  });

  describe("a serving namespace", () => {
    before(async () => {
      await apply([grant(serving, revisions)], operator);
      await eventually("the grant", async () => (await create(served(), operator)).ok);
    });

    const table: readonly (readonly [string, () => Json, RegExp])[] = [
      [
        "another command",
        () => served({ container: { command: ["/bin/sh"] } }),
        /exactly those of the granted revision/,
      ],
      ["other args", () => served({ container: { args: ["--evil"] } }), /exactly those of the granted revision/],
      ["another env", () => served({ container: { env: [{ name: "LD_PRELOAD", value: "x" }] } }), /exactly those of/],
      ["another workingDir", () => served({ container: { workingDir: "/" } }), /exactly those of the granted revision/],
      ["other mounts", () => served({ container: { volumeMounts: [] } }), /exactly those of the granted revision/],
      [
        "a second container",
        () => served({ containers: [servedContainer, { name: "b", image: image(CONTAINER) }] }),
        /exactly/,
      ],
      ["an init container", () => served({ initContainers: [{ name: "b", image: image(INIT) }] }), /exactly those of/],
      [
        "another volume",
        () => served({ volumes: [...servedVolumes, { name: "host", hostPath: { path: "/" } }] }),
        /volumes must be exactly those/,
      ],
      [
        "a ConfigMap in place of a volume",
        () => served({ volumes: [servedVolumes[0] ?? {}, { name: "tmp", configMap: { name: "x" } }] }),
        /volumes must be exactly those/,
      ],
      ["no revision", () => served({ metadata: { labels: {} } }), /belongs to no granted revision/],
      ["envFrom", () => served({ container: { envFrom: [{ configMapRef: { name: "x" } }] } }), /envFrom/],
      [
        "a hook",
        () => served({ container: { lifecycle: { preStop: { exec: { command: ["x"] } } } } }),
        /lifecycle hooks/,
      ],
      ["an exec probe", () => served({ container: { livenessProbe: { exec: { command: ["x"] } } } }), /exec probes/],
      ["a privileged container", () => served({ container: { securityContext: { privileged: true } } }), /privileged/],
      ["the host's network", () => served({ spec: { hostNetwork: true } }), /host namespaces/],
      [
        "a shared process namespace",
        () => served({ spec: { shareProcessNamespace: true } }),
        /shared process namespace/,
      ],
      [
        "a ServiceAccount token",
        () => served({ spec: { automountServiceAccountToken: true } }),
        /exactly those of the granted revision/,
      ],
    ];
    it("admits the operator's dry run of a pod as the revision says", async () => {
      admitted(await create(served(), operator));
    });
    for (const [name, object, refusal] of table)
      it(`denies the operator a pod with ${name}`, async () => denied(await create(object(), operator), refusal));
    it("denies the operator a pod that is not a dry run", async () => {
      denied(await create(served(), operator, false), /only the operator's own workloads create pods/);
    });

    it("denies a developer the same pod", async () => {
      denied(await create(served(), developer), /only the operator's own workloads create pods/);
    });
    it("denies a developer and an administrator deployments and jobs", async () => {
      for (const as of [developer, undefined]) {
        denied(await create(deployment("own", 0), as), /only the operator creates or changes workloads/);
        denied(await create(job(serving), as), /only the operator creates or changes workloads/);
      }
    });
    it("denies exec, attach, port-forward and ephemeral containers", async () => {
      const closed = /closed in a serving namespace/;
      const as = developer;
      denied(await kubectl(["exec", "old", "-n", serving, "--", "true"], { as }), closed);
      const path = `/api/v1/namespaces/${serving}/pods/old`;
      for (const verb of ["exec?command=true", "attach", "portforward"])
        denied(await kubectl(["create", "--raw", `${path}/${verb}`, "-f", "-"], { as, input: {} }), closed);
      denied(await debug(serving, CONTAINER), closed);
    });
    it("runs the operator's deployment, which nobody else scales or changes", async () => {
      await apply([deployment("fraud", 1)], operator);
      await eventually("the ReplicaSet's pod", async () =>
        (await must(["get", "pods", "-n", serving, "-l", "app=fraud", "-o", "name"])).includes("pod/fraud-"),
      );
      const changed = /only the operator creates or changes workloads/;
      denied(
        await kubectl(["scale", "deployment", "fraud", "-n", serving, "--replicas=3"], { as: developer }),
        changed,
      );
      denied(
        await kubectl(["set", "image", "deployment/fraud", `server=${image(UNKNOWN)}`, "-n", serving], {
          as: developer,
        }),
        changed,
      );
      await must(["delete", "deployment", "fraud", "-n", serving, "--cascade=foreground", "--timeout=60s"]);
    });
    it("lets the finalizers of a pod go", async () => {
      admitted(
        await kubectl(
          ["patch", "pod", "old", "-n", serving, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'],
          { as: developer },
        ),
      );
    });
  });

  describe("the labels of a namespace", () => {
    const refusal = /written only by the operator/;

    it("cannot be changed, removed or brought along", async () => {
      for (const change of ["mlsecops.io/enforcement=audit", "mlsecops.io/enforcement-", "mlsecops.io/new=x"])
        denied(await kubectl(["label", "namespace", serving, "--overwrite", change]), refusal);
      const metadata = { name: randomName("mlsecops-new"), labels: { "mlsecops.io/profile": "experiment" } };
      denied(await create({ apiVersion: "v1", kind: "Namespace", metadata }), refusal);
    });
    for (const subresource of ["status", "finalize"])
      it(`are protected through /${subresource}`, async () => {
        const namespace = JSON.parse(await must(["get", "namespace", serving, "-o", "json"])) as Json;
        const stripped = { ...namespace, metadata: { ...(namespace["metadata"] as Json), labels: {} } };
        denied(
          await kubectl(["replace", "--raw", `/api/v1/namespaces/${serving}/${subresource}`, "-f", "-"], {
            input: stripped,
          }),
          refusal,
        );
      });
    it("leave other labels to everybody", async () => {
      admitted(await kubectl(["label", "namespace", serving, "team=fraud"]));
    });
    it("are all that the operator may change", async () => {
      denied(
        await kubectl(["label", "namespace", serving, "other=x"], { as: operator }),
        /changes only labels that start with/,
      );
    });
    it("cannot be put on a system namespace, even by the operator", async () => {
      denied(
        await kubectl(["label", "namespace", "kube-public", "mlsecops.io/enforcement=enforce"], { as: operator }),
        /never enforced/,
      );
    });
  });

  describe("the operator's records and limits", () => {
    it("keep grants from everybody else", async () => {
      const refusal = /written only by the operator/;
      denied(
        await create({ ...grant(audited), metadata: { name: "other", namespace: audited } }),
        /written only by the operator|its name is/,
      );
      denied(await kubectl(["delete", "agrant", "mlsecops", "-n", serving]), refusal);
      denied(
        await kubectl([
          "patch",
          "agrant",
          "mlsecops",
          "-n",
          serving,
          "--type=merge",
          "-p",
          '{"spec":{"revisions":null}}',
        ]),
        refusal,
      );
    });
    it("keep the operator from binding another role, or to another account", async () => {
      const bind = (name: string, role: string, account: string): Json => ({
        ...binding("RoleBinding", name, role, `system:serviceaccount:${identity.namespace}:${account}`),
        metadata: { name, namespace: experiment },
        subjects: [{ kind: "ServiceAccount", name: account, namespace: identity.namespace }],
      });
      const workloads = "mlsecops-operator-workloads";
      const refusal = /may bind only ClusterRole/;
      admitted(await create(bind(workloads, workloads, identity.serviceAccount), operator));
      denied(await create(bind(workloads, "cluster-admin", identity.serviceAccount), operator), refusal);
      denied(await create(bind(workloads, workloads, "other"), operator), refusal);
      denied(await create(bind("other", workloads, identity.serviceAccount), operator), refusal);
    });
  });
});

function binding(kind: "ClusterRoleBinding" | "RoleBinding", name: string, role: string, user: string): Json {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind,
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  };
}

async function label(namespace: string, enforcement: string, profile: string): Promise<void> {
  await must(
    ["label", "namespace", namespace, `mlsecops.io/enforcement=${enforcement}`, `mlsecops.io/profile=${profile}`],
    {
      as: operator,
    },
  );
}

/** Adds an ephemeral container to the pod that was there before. */
async function debug(namespace: string, character: string): Promise<Answer> {
  const old = JSON.parse(await must(["get", "pod", "old", "-n", namespace, "-o", "json"])) as { spec: Json };
  const ephemeralContainers = [{ name: "debug", image: image(character), terminationMessagePolicy: "File" }];
  return kubectl(["replace", "--raw", `/api/v1/namespaces/${namespace}/pods/old/ephemeralcontainers`, "-f", "-"], {
    input: { ...old, spec: { ...old.spec, ephemeralContainers } },
  });
}
