import { type Json, apply, eventually, image, kubectl, must, randomName } from "./support.ts";
import {
  admitted,
  containersOf,
  create,
  defaultAccount,
  denied,
  developer,
  grant,
  identity,
  installPolicies,
  label,
  operator,
  pod,
  removePolicies,
} from "./world.ts";

function secureNamespace(name: string, enforcement: "Audit" | "Enforce", spec: Json = {}): Json {
  return {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "SecureNamespace",
    metadata: { name },
    spec: { profile: "training", enforcement, ...spec },
  };
}

function namespaceOf(name: string, labels: Json = {}): Json {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

describe("rule 1: a namespace without labels, and no operator to set them", function () {
  this.timeout(180_000);
  const recreated = randomName("mlsecops-recreated");
  const audited = randomName("mlsecops-audited");
  const suspended = randomName("mlsecops-suspended");
  const keptClosed = randomName("mlsecops-closed");
  const opened = randomName("mlsecops-opened");
  const stranger = randomName("mlsecops-stranger");
  const namespaces = [recreated, audited, suspended, keptClosed, opened, stranger];
  const secured = [recreated, audited, suspended, keptClosed, opened];
  const refusal = new RegExp(
    `no pod starts in namespace ${recreated} yet: SecureNamespace ${recreated} says enforcement: Enforce.*kubectl get sns ${recreated}.*or delete the SecureNamespace`,
    "s",
  );
  const any = (namespace: string, metadata: Json = {}) => pod(namespace, { containers: containersOf("x"), metadata });

  before("enforce a namespace, then delete it and create it again", async () => {
    await installPolicies(namespaces);
    await label(recreated, "enforce", "training");
    admitted(await create(any(stranger, { name: "old" }), undefined, false));
    await must(["delete", "namespace", recreated, "--timeout=120s"]);
    await apply([
      secureNamespace(recreated, "Enforce"),
      secureNamespace(audited, "Audit"),
      secureNamespace(suspended, "Enforce", { suspend: true }),
      secureNamespace(keptClosed, "Enforce"),
      secureNamespace(opened, "Enforce", { deletionPolicy: "Open" }),
      namespaceOf(recreated),
    ]);
    await defaultAccount(recreated);
    await eventually("the policy", async () => !(await create(any(recreated), developer)).ok);
  });

  after("remove all of it", async () => {
    for (const name of secured) {
      await kubectl(["patch", "sns", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
      await kubectl(["delete", "sns", name, "--ignore-not-found", "--wait=false"]);
    }
    await removePolicies(namespaces);
  });

  it("starts no pod where a SecureNamespace says Enforce, and says why and what to do", async () => {
    denied(await create(any(recreated)), refusal);
  });
  it("starts no pod for whoever may create the namespace either", async () => {
    await kubectl([
      "create",
      "rolebinding",
      "developer",
      "--clusterrole=admin",
      `--user=${developer}`,
      "-n",
      recreated,
    ]);
    denied(await create(any(recreated), developer), refusal);
  });
  it("starts no pod where the SecureNamespace is suspended", async () => {
    denied(await create(any(suspended), developer), /no pod starts in namespace/);
  });
  it("starts pods in other namespaces, in audited ones and in kube-system", async () => {
    admitted(await create(any(stranger), developer));
    admitted(await create(any(audited), developer));
    admitted(await create(any("kube-system")));
  });
  it("closes an existing namespace for ephemeral containers as well", async () => {
    await apply([secureNamespace(stranger, "Enforce")]);
    try {
      await eventually("the policy", async () => !(await create(any(stranger), developer)).ok);
      const old = JSON.parse(await must(["get", "pod", "old", "-n", stranger, "-o", "json"])) as { spec: Json };
      const ephemeralContainers = [{ name: "debug", image: "x", terminationMessagePolicy: "File" }];
      const path = `/api/v1/namespaces/${stranger}/pods/old/ephemeralcontainers`;
      denied(
        await kubectl(["replace", "--raw", path, "-f", "-"], {
          input: { ...old, spec: { ...old.spec, ephemeralContainers } },
        }),
        /no pod starts in namespace/,
      );
    } finally {
      await must(["delete", "sns", stranger]);
    }
  });
  it("stays closed while the SecureNamespace is deleted, unless its deletionPolicy says Open", async () => {
    for (const name of [keptClosed, opened]) {
      await must(["patch", "sns", name, "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/hold"]}}']);
      await must(["delete", "sns", name, "--wait=false"]);
    }
    await eventually("the end of one", async () => (await create(any(opened), developer)).ok);
    denied(await create(any(keptClosed), developer), /no pod starts in namespace/);
  });
  it("opens for what is granted as soon as the operator has written grant and labels", async () => {
    await apply([grant(recreated)], operator);
    await label(recreated, "enforce", "training");
    await eventually("the labels", async () => (await create(pod(recreated), developer)).ok);
    denied(await create(any(recreated), developer), /not pinned by digest/);
    denied(await create(pod(recreated, { containers: containersOf(image("0")) }), developer), /is not granted/);
  });
  for (const [what, labels] of [
    ["the label audit", { "mlsecops.io/enforcement": "audit" }],
    ["another profile", { "mlsecops.io/enforcement": "enforce", "mlsecops.io/profile": "experiment" }],
    ["an empty label", { "mlsecops.io/enforcement": "" }],
  ] as const)
    it(`lets nobody bring a namespace along with ${what}`, async () => {
      denied(await create(namespaceOf(randomName("mlsecops-new"), labels)), /written only by the operator/);
    });
  it("never touches the operator's own namespace", async () => {
    await apply([namespaceOf(identity.namespace), secureNamespace(identity.namespace, "Enforce")]);
    try {
      await defaultAccount(identity.namespace);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      admitted(await create(any(identity.namespace)));
    } finally {
      await must(["delete", "sns", identity.namespace]);
      await must(["delete", "namespace", identity.namespace, "--wait=false"]);
    }
  });
});
