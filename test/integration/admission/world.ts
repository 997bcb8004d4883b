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

export const kserve = `system:serviceaccount:${randomName("kserve")}:controller`;
export const identity = { namespace: randomName("mlsecops-op"), serviceAccount: "operator", kserve };
export const operator = `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`;
export const developer = randomName("developer");
export const policies = admissionPolicies(identity);

export const FAR = "2999-01-01T00:00:00Z";
export const PAST = "2021-01-01T00:00:00Z";
export const CONTAINER = "c";
export const INIT = "d";
export const VOLUME = "e";
export const EXPIRED = "f";
export const UNKNOWN = "0";

export function grantee(notAfter: string): Json {
  return { notAfter, grantors: [{ kind: "SecureModel", name: "fraud", notAfter }] };
}

export function grant(namespace: string, revisions: Json = {}): Json {
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

export interface PodParts {
  readonly containers?: readonly Json[];
  readonly initContainers?: readonly Json[];
  readonly volumes?: readonly Json[];
  readonly metadata?: Json;
  readonly spec?: Json;
}

export function pod(namespace: string, parts: PodParts = {}): Json {
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

export function create(object: Json, as?: string, dryRun = true): Promise<Answer> {
  return kubectl(["create", ...(dryRun ? ["--dry-run=server"] : []), "-f", "-"], {
    input: object,
    ...(as === undefined ? {} : { as }),
  });
}

export function admitted(answer: Answer): void {
  assert.ok(answer.ok, answer.output);
}

export function denied(answer: Answer, message: RegExp): void {
  assert.equal(answer.ok, false, `admitted: ${answer.output}`);
  assert.match(answer.output, message);
  // What the API server says when a message fails to evaluate: the bare expression.
  assert.doesNotMatch(answer.output, /failed expression:|failed messageExpression:/);
}

export function containersOf(reference: string): readonly Json[] {
  return [{ name: "main", image: reference }];
}

export const servedContainer: Json = {
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
export const servedVolumes: readonly Json[] = [
  { name: "model", image: { reference: image(VOLUME), pullPolicy: "IfNotPresent" } },
  { name: "tmp", emptyDir: {} },
];
export const servedLabels = { "mlsecops.io/revision": "fraud-1", app: "fraud" };
export const revisions: Json = {
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

export function served(namespace: string, changes: PodParts & { readonly container?: Json } = {}): Json {
  return pod(namespace, {
    metadata: { labels: servedLabels },
    volumes: servedVolumes,
    ...changes,
    containers: changes.containers ?? [{ ...servedContainer, ...changes.container }],
  });
}

export function deployment(namespace: string, name: string, replicas: number): Json {
  const { spec } = served(namespace);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: "fraud" } },
      template: { metadata: { labels: servedLabels }, spec },
    },
  };
}

export function job(namespace: string): Json {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "job", namespace },
    spec: { template: { spec: { restartPolicy: "Never", containers: containersOf(image(CONTAINER)) } } },
  };
}

export function binding(kind: "ClusterRoleBinding" | "RoleBinding", name: string, role: string, user: string): Json {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind,
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  };
}

export async function label(namespace: string, enforcement: string, profile: string): Promise<void> {
  await must(
    ["label", "namespace", namespace, `mlsecops.io/enforcement=${enforcement}`, `mlsecops.io/profile=${profile}`],
    {
      as: operator,
    },
  );
}

/** Adds an ephemeral container to the pod that was there before. */
export async function debug(namespace: string, character: string): Promise<Answer> {
  const old = JSON.parse(await must(["get", "pod", "old", "-n", namespace, "-o", "json"])) as { spec: Json };
  const ephemeralContainers = [{ name: "debug", image: image(character), terminationMessagePolicy: "File" }];
  return kubectl(["replace", "--raw", `/api/v1/namespaces/${namespace}/pods/old/ephemeralcontainers`, "-f", "-"], {
    input: { ...old, spec: { ...old.spec, ephemeralContainers } },
  });
}

/** Installs CRDs and policies, and makes the namespaces, in which the developer may edit. */
export async function installPolicies(namespaces: readonly string[]): Promise<void> {
  await installCrds();
  await apply(policies);
  await apply([
    ...namespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
    binding("ClusterRoleBinding", identity.namespace, "cluster-admin", operator),
    ...namespaces.flatMap((namespace) =>
      [developer, kserve].map((user, index) => {
        const name = `editor-${index}`;
        return { ...binding("RoleBinding", name, "edit", user), metadata: { name, namespace } };
      }),
    ),
  ]);
  for (const namespace of namespaces) await defaultAccount(namespace);
}

/** Pods are refused until it is there. */
export function defaultAccount(namespace: string): Promise<void> {
  return eventually(
    "the default ServiceAccount",
    async () => (await kubectl(["get", "serviceaccount", "default", "-n", namespace])).ok,
  );
}

export async function removePolicies(namespaces: readonly string[]): Promise<void> {
  for (const kind of ["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"])
    await kubectl([
      "delete",
      kind.toLowerCase(),
      "--ignore-not-found",
      ...policies.filter((policy) => policy.kind === kind).map((policy) => policy.metadata.name),
    ]);
  await kubectl(["delete", "clusterrolebinding", identity.namespace, "--ignore-not-found"]);
  // Until the API server has forgotten the policies, they keep the grants and the labels.
  for (const namespace of namespaces)
    await eventually(
      "the grants are free",
      async () => (await kubectl(["delete", "agrant", "mlsecops", "-n", namespace, "--ignore-not-found"])).ok,
    );
  await kubectl(["delete", "namespace", "--wait=false", "--ignore-not-found", ...namespaces]);
}
