import { type Answer, type Json, apply, digest, eventually, image, kubectl, must, randomName } from "./support.ts";
import { admitted, create, denied, installPolicies, removePolicies } from "./world.ts";

const namespace = randomName("mlsecops-author");
const annotation = "mlsecops.io/author";
const [jane, bob] = [randomName("jane"), randomName("bob")];
const machine = `system:serviceaccount:${namespace}:delivery`;

function model(name: string, author?: string): Json {
  return {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "SecureModel",
    metadata: { name, namespace, ...(author === undefined ? {} : { annotations: { [annotation]: author } }) },
    spec: {
      source: { oci: { reference: `registry.example.com/models/iris@${digest("a")}` } },
      workload: { managed: { template: { spec: { containers: [{ name: "runtime", image: image("c") }] } } } },
    },
  };
}

const patch = (name: string, as: string, body: Json, ...more: readonly string[]): Promise<Answer> => {
  const args = ["patch", "securemodel", name, "-n", namespace, "--type=merge", "-p", JSON.stringify(body)];
  return kubectl([...args, ...more], { as });
};
const named = (author: string | null): Json => ({ metadata: { annotations: { [annotation]: author } } });
const changed = { spec: { workload: { managed: { port: 9090 } } } };
const dry = "--dry-run=server";

describe("who a SecureModel says has written it", function () {
  this.timeout(120_000);

  before(async () => {
    await installPolicies([namespace]);
    const rbac = "rbac.authorization.k8s.io";
    const subjects = [
      ...[jane, bob].map((name) => ({ apiGroup: rbac, kind: "User", name })),
      { kind: "ServiceAccount", name: "delivery", namespace },
    ];
    await apply([
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata: { name: "write-models", namespace },
        rules: [
          { apiGroups: ["mlsecops.io"], resources: ["securemodels"], verbs: ["get", "create", "update", "patch"] },
          { apiGroups: ["mlsecops.io"], resources: ["securemodels/scale"], verbs: ["get", "update", "patch"] },
        ],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata: { name: "write-models", namespace },
        roleRef: { apiGroup: rbac, kind: "Role", name: "write-models" },
        subjects,
      },
    ]);
    for (const as of [jane, bob, machine])
      await eventually("rights", async () => (await create(model("probe"), as)).ok);
    await eventually("the policy", async () => !(await create(model("probe", "somebody"), jane)).ok);
    admitted(await create(model("of-jane", jane), jane, false));
    admitted(await create(model("of-nobody"), jane, false));
  });
  after(() => removePolicies([namespace]));

  it("is nobody, or whoever creates it", async () => {
    for (const author of [undefined, "", jane]) admitted(await create(model("new", author), jane));
    admitted(await create(model("new", machine), machine));
    const refusal = new RegExp(`set the annotation mlsecops\\.io/author to ${jane}, or remove it`);
    for (const author of [bob, machine]) denied(await create(model("new", author), jane), refusal);
    denied(
      await create(model("new", jane), machine),
      /set the annotation mlsecops\.io\/author to system:serviceaccount:/,
    );
  });

  it("is nobody, or whoever changes the spec", async () => {
    denied(await patch("of-jane", bob, changed, dry), new RegExp(`set the annotation mlsecops\\.io/author to ${bob}`));
    for (const author of [null, bob, ""]) admitted(await patch("of-jane", bob, { ...changed, ...named(author) }, dry));
    admitted(await patch("of-jane", jane, changed, dry));
    denied(await patch("of-nobody", bob, { ...changed, ...named(jane) }, dry), /set the annotation/);
    admitted(await patch("of-nobody", bob, changed, dry));
  });

  it("is not changed without the spec, and may be taken away", async () => {
    const refusal = /nobody becomes the author of a SecureModel whose spec they leave as it is/;
    denied(await patch("of-jane", bob, named(bob), dry), refusal);
    denied(await patch("of-nobody", jane, named(jane), dry), refusal);
    admitted(await patch("of-jane", bob, named(null), dry));
    admitted(await patch("of-jane", bob, { metadata: { labels: { team: "fraud" } } }, dry));
  });

  it("stays when the model is scaled", async () => {
    admitted(await kubectl(["scale", "securemodel", "of-jane", "-n", namespace, "--replicas=3"], { as: bob }));
    const path = "{.metadata.annotations.mlsecops\\.io/author}/{.spec.replicas}";
    const found = await must(["get", "securemodel", "of-jane", "-n", namespace, "-o", `jsonpath=${path}`]);
    if (found !== `${jane}/3`) throw new Error(found);
  });

  it("cannot be written by way of the status", async () => {
    const body = { ...named(bob), status: { replicas: 1 } };
    await kubectl([
      "patch",
      "securemodel",
      "of-jane",
      "-n",
      namespace,
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify(body),
    ]);
    const path = "{.metadata.annotations.mlsecops\\.io/author}";
    const found = await must(["get", "securemodel", "of-jane", "-n", namespace, "-o", `jsonpath=${path}`]);
    if (found !== jane) throw new Error(found);
  });
});
