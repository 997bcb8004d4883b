import assert from "node:assert/strict";
import {
  type KubeObject,
  Metrics,
  ObjectClient,
  clusterRoleBindingType,
  clusterRoleType,
  roleBindingType,
  roleType,
  systemClock,
} from "../../../src/kube/index.ts";
import { AccessView } from "../../../src/operator/access-view.ts";
import { createInformers } from "../../../src/operator/informers.ts";
import { connect, randomName, silentLog, until } from "../kube/support.ts";
import { operatorNamespace } from "../operator/support/installation.ts";
import { secured } from "../operator/support/lane.ts";
import { PeopleWorld, specOf } from "./support/people.ts";

/** How long it may take until what a binding gives is in what is said of the namespace. */
const withinMs = 2_000;

describe("who may do more, as the operator reads it from a real API server", function () {
  this.timeout(120_000);
  const world = new PeopleWorld();
  const stop = new AbortController();
  const woken = new Set<string>();
  const cluster = randomName("people-cluster");
  let view: AccessView;
  let close: () => void = () => undefined;

  before(async () => {
    await world.set();
    const { admin } = world.installation;
    for (const profile of ["experiment", "serving"] as const)
      await admin.create<KubeObject>(secured, {
        metadata: { name: world.names[profile] },
        spec: { ...specOf(profile), enforcement: "Audit" },
      } as KubeObject);
    // With the operator's own rights, and no others.
    const transport = connect(await world.installation.operatorKubeConfig());
    close = () => transport.close();
    const informers = createInformers({
      client: new ObjectClient({ transport }),
      clock: systemClock,
      log: silentLog(),
      metrics: new Metrics(),
      operatorNamespace,
    });
    const { namespaces, bindings, roles, clusterRoles, clusterRoleBindings } = informers;
    const used = [namespaces, bindings, roles, clusterRoles, clusterRoleBindings];
    view = new AccessView(informers, {
      identity: { namespace: operatorNamespace, serviceAccount: "mlsecops-operator" },
      expected: { groups: ["people-platform"], users: [], serviceAccounts: [] },
      clock: systemClock,
      deafAfterMs: 180_000,
    });
    for (const informer of used) informer.start(stop.signal);
    await Promise.all(used.map((informer) => informer.waitForSync(30_000)));
    view.onNews((name) => woken.add(name));
  });
  after(async () => {
    stop.abort();
    view.close();
    close();
    const { admin } = world.installation;
    await admin.remove(clusterRoleBindingType, { name: cluster });
    await admin.remove(clusterRoleType, { name: cluster });
    for (const profile of ["experiment", "serving"] as const)
      await admin.remove(secured, { name: world.names[profile] });
    await world.strike();
  });

  const all = (profile: "experiment" | "serving") => {
    const found = view.of(world.names[profile]);
    assert.ok(found);
    return found.examples;
  };
  /** Without what other suites have bound for the whole cluster. */
  const of = (profile: "experiment" | "serving") =>
    all(profile).filter(({ binding }) => binding.startsWith("RoleBinding/") || binding.endsWith(cluster));
  const subject = (name: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name });
  const bound = (name: string, role: string, group: string, kind = "ClusterRole") =>
    ({
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: role },
      subjects: [subject(group)],
    }) as KubeObject;
  const bind = async (object: KubeObject) => {
    const metadata = { ...object.metadata, namespace: world.names.serving };
    await world.installation.admin.create<KubeObject>(roleBindingType, { ...object, metadata });
  };

  it("finds nothing in what Kubernetes brings, and nothing about the people that the spec names", () => {
    for (const profile of ["experiment", "serving"] as const) {
      assert.deepEqual(of(profile), []);
      const brought = /^ClusterRoleBinding\/(cluster-admin|kubeadm:|system:|mlsecops-)/;
      assert.deepEqual(
        all(profile).filter(({ binding }) => brought.test(binding)),
        [],
      );
    }
  });

  it("names edit and admin by what the API server has put into them", async () => {
    await bind(bound("old-admin", "admin", "devs"));
    await bind(bound("old-edit", "edit", "devs"));
    await bind(bound("old-view", "view", "devs"));
    await until(() => of("serving").length === 2, withinMs);
    const [admin, edit] = of("serving");
    assert.deepEqual([admin?.binding, admin?.subjects], ["RoleBinding/old-admin", "Group devs"]);
    assert.deepEqual([edit?.binding, edit?.subjects], ["RoleBinding/old-edit", "Group devs"]);
    for (const right of [
      "impersonate serviceaccounts",
      "create serviceaccounts/token",
      "get/list/watch secrets",
      "pods/exec",
      "write networkpolicies",
      "write securemodels",
    ])
      assert.ok(edit?.allows.includes(right), `${right}: ${edit?.allows ?? ""}`);
    assert.match(admin?.allows ?? "", /create\/update\/patch roles, rolebindings/);
    assert.deepEqual(of("experiment"), []);
  });

  it("names a Role as soon as it gives something, and no longer than it does", async () => {
    const { admin } = world.installation;
    const at = { name: "late", namespace: world.names.serving };
    await bind(bound("late", "late", "devs", "Role"));
    woken.clear();
    await admin.create<KubeObject>(roleType, {
      metadata: at,
      rules: [{ apiGroups: [""], resources: ["pods/exec"], verbs: ["create"] }],
    } as KubeObject);
    await until(() => woken.has(world.names.serving), withinMs);
    assert.equal(of("serving").find(({ binding }) => binding === "RoleBinding/late")?.allows, "create pods/exec");
    await admin.remove(roleType, at);
    await until(() => of("serving").length === 2, withinMs);
  });

  it("names what is bound for the whole cluster in every namespace, and not whom the cluster expects", async () => {
    const { admin } = world.installation;
    woken.clear();
    for (const name of Object.values(world.names)) view.of(name);
    await admin.create<KubeObject>(clusterRoleType, {
      metadata: { name: cluster },
      rules: [{ apiGroups: [""], resources: ["users", "secrets"], verbs: ["impersonate", "get"] }],
    } as KubeObject);
    await admin.create<KubeObject>(clusterRoleBindingType, bound(cluster, cluster, "system:authenticated"));
    await until(() => woken.has(world.names.serving) && woken.has(world.names.experiment), withinMs);
    assert.deepEqual(of("experiment"), [
      {
        binding: `ClusterRoleBinding/${cluster}`,
        subjects: "Group system:authenticated",
        allows: "impersonate users; get secrets",
      },
    ]);
    const expected = { ...bound(cluster, cluster, "people-platform"), subjects: [subject("people-platform")] };
    await admin.apply(clusterRoleBindingType, expected, { fieldManager: "test", force: true });
    await until(() => of("experiment").length === 0, withinMs);
  });
});
