import assert from "node:assert/strict";
import { appendFile, cp, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { K8s, kind } from "kubernetes-fluent-client";
import { parseAllDocuments } from "yaml";
import { SecureModelKind, SecureNamespaceKind } from "../../src/api/fluent.ts";
import { kinds } from "../../src/api/index.ts";
import { operatorManifest, withoutHelm } from "../../src/generate/operator-manifest.ts";
import { helm, json, kubectl, must } from "./support/kubectl.ts";
import { TEST_LABEL } from "./support/objects.ts";
import { condition, find, grantOf, namespaceBecomes } from "./support/read.ts";
import { eventually } from "./support/wait.ts";
import {
  CHART,
  DEPLOYMENT,
  RELEASE,
  SYSTEM,
  type World,
  discard,
  install,
  openWorld,
  operatorPod,
  securedNamespace,
  unique,
} from "./support/world.ts";

const operatorUser = `system:serviceaccount:${SYSTEM}:mlsecops-operator`;

interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A right as `kubectl auth can-i` writes it: verb, resource[.group][/name], and where. */
type Right = readonly [verb: string, resource: string, namespace?: string];

/** One request for all questions. The user must be allowed what is in `may`, and nothing of `mayNot`. */
async function assertRights(user: string, may: readonly Right[], mayNot: readonly Right[]): Promise<void> {
  const items = [...may, ...mayNot].map(([verb, what, namespace]) => {
    const [typed = "", name] = what.split("=");
    const [path = "", subresource] = typed.split("/");
    const [resource = "", ...group] = path.split(".");
    const resourceAttributes = { verb, resource, subresource, group: group.join("."), name, namespace };
    return { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: { user, resourceAttributes } };
  });
  const output = await must(["create", "-f", "-", "-o", "jsonpath={.status.allowed}{'\\n'}"], {
    input: { apiVersion: "v1", kind: "List", items },
  });
  const answers = output.trim().split("\n");
  assert.equal(answers.length, items.length, output);
  const wrong = [...may, ...mayNot].flatMap((right, at) => {
    const expected = at < may.length ? "true" : "false";
    return answers[at] === expected ? [] : [`${right.join(" ")}: ${answers[at] ?? ""}`];
  });
  assert.deepEqual(wrong, [], user);
}

describe("the installation", function () {
  this.timeout(180_000);
  const secured = unique("install");
  let world: World;

  before(async () => {
    world = await openWorld();
    await securedNamespace(secured, { profile: "training" });
    for (const role of ["view", "edit", "admin"]) {
      await must(["-n", secured, "create", "rolebinding", role, `--clusterrole=${role}`, `--user=e2e-${role}`]);
    }
    await must(["create", "clusterrolebinding", secured, "--clusterrole=edit", "--user=e2e-edit-everywhere"]);
  });
  after(async () => {
    await discard(`namespace/${secured}`, `sns/${secured}`, `clusterrolebinding/${secured}`);
  });

  describe("gives people what their role says", () => {
    const all = ["securemodels", "modelrevisions", "admissiongrants"].map((one) => `${one}.mlsecops.io`);
    const read = all.flatMap((one) => ["get", "list", "watch"].map((verb): Right => [verb, one, secured]));
    const writing = ["create", "update", "patch", "delete", "deletecollection"];
    const write = (resource: string) => writing.map((verb): Right => [verb, `${resource}.mlsecops.io`, secured]);
    const scale: readonly Right[] = [
      ["get", "securemodels.mlsecops.io/scale", secured],
      ["patch", "securemodels.mlsecops.io/scale", secured],
    ];
    const recorded = [...write("admissiongrants"), ...write("modelrevisions")];

    it("view reads", async () => {
      await assertRights("e2e-view", read, [...write("securemodels"), ...recorded, ...scale.slice(1)]);
    });
    for (const role of ["edit", "admin"]) {
      it(`${role} writes SecureModels and their scale, but no grant and no revision`, async () => {
        const status: Right = ["update", "securemodels.mlsecops.io/status", secured];
        const everywhere: Right = ["create", "securemodels.mlsecops.io", "default"];
        await assertRights(
          `e2e-${role}`,
          [...read, ...write("securemodels"), ...scale],
          [...recorded, status, everywhere],
        );
      });
    }
    it("edit everywhere reads policies and SecureNamespaces, and changes none", async () => {
      const kinds = ["clustertrustpolicies", "securenamespaces"].map((one) => `${one}.mlsecops.io`);
      const verbs = (list: readonly string[]) => kinds.flatMap((one) => list.map((verb): Right => [verb, one]));
      await assertRights("e2e-edit-everywhere", verbs(["get", "list", "watch"]), verbs(writing));
    });
  });

  it("gives the operator no more than it needs", async () => {
    await assertRights(
      operatorUser,
      [
        ["watch", "securemodels.mlsecops.io"],
        ["patch", "securemodels.mlsecops.io/status"],
        ["create", "rolebindings.rbac.authorization.k8s.io", "default"],
        ["bind", "clusterroles.rbac.authorization.k8s.io=mlsecops-operator-workloads"],
        ["bind", "clusterroles.rbac.authorization.k8s.io=mlsecops-serving-ml-engineer"],
        ["delete", "rolebindings.rbac.authorization.k8s.io=mlsecops-ml-engineer", secured],
        ["list", "roles.rbac.authorization.k8s.io"],
        ["watch", "clusterroles.rbac.authorization.k8s.io"],
        ["watch", "clusterrolebindings.rbac.authorization.k8s.io"],
        ["get", "secrets", secured],
        ["get", "serviceaccounts", secured],
        ["delete", "networkpolicies.networking.k8s.io", secured],
        ["patch", "resourcequotas", secured],
        ["patch", "limitranges", secured],
        ["patch", "serviceaccounts", secured],
        ["create", "namespaces"],
        ["delete", "namespaces"],
        ["create", "serviceaccounts/token", secured],
        ["list", "secrets", SYSTEM],
        ["watch", "networkpolicies.networking.k8s.io"],
        ["watch", "services"],
        ["watch", "ingresses.networking.k8s.io"],
        ["watch", "customresourcedefinitions.apiextensions.k8s.io"],
        ["get", "httproutes.gateway.networking.k8s.io"],
        ["patch", "httproutes.gateway.networking.k8s.io", secured],
        ["watch", "inferenceservices.serving.kserve.io"],
        ["patch", "inferenceservices.serving.kserve.io", secured],
      ],
      [
        ["get", "secrets"],
        ["list", "secrets"],
        ["get", "secrets", "kube-system"],
        ["list", "secrets", secured],
        ["create", "pods"],
        ["create", "pods", "default"],
        ["create", "pods/exec", secured],
        ["create", "deployments.apps"],
        ["patch", "customresourcedefinitions.apiextensions.k8s.io"],
        ["create", "services"],
        ["create", "ingresses.networking.k8s.io"],
        ["create", "ingresses.networking.k8s.io", secured],
        ["patch", "httproutes.gateway.networking.k8s.io"],
        ["create", "gateways.gateway.networking.k8s.io", secured],
        ["patch", "inferenceservices.serving.kserve.io"],
        ["create", "inferencegraphs.serving.kserve.io", secured],
        ["patch", "deployments.apps", SYSTEM],
        ["patch", "networkpolicies.networking.k8s.io", SYSTEM],
        ["delete", "networkpolicies.networking.k8s.io", "kube-system"],
        ["delete", "resourcequotas", "default"],
        ["patch", "serviceaccounts", "kube-system"],
        ["create", "serviceaccounts/token"],
        ["create", "serviceaccounts/token", SYSTEM],
        ["create", "serviceaccounts/token", "kube-system"],
        ["impersonate", "users"],
        ["escalate", "clusterroles.rbac.authorization.k8s.io"],
        ["escalate", "roles.rbac.authorization.k8s.io", secured],
        ["bind", "clusterroles.rbac.authorization.k8s.io=cluster-admin"],
        ["bind", "clusterroles.rbac.authorization.k8s.io=edit"],
        ["delete", "rolebindings.rbac.authorization.k8s.io=other", secured],
        ["create", "roles.rbac.authorization.k8s.io", secured],
        ["bind", "roles.rbac.authorization.k8s.io", secured],
        ["create", "clusterroles.rbac.authorization.k8s.io"],
        ["create", "clusterrolebindings.rbac.authorization.k8s.io"],
        ["update", "securemodels.mlsecops.io"],
        ["create", "securenamespaces.mlsecops.io"],
        ["patch", "validatingadmissionpolicies.admissionregistration.k8s.io"],
        ["delete", "validatingadmissionpolicybindings.admissionregistration.k8s.io"],
      ],
    );
    // RBAC cannot say by which name; an admission policy does.
    const other = [
      "create",
      "rolebinding",
      "other",
      "--clusterrole=mlsecops-operator-workloads",
      `--user=${operatorUser}`,
    ];
    const { ok, output } = await kubectl(["-n", secured, ...other], { as: operatorUser });
    assert.equal(ok, false, output);
    assert.match(output, /mlsecops-operator-limits/);
    // Nor for whom a token may be.
    for (const audience of ["sts.amazonaws.com", "https://kubernetes.default.svc.cluster.local"]) {
      const asked = ["create", "token", "default", `--audience=${audience}`, "--duration=10m"];
      const token = await kubectl(["-n", secured, ...asked], { as: operatorUser });
      assert.equal(token.ok, audience === "sts.amazonaws.com");
      if (!token.ok) assert.match(token.output, /mlsecops-operator-limits/);
    }
  });

  it("runs the operator without root, without a shell, and with nothing to write to", async () => {
    const { name } = await operatorPod();
    const pod = await K8s(kind.Pod).InNamespace(SYSTEM).Get(name);
    assert.equal(pod.spec?.securityContext?.runAsNonRoot, true);
    assert.notEqual(pod.spec.securityContext.runAsUser, 0);
    assert.equal(pod.spec.securityContext.seccompProfile?.type, "RuntimeDefault");
    const [container, ...others] = pod.spec.containers;
    assert.equal(others.length, 0);
    assert.equal(container?.securityContext?.readOnlyRootFilesystem, true);
    assert.equal(container.securityContext.allowPrivilegeEscalation, false);
    assert.deepEqual(container.securityContext.capabilities?.drop, ["ALL"]);
    assert.match(container.image ?? "", /@sha256:[a-f0-9]{64}$/);
    for (const shell of ["sh", "/bin/sh", "bash", "busybox"]) {
      const { ok, output } = await kubectl(["-n", SYSTEM, "exec", name, "--", shell, "-c", "true"]);
      assert.equal(ok, false, shell);
      assert.match(output, /no such file|not found/i);
    }
  });

  it("answers probes, and names no object in its metrics", async () => {
    const { ip } = await operatorPod();
    for (const path of ["livez", "readyz"]) assert.equal((await fetch(`http://${ip}:8081/${path}`)).status, 200, path);
    const text = await (await fetch(`http://${ip}:8081/metrics`)).text();
    const values = new Set([...text.matchAll(/[a-z_]+="([^"]*)"/g)].map(([, value]) => value));
    assert.ok(values.size > 5);
    const objects = [
      ...(await K8s(SecureModelKind).Get()).items,
      ...(await K8s(SecureNamespaceKind).Get()).items,
      ...(await K8s(kind.Namespace).Get()).items,
    ];
    const named = objects.map(({ metadata }) => metadata?.name ?? "").filter((name) => values.has(name));
    assert.ok(objects.length > 5);
    assert.deepEqual(named, []);
  });

  it("refuses values that are wrong, and says which", async () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ["image.digest=v1", /image\/digest.*(does not match|pattern)/s],
      ["replicas=9", /replicas.*(9|maximum)/s],
      ["logLevel=loud", /logLevel/],
      ["registry.caBundle=none", /registry\/caBundle/],
      ["deniedAddresses[0]=everything", /deniedAddresses\/0/],
      ["registries.mirrors[0].registry=docker.io", /registries\/mirrors\/0.*mirrors/s],
      ["registries.cloud.endpoints.aws-s3=https://a.example.com", /registries\/cloud\/endpoints/],
      ["isolation.expected.groups[0]=system:authenticated", /isolation\/expected\/groups\/0/],
      ["kserve.controllerAccount=kserve", /kserve\/controllerAccount/],
      ["isolation.expected.serviceAccounts[0]=argocd", /isolation\/expected\/serviceAccounts\/0/],
      ["typo=true", /typo/],
    ];
    for (const [value, expected] of wrong) {
      const { ok, output } = await helm(["template", RELEASE, CHART, "--namespace", SYSTEM, "--set", value]);
      assert.equal(ok, false, value);
      assert.match(output, expected);
    }
  });

  it("is the same from the manifests as from the chart", async () => {
    const { ok, output } = await helm(["template", "mlsecops-operator", CHART, "-n", SYSTEM, "--skip-tests"]);
    assert.ok(ok, output);
    const [operator, ...generated] = await Promise.all(
      ["operator.yaml", "crds.yaml", "admission-policies.yaml", "people-roles.yaml"].map((file) =>
        readFile(`manifests/install/${file}`, "utf8"),
      ),
    );
    assert.equal(operator, operatorManifest(output), "manifests/install/operator.yaml is out of date: make manifests");
    assert.deepEqual(byName([operator, ...generated].join("\n---\n")), byName(withoutHelm(output)));
  });

  it("says of itself whether it can work: helm test", async () => {
    const test = () => helm(["test", RELEASE, "--namespace", SYSTEM, "--logs", "--timeout", "90s"]);
    const well = await test();
    assert.ok(well.ok, well.output);
    for (const name of ["kinds", "admission policies", "operator", "leader", "door"])
      assert.match(well.output, new RegExp(`^${name} +ok `, "m"));
    // Somebody opens the door.
    const binding = "validatingadmissionpolicybinding/mlsecops-operator-records";
    const living = (await json("get", binding)) as { metadata: object };
    await must(["delete", binding]);
    try {
      const broken = await eventually("helm test notices", test, ({ output }) => /^door +LACKING/m.test(output));
      assert.equal(broken.ok, false);
      assert.match(broken.output, /^admission policies +LACKING .*mlsecops-operator-records is missing/m);
    } finally {
      const { resourceVersion: _version, uid: _uid, ...metadata } = living.metadata as Record<string, unknown>;
      await must(["create", "-f", "-"], { input: { ...living, metadata } });
    }
    await eventually("the door is shut again", test, ({ ok }) => ok);
    const left = await must(["-n", SYSTEM, "get", "serviceaccounts,roles,rolebindings,clusterroles", "-o", "name"]);
    assert.doesNotMatch(left, /installation-check/);
  });

  it("leaves the door shut when it is uninstalled", async () => {
    const uninstalled = await helm(["uninstall", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "90s"]);
    assert.ok(uninstalled.ok, uninstalled.output);
    assert.equal(await find(kind.Deployment, DEPLOYMENT, SYSTEM), undefined);
    await assertGuarded(secured, world);
  });

  it("can be installed with kubectl apply -k, beside what was left", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kustomize-"));
    await cp("manifests/install", directory, { recursive: true });
    const { repository, digest } = world.image;
    const image = `\nimages:\n  - name: registry.example.com/mlsecops/mlsecops-operator\n    newName: ${repository}\n    digest: ${digest}\n`;
    await appendFile(join(directory, "kustomization.yaml"), image);
    // Helm has written what it left, and kubectl takes it over.
    await must(["apply", "--server-side", "--force-conflicts", "-k", directory]);
    await must(["-n", SYSTEM, "rollout", "status", `deployment/${DEPLOYMENT}`, "--timeout=90s"]);
    await assertEnforced(secured);
    const files = ["operator.yaml", "people-roles.yaml"].flatMap((file) => ["-f", join(directory, file)]);
    await must(["delete", ...files, "--wait", "--timeout=60s"]);
    await assertGuarded(secured, world);
  });

  it("adopts what is there when it is installed again", async () => {
    await install(world);
    await assertEnforced(secured);
    await assertGuarded(secured, world);
  });
});

/** The operator has seen the SecureNamespace again: a change of it is observed. */
async function assertEnforced(namespace: string): Promise<void> {
  await must(["patch", "sns", namespace, "--type=merge", "-p", '{"spec":{"suspend":true}}']);
  await namespaceBecomes(namespace, "Suspended", 60_000);
  await must(["patch", "sns", namespace, "--type=merge", "-p", '{"spec":{"suspend":false}}']);
  const found = await namespaceBecomes(namespace, "Enforced");
  assert.equal(condition(found, "Enforced").status, "True");
}

async function assertGuarded(namespace: string, { unsigned }: World): Promise<void> {
  const crds = (await json("get", "crd")) as { items: Document[] };
  assert.equal(crds.items.filter(({ metadata }) => metadata.name.endsWith(".mlsecops.io")).length, kinds.length);
  const { items } = (await json("get", "validatingadmissionpolicies,validatingadmissionpolicybindings")) as {
    items: Document[];
  };
  const kept = items.filter(({ metadata }) => metadata.name.startsWith("mlsecops-"));
  const wanted = parseAllDocuments(await readFile("manifests/install/admission-policies.yaml", "utf8"));
  assert.equal(kept.length, wanted.length);
  assert.notEqual(await grantOf(namespace), undefined);
  await eventually(
    "a pod with an image that nobody signed is refused",
    () =>
      kubectl([
        "-n",
        namespace,
        "run",
        "unsigned",
        `--image=${unsigned}`,
        "--dry-run=server",
        `--labels=${TEST_LABEL}=true`,
      ]),
    ({ ok, output }) => !ok && output.includes("is not granted"),
    10_000,
  );
}

function byName(text: string): Record<string, unknown> {
  const documents = parseAllDocuments(text).flatMap((one) => {
    const content = one.toJS() as Document | null;
    return content === null ? [] : [content];
  });
  return Object.fromEntries(documents.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
}
