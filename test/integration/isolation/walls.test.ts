import assert from "node:assert/strict";
import { type Json, apply, eventually, kubectl, must, randomName } from "../admission/support.ts";
import { Installation } from "../operator/support/installation.ts";
import { Keeper } from "./support/keeper.ts";

const operator = "system:serviceaccount:mlsecops-system:mlsecops-operator";
const tenant = randomName("tenant");
const made: string[] = [];

function secure(name: string, spec: Json = {}): Json {
  return {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "SecureNamespace",
    metadata: { name },
    spec: { profile: "training", enforcement: "Enforce", ...spec },
  };
}

async function read(...args: readonly string[]): Promise<Record<string, never> | undefined> {
  const { ok, output } = await kubectl(["get", ...args, "-o", "json"]);
  return ok ? (JSON.parse(output) as Record<string, never>) : undefined;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

async function condition(name: string, type: string): Promise<string> {
  const object = (await read("sns", name)) as { readonly status?: { readonly conditions?: readonly Condition[] } };
  const found = object.status?.conditions?.find((one) => one.type === type);
  return found === undefined ? "" : `${found.status}/${found.reason}: ${found.message}`;
}

async function namespaceWith(
  labels: Record<string, string> = {},
  annotations: Record<string, string> = {},
): Promise<string> {
  const name = randomName("walls");
  made.push(name);
  await apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name, labels, annotations } }]);
  // What a tenant has who is the administrator of the own namespace.
  await must(["create", "rolebinding", "tenant", "-n", name, "--clusterrole=admin", `--user=${tenant}`]);
  return name;
}

const walled = (name: string) =>
  eventually(`walls of ${name}`, async () => (await condition(name, "Ready")).startsWith("True/Enforced"));

const names = async (kind: string, namespace: string) =>
  (await must(["get", kind, "-n", namespace, "-l", "mlsecops.io/wall", "-o", "name"]))
    .split("\n")
    .filter(Boolean)
    .sort();

describe("the walls of a SecureNamespace on a real API server", function () {
  this.timeout(180_000);
  const installation = new Installation();
  let keeper: Keeper;

  before(async () => {
    await installation.install();
    await must([
      "create",
      "clusterrole",
      "walls-tenant-quota",
      "--verb=*",
      "--resource=resourcequotas,limitranges",
    ]).catch(() => undefined);
    keeper = await Keeper.start(installation);
  });
  after(async () => {
    for (const name of made) {
      await kubectl(["delete", "sns", name, "--ignore-not-found", "--timeout=30s"]);
      await kubectl(["delete", "namespace", name, "--ignore-not-found", "--wait=false"]);
    }
    await kubectl(["delete", "clusterrole", "walls-tenant-quota", "--ignore-not-found"]);
    await keeper.stop();
    installation.transport.close();
  });

  describe("an enforced namespace", () => {
    let name = "";
    before(async () => {
      name = await namespaceWith({ team: "a" });
      await must([
        "create",
        "rolebinding",
        "quota",
        "-n",
        name,
        "--clusterrole=walls-tenant-quota",
        `--user=${tenant}`,
      ]);
      await apply([
        secure(name, {
          serviceAccounts: [{ name: "trainer" }],
          quota: { "requests.cpu": "0.5", "requests.nvidia.com/gpu": "1" },
          limits: { max: { "nvidia.com/gpu": "1" } },
          network: {
            egress: [{ name: "lan", to: [{ cidr: { block: "0.0.0.0/0" } }], ports: [{ port: 443 }] }],
            ingress: [
              { name: "from-none", from: [{ secureNamespace: { name: "absent" } }], ports: [{ port: 80 }] },
              { name: "own", from: [{ pods: { app: "web" } }], ports: [{ port: 80, endPort: 81 }] },
            ],
          },
        }),
      ]);
      await walled(name);
    });

    it("has them all, and Pod Security refuses", async () => {
      assert.deepEqual(await names("networkpolicies", name), [
        "networkpolicy.networking.k8s.io/mlsecops-default-deny",
        "networkpolicy.networking.k8s.io/mlsecops-dns",
        "networkpolicy.networking.k8s.io/mlsecops-in-own",
        "networkpolicy.networking.k8s.io/mlsecops-out-lan",
      ]);
      assert.deepEqual(await names("resourcequotas,limitranges,serviceaccounts", name), [
        "limitrange/mlsecops",
        "resourcequota/mlsecops",
        "serviceaccount/default",
        "serviceaccount/trainer",
      ]);
      const out = (await read("networkpolicy", "mlsecops-out-lan", "-n", name)) as unknown as {
        readonly spec: { readonly egress: readonly [{ readonly to: readonly [{ readonly ipBlock: Json }] }] };
      };
      assert.ok((out.spec.egress[0].to[0].ipBlock["except"] as string[]).includes("169.254.0.0/16"));
      const labels = JSON.stringify(await read("namespace", name));
      assert.match(labels, /"pod-security.kubernetes.io\/enforce":"restricted"/);
      assert.match(labels, /"mlsecops.io\/enforcement":"enforce"/);
      assert.match(await condition(name, "Walled"), /^False\/PeerMissing: .*there is no SecureNamespace absent/);
    });

    it("writes nothing more when nothing changes, though amounts are written in another way", async () => {
      const versions = () =>
        must([
          "get",
          "networkpolicies,limitranges,serviceaccounts",
          "-n",
          name,
          "-o",
          "jsonpath={.items[*].metadata.resourceVersion}",
        ]);
      const before = await versions();
      await must(["annotate", "sns", name, "example.com/look=again"]);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.equal(await versions(), before);
    });

    const withinTwoSeconds = async (what: string, holds: () => Promise<boolean>) => {
      const begin = performance.now();
      await eventually(what, holds, 10);
      const took = performance.now() - begin;
      assert.ok(took < 2_000, `${what}: ${Math.round(took)} ms`);
    };
    const objects = [
      ["networkpolicy", "mlsecops-default-deny", { spec: { ingress: [{}] } }, { spec: { egress: [{}] } }],
      ["networkpolicy", "mlsecops-dns", { spec: { egress: [{}] } }],
      ["networkpolicy", "mlsecops-in-own", { spec: { podSelector: { matchLabels: { app: "none" } } } }],
      ["resourcequota", "mlsecops", { spec: { hard: { pods: "5000" } } }],
      ["limitrange", "mlsecops", { spec: { limits: [{ type: "Container", max: { cpu: "640" } }] } }],
      ["serviceaccount", "trainer", { automountServiceAccountToken: true }],
      ["serviceaccount", "default", { automountServiceAccountToken: true }],
    ] as const;
    for (const [kind, object, ...edits] of objects) {
      const state = async () => {
        const found = (await read(kind, object, "-n", name)) as
          ({ readonly metadata: { readonly labels?: Json; readonly uid: string } } & Json) | undefined;
        if (found === undefined) return undefined;
        const { metadata, spec, automountServiceAccountToken: mounts } = found;
        return { uid: metadata.uid, text: JSON.stringify([metadata.labels?.["mlsecops.io/wall"], spec, mounts]) };
      };

      it(`${kind}/${object}: deleted, it comes back within 2 s`, async () => {
        const before = await state();
        await must(["delete", kind, object, "-n", name, "--wait=false"]);
        await withinTwoSeconds("it is back", async () => {
          const now = await state();
          return now !== undefined && now.uid !== before?.uid && now.text === before?.text;
        });
      });

      for (const edit of edits)
        it(`${kind}/${object}: edited (${JSON.stringify(edit)}), it is mended within 2 s, and what is not ours stays`, async () => {
          const before = await state();
          const patch = { ...edit, metadata: { annotations: { "example.com/note": "mine" } } };
          await must(["patch", kind, object, "-n", name, "--type=merge", "-p", JSON.stringify(patch)]);
          assert.notEqual((await state())?.text, undefined);
          await withinTwoSeconds("it is mended", async () => (await state())?.text === before?.text);
          assert.match(JSON.stringify(await read(kind, object, "-n", name)), /"example.com\/note":"mine"/);
        });

      it(`${kind}/${object}: relabelled, it gets its label back within 2 s`, async () => {
        const before = await state();
        for (const label of ["mlsecops.io/wall-", "mlsecops.io/wall=kube-system"]) {
          await must(["label", kind, object, "-n", name, "--overwrite", label]);
          await withinTwoSeconds("it has its label", async () => (await state())?.text === before?.text);
        }
      });
    }

    it("takes what scopes a quota away, and leaves further resources in it", async () => {
      const more = { spec: { hard: { "count/configmaps": "50" } } };
      await must(["patch", "resourcequota", "mlsecops", "-n", name, "--type=merge", "-p", JSON.stringify(more)]);
      const scope = {
        spec: {
          scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["none"] }] },
        },
      };
      const { ok } = await kubectl([
        "patch",
        "resourcequota",
        "mlsecops",
        "-n",
        name,
        "--type=merge",
        "-p",
        JSON.stringify(scope),
      ]);
      if (ok)
        await withinTwoSeconds("it has no scope", async () => {
          const text = JSON.stringify(await read("resourcequota", "mlsecops", "-n", name));
          return !text.includes("scopeSelector");
        });
      assert.match(JSON.stringify(await read("resourcequota", "mlsecops", "-n", name)), /"count\/configmaps":"50"/);
    });

    it("says what was repaired", async () => {
      await eventually("a count", async () => {
        const { status } = (await read("sns", name)) as unknown as { readonly status: { readonly walls: Json } };
        return Number(status.walls["repaired"]) >= objects.length * 3 && status.walls["lastRepair"] !== undefined;
      });
      assert.ok(
        keeper.events.some(({ reason, note }) => reason === "WallRepaired" && note.startsWith("NetworkPolicy/")),
      );
    });

    it("opens for a peer as soon as there is one, and closes when it goes", async () => {
      const peer = await namespaceWith();
      const network = {
        ingress: [{ name: "peer", from: [{ secureNamespace: { name: peer } }], ports: [{ port: 80 }] }],
      };
      const other = await namespaceWith();
      await apply([secure(other, { network })]);
      const isOpen = async () => (await read("networkpolicy", "mlsecops-in-peer", "-n", other)) !== undefined;
      await eventually("it says so", async () => (await condition(other, "Walled")).startsWith("False/PeerMissing"));
      assert.equal(await isOpen(), false);
      await apply([secure(peer, { enforcement: "Audit" })]);
      await eventually("it is open", isOpen);
      await eventually("it is walled", async () => (await condition(other, "Walled")).startsWith("True/Walled"));
      await must(["delete", "sns", peer]);
      await eventually("it is closed", async () => !(await isOpen()));
    });

    describe("refuses a tenant", () => {
      const refused = async (args: readonly string[], message: RegExp, input?: unknown) => {
        const { ok, output } = await kubectl(args, { as: tenant, ...(input === undefined ? {} : { input }) });
        assert.equal(ok, false, output);
        assert.match(output, message);
        assert.doesNotMatch(output, /failed expression:|failed messageExpression:/);
      };
      const notTheirs = /keeps namespace walls-\w+ apart .*ask for a change of SecureNamespace/s;

      for (const [kind, object] of objects) {
        it(`to delete ${kind}/${object}, alone or with all others`, async () => {
          await refused(["delete", kind, object, "-n", name], notTheirs);
          if (kind !== "serviceaccount") await refused(["delete", kind, "--all", "-n", name], notTheirs);
        });
        it(`to take the label off ${kind}/${object}, or to give it an owner that is not there (forged ownerReferences)`, async () => {
          await refused(["label", kind, object, "-n", name, "mlsecops.io/wall-"], notTheirs);
          const owner = {
            apiVersion: "v1",
            kind: "ConfigMap",
            name: "gone",
            uid: "00000000-0000-0000-0000-000000000000",
          };
          const patch = JSON.stringify({ metadata: { ownerReferences: [owner] } });
          await refused(["patch", kind, object, "-n", name, "--type=merge", "-p", patch], notTheirs);
        });
      }

      it("to widen a wall, or to put up one of their own", async () => {
        const patch = JSON.stringify({ spec: { ingress: [{}] } });
        await refused(["patch", "networkpolicy", "mlsecops-dns", "-n", name, "--type=merge", "-p", patch], notTheirs);
        await refused(["create", "-f", "-"], notTheirs, {
          apiVersion: "networking.k8s.io/v1",
          kind: "NetworkPolicy",
          metadata: { name: "mine", namespace: name, labels: { "mlsecops.io/wall": name } },
          spec: { podSelector: {} },
        });
      });

      it("labels of Pod Security on the Namespace (labels by /status and /finalize)", async () => {
        const admin = randomName("namespace-admin");
        await must([
          "create",
          "clusterrole",
          admin,
          "--verb=*",
          "--resource=namespaces,namespaces/status,namespaces/finalize",
        ]);
        await must(["create", "clusterrolebinding", admin, `--clusterrole=${admin}`, `--user=${admin}`]);
        try {
          const patch = JSON.stringify({
            metadata: { labels: { "pod-security.kubernetes.io/enforce": "privileged" } },
          });
          for (const subresource of ["", "status"]) {
            const answer = await kubectl(
              [
                "patch",
                "namespace",
                name,
                ...(subresource === "" ? [] : ["--subresource", subresource]),
                "--type=merge",
                "-p",
                patch,
              ],
              { as: admin },
            );
            assert.equal(answer.ok, false, subresource);
            assert.match(answer.output, /follow spec.podSecurity of the SecureNamespace/);
          }
          const object = (await read("namespace", name)) as unknown as { metadata: { labels: Record<string, string> } };
          delete object.metadata.labels["pod-security.kubernetes.io/enforce"];
          const finalize = await kubectl(["replace", "--raw", `/api/v1/namespaces/${name}/finalize`, "-f", "-"], {
            as: admin,
            input: object,
          });
          assert.equal(finalize.ok, false);
          assert.match(finalize.output, /follow spec.podSecurity of the SecureNamespace/);
          const note = await kubectl(["annotate", "namespace", name, "mlsecops.io/created-by=me"], { as: admin });
          assert.match(
            note.output,
            /annotations of a namespace that start with mlsecops.io\/ are written only by the operator/,
          );
        } finally {
          await must(["delete", "clusterrole,clusterrolebinding", admin]);
        }
      });

      it("nothing that is not ours: pull secrets of the default ServiceAccount, policies of their own", async () => {
        const secrets = JSON.stringify({ imagePullSecrets: [{ name: "login" }] });
        await must(["patch", "serviceaccount", "default", "-n", name, "--type=merge", "-p", secrets], { as: tenant });
        await must(["create", "-f", "-"], {
          as: tenant,
          input: {
            apiVersion: "networking.k8s.io/v1",
            kind: "NetworkPolicy",
            metadata: { name: "theirs", namespace: name },
            spec: { podSelector: {}, policyTypes: ["Ingress"] },
          },
        });
        await must(["delete", "networkpolicy", "theirs", "-n", name], { as: tenant });
      });
    });
  });

  describe("adoption", () => {
    const security = (level: string) => `pod-security.kubernetes.io/enforce":"${level}"`;

    it("Audit cuts nothing, Enforce walls, Audit gives back, and Open leaves it as it was", async () => {
      const name = await namespaceWith({ "pod-security.kubernetes.io/enforce": "privileged" });
      const spec = { serviceAccounts: [{ name: "trainer" }], deletionPolicy: "Open" };
      await apply([
        {
          apiVersion: "v1",
          kind: "ServiceAccount",
          metadata: { name: "trainer", namespace: name, annotations: { team: "a" } },
        },
        secure(name, { ...spec, enforcement: "Audit" }),
      ]);
      await eventually("audited", async () => (await condition(name, "Ready")).startsWith("True/Audit"));
      assert.match(await condition(name, "Walled"), /^False\/Audit: there are no walls/);
      assert.deepEqual(await names("networkpolicies,resourcequotas,limitranges", name), []);
      const audited = JSON.stringify(await read("namespace", name));
      assert.ok(audited.includes(security("privileged")));
      assert.match(audited, /pod-security.kubernetes.io\/warn":"restricted"/);
      assert.doesNotMatch(JSON.stringify(await read("serviceaccount", "default", "-n", name)), /automount/);

      await apply([secure(name, spec)]);
      await walled(name);
      assert.ok(JSON.stringify(await read("namespace", name)).includes(security("restricted")));

      await apply([secure(name, { ...spec, enforcement: "Audit" })]);
      await eventually("given back", async () => {
        const left = await names("networkpolicies,resourcequotas,limitranges", name);
        return left.length === 0 && JSON.stringify(await read("namespace", name)).includes(security("privileged"));
      });
      await eventually(
        "the default ServiceAccount is as it was",
        async () => !JSON.stringify(await read("serviceaccount", "default", "-n", name)).includes("automount"),
      );

      await apply([secure(name, spec)]);
      await walled(name);
      await must(["delete", "sns", name, "--timeout=30s"]);
      assert.deepEqual(
        await names("networkpolicies,resourcequotas,limitranges,serviceaccounts,rolebindings", name),
        [],
      );
      const opened = JSON.stringify(await read("namespace", name));
      assert.ok(opened.includes(security("privileged")));
      assert.doesNotMatch(opened, /mlsecops.io|pod-security.kubernetes.io\/warn/);
      assert.match(JSON.stringify(await read("serviceaccount", "trainer", "-n", name)), /"team":"a"/);
    });

    it("QuotaBelowUse: what runs goes on, and the condition says what is too much", async () => {
      const name = await namespaceWith();
      for (const pod of ["a", "b"])
        await apply([
          {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name: pod, namespace: name },
            spec: { schedulerName: "nobody", containers: [{ name: "main", image: "example.com/none:1" }] },
          },
        ]);
      await apply([secure(name, { quota: { pods: "1" } })]);
      await eventually("it says so", async () =>
        /^False\/QuotaBelowUse: .*pods is 1, and 2 is in use/.test(await condition(name, "Walled")),
      );
      assert.ok((await read("pod", "a", "-n", name)) !== undefined);
    });

    it("KeepClosed keeps every wall", async () => {
      const name = await namespaceWith();
      await apply([secure(name)]);
      await walled(name);
      const before = await names("networkpolicies,resourcequotas,limitranges,serviceaccounts", name);
      await must(["delete", "sns", name, "--timeout=30s"]);
      assert.deepEqual(await names("networkpolicies,resourcequotas,limitranges,serviceaccounts", name), before);
      assert.match(JSON.stringify(await read("namespace", name)), /"mlsecops.io\/enforcement":"enforce"/);
    });
  });

  describe("namespaces that the operator makes", () => {
    it("are shut from the beginning, and go with the SecureNamespace only where it says so", async () => {
      const name = randomName("walls-made");
      made.push(name);
      await apply([secure(name, { namespace: "Create", deletionPolicy: "DeleteNamespace" })]);
      await walled(name);
      const { metadata } = (await read("namespace", name)) as unknown as { metadata: { annotations: Json } };
      const { metadata: own } = (await read("sns", name)) as unknown as { metadata: { uid: string } };
      assert.equal(metadata.annotations["mlsecops.io/created-by"], own.uid);
      await must(["delete", "sns", name, "--timeout=30s"]);
      await eventually("it is gone", async () => (await read("namespace", name)) === undefined);
    });

    it("one that was there before stays, closed, and an Event says why", async () => {
      const name = await namespaceWith();
      await apply([secure(name, { namespace: "Create", deletionPolicy: "DeleteNamespace" })]);
      await walled(name);
      await must(["delete", "sns", name, "--timeout=30s"]);
      assert.match(JSON.stringify(await read("namespace", name)), /"mlsecops.io\/enforcement":"enforce"/);
      assert.ok(keeper.events.some(({ reason, note }) => reason === "NamespaceKept" && note.includes(name)));
    });

    it("the operator's account deletes no other, and changes no labels of others", async () => {
      const name = await namespaceWith({ team: "a" });
      for (const args of [
        ["delete", "namespace", name],
        ["label", "namespace", name, "team=b", "--overwrite"],
        ["annotate", "namespace", name, "example.com/a=b"],
        ["create", "namespace", randomName("walls-not")],
      ]) {
        const { ok, output } = await kubectl(args, { as: operator });
        assert.equal(ok, false, args.join(" "));
        assert.match(output, /mlsecops-operator-limits|forbidden/);
      }
    });
  });

  it("CleanupFailed: says why the farewell does not end, and ends it when the cause is gone", async () => {
    const name = await namespaceWith();
    await apply([secure(name, { deletionPolicy: "Open" })]);
    await walled(name);
    const blocker = randomName("walls-blocker");
    const policy = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: blocker },
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
          resourceRules: [
            {
              apiGroups: ["networking.k8s.io"],
              apiVersions: ["v1"],
              operations: ["DELETE"],
              resources: ["networkpolicies"],
            },
          ],
        },
        validations: [{ expression: "false", message: "not today" }],
      },
    };
    const binding = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: blocker },
      spec: { policyName: blocker, validationActions: ["Deny"] },
    };
    await apply([policy, binding]);
    try {
      await eventually("it is refused", async () => {
        const { ok } = await kubectl(["delete", "networkpolicy", "mlsecops-dns", "-n", name, "--dry-run=server"]);
        return !ok;
      });
      await must(["delete", "sns", name, "--wait=false"]);
      await eventually("it says why", async () =>
        /^False\/CleanupFailed: .*not today/.test(await condition(name, "Ready")),
      );
    } finally {
      await must(["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", blocker]);
    }
    await eventually("it is gone", async () => (await read("sns", name)) === undefined, 60);
    assert.deepEqual(await names("networkpolicies", name), []);
  });
});
