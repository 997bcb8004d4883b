import assert from "node:assert/strict";
import { KubeConfig } from "@kubernetes/client-node";
import { type PersonRole, type Profile, personRoles } from "../../../src/api/index.ts";
import { type KubeObject, isKubeError, roleBindingType, serviceAccountType } from "../../../src/kube/index.ts";
import { connect, eventually, loadKubeConfig } from "../kube/support.ts";
import { type Attempt, PeopleWorld, grantedDigest, groupOf, tryOut } from "./support/people.ts";

const core = (namespace: string) => `/api/v1/namespaces/${namespace}`;
const ours = (namespace: string) => `/apis/mlsecops.io/v1alpha1/namespaces/${namespace}`;
const rbac = (namespace: string) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;

/** What people try, by the name that the table below has for it. */
const attempts = {
  readPods: (ns) => ({ method: "GET", path: `${core(ns)}/pods` }),
  createPods: (ns) => ({ method: "POST", path: `${core(ns)}/pods` }),
  deletePods: (ns) => ({ method: "DELETE", path: `${core(ns)}/pods/none` }),
  debugPods: (ns) => ({ method: "PATCH", path: `${core(ns)}/pods/none/ephemeralcontainers` }),
  logs: (ns) => ({ method: "GET", path: `${core(ns)}/pods/none/log` }),
  exec: (ns) => ({ method: "POST", path: `${core(ns)}/pods/none/exec?command=true&stdout=true` }),
  attach: (ns) => ({ method: "POST", path: `${core(ns)}/pods/none/attach?stdout=true` }),
  portForward: (ns) => ({ method: "POST", path: `${core(ns)}/pods/none/portforward?ports=80` }),
  proxy: (ns) => ({ method: "GET", path: `${core(ns)}/pods/none/proxy/` }),
  readConfigMaps: (ns) => ({ method: "GET", path: `${core(ns)}/configmaps` }),
  writeConfigMaps: (ns) => ({ method: "POST", path: `${core(ns)}/configmaps` }),
  writeVolumes: (ns) => ({ method: "POST", path: `${core(ns)}/persistentvolumeclaims` }),
  writeJobs: (ns) => ({ method: "POST", path: `/apis/batch/v1/namespaces/${ns}/jobs` }),
  writeDeployments: (ns) => ({ method: "POST", path: `/apis/apps/v1/namespaces/${ns}/deployments` }),
  readModels: (ns) => ({ method: "GET", path: `${ours(ns)}/securemodels` }),
  writeModels: (ns) => ({ method: "POST", path: `${ours(ns)}/securemodels` }),
  scaleModels: (ns) => ({ method: "PATCH", path: `${ours(ns)}/securemodels/none/scale` }),
  readGrants: (ns) => ({ method: "GET", path: `${ours(ns)}/admissiongrants` }),
  writeGrants: (ns) => ({ method: "POST", path: `${ours(ns)}/admissiongrants` }),
  approve: (ns) => ({ method: "POST", path: `${ours(ns)}/modelactions` }),
  readBindings: (ns) => ({ method: "GET", path: `${rbac(ns)}/rolebindings` }),
  bind: (ns) => ({ method: "POST", path: `${rbac(ns)}/rolebindings`, body: adminBinding(ns) }),
  writeRoles: (ns) => ({ method: "POST", path: `${rbac(ns)}/roles` }),
  readSecrets: (ns) => ({ method: "GET", path: `${core(ns)}/secrets` }),
  writeSecrets: (ns) => ({ method: "POST", path: `${core(ns)}/secrets` }),
  makeTokens: (ns) => ({ method: "POST", path: `${core(ns)}/serviceaccounts/default/token` }),
  writeAccounts: (ns) => ({ method: "POST", path: `${core(ns)}/serviceaccounts` }),
  writeWalls: (ns) => ({ method: "POST", path: `/apis/networking.k8s.io/v1/namespaces/${ns}/networkpolicies` }),
  writeQuotas: (ns) => ({ method: "POST", path: `${core(ns)}/resourcequotas` }),
  changeNamespace: (ns) => ({ method: "PATCH", path: core(ns) }),
  changeSecureNamespace: (ns) => ({ method: "PATCH", path: `/apis/mlsecops.io/v1alpha1/securenamespaces/${ns}` }),
} as const satisfies Readonly<Record<string, (namespace: string) => Attempt>>;
type Name = keyof typeof attempts;

const follow: readonly Name[] = ["readPods", "logs", "readConfigMaps", "readModels", "readGrants"];
const work: readonly Name[] = ["writeConfigMaps", "writeVolumes", "writeJobs"];
const audit: readonly Name[] = ["readPods", "readModels", "readGrants", "readBindings"];
const approve: readonly Name[] = ["readModels", "readGrants", "approve"];
const enter: readonly Name[] = ["exec", "attach", "portForward"];

/** All else is forbidden. */
const allowed: Readonly<Record<Profile, Readonly<Record<PersonRole, readonly Name[]>>>> = {
  experiment: {
    DataScientist: [...follow, ...work, ...enter, "createPods", "deletePods"],
    MLEngineer: follow,
    Auditor: audit,
    Approver: approve,
  },
  training: {
    DataScientist: follow,
    MLEngineer: [...follow, ...work, "deletePods"],
    Auditor: audit,
    Approver: approve,
  },
  serving: {
    DataScientist: ["readModels"],
    MLEngineer: [...follow, "writeModels", "scaleModels"],
    Auditor: audit,
    Approver: approve,
  },
};

function adminBinding(namespace: string): KubeObject {
  return {
    metadata: { name: "more", namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "admin" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "me" }],
  } as KubeObject;
}

describe("people in a namespace", function () {
  this.timeout(120_000);
  const world = new PeopleWorld();
  before(() => world.set());
  after(() => world.strike());

  for (const profile of ["experiment", "training", "serving"] as const)
    for (const role of personRoles)
      it(`${profile}: a ${role} may do what the role says, and nothing else`, async () => {
        const names = Object.keys(attempts) as Name[];
        const found = await Promise.all(
          names.map(async (name) => [name, await world.as(role, attempts[name](world.names[profile]))] as const),
        );
        const through = found.flatMap(([name, outcome]) => (outcome === "Forbidden" ? [] : name));
        assert.deepEqual(through.sort(), [...allowed[profile][role]].sort());
      });

  it("a person of one namespace is nobody in another", async () => {
    for (const role of personRoles)
      assert.equal(await world.as(role, { method: "GET", path: `${core("default")}/pods` }), "Forbidden");
  });

  describe("who tries to become more", () => {
    /** A token that has the rights of an MLEngineer in serving, as a workload elsewhere would have them. */
    let engineer: ReturnType<typeof connect>;
    const account = { namespace: "default", name: "people-engineer" };

    before(async () => {
      const { admin } = world.installation;
      await admin.apply(serviceAccountType, { metadata: account }, { fieldManager: "test" });
      const role = "mlsecops-serving-ml-engineer";
      const bound = {
        metadata: { name: "engineer", namespace: world.names.serving },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
        subjects: [{ kind: "ServiceAccount", ...account }],
      };
      await admin.create<KubeObject>(roleBindingType, bound);
      const { body } = await world.installation.transport.request({
        method: "POST",
        path: `${core(account.namespace)}/serviceaccounts/${account.name}/token`,
        headers: { "content-type": "application/json" },
        body: "{}",
        verb: "create",
        resource: "serviceaccounts",
        idempotent: true,
      });
      const { status } = JSON.parse(body) as { status: { token: string } };
      const cluster = loadKubeConfig().getCurrentCluster();
      assert.ok(cluster);
      const config = new KubeConfig();
      config.loadFromClusterAndUser(cluster, { name: "engineer", token: status.token });
      engineer = connect(config);
      const reads = { method: "GET", path: `${ours(world.names.serving)}/securemodels` } as const;
      await eventually(async () => assert.equal(await tryOut(engineer, reads), "Allowed"));
    });
    after(async () => {
      engineer.close();
      await world.installation.admin.remove(serviceAccountType, account);
    });

    it("cannot impersonate a user, a group, or another ServiceAccount", async () => {
      const reads = { method: "GET", path: `${core(world.names.serving)}/secrets` } as const;
      for (const headers of [
        { "impersonate-user": "admin" },
        { "impersonate-user": "someone", "impersonate-group": "system:masters" },
        { "impersonate-user": `system:serviceaccount:${world.names.serving}:default` },
      ])
        assert.equal(await tryOut(engineer, reads, headers), "Forbidden");
    });

    it("cannot bind a role, not even their own", async () => {
      const own = { ...adminBinding(world.names.serving), roleRef: roleRef("mlsecops-serving-ml-engineer") };
      for (const body of [adminBinding(world.names.serving), own])
        assert.equal(
          await tryOut(engineer, { method: "POST", path: `${rbac(world.names.serving)}/rolebindings`, body }),
          "Forbidden",
        );
    });
  });

  describe("who has edit or admin there", () => {
    before(async () => {
      for (const namespace of [world.names.experiment, world.names.serving])
        for (const role of ["edit", "admin"])
          await world.installation.admin.create<KubeObject>(roleBindingType, {
            metadata: { name: `old-${role}`, namespace },
            roleRef: roleRef(role),
            subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: `old-${role}` }],
          } as KubeObject);
      const reads = { method: "GET", path: `${core(world.names.serving)}/secrets` } as const;
      await eventually(async () => assert.equal(await world.asMember("old-edit", reads), "Allowed"));
    });

    const closed: readonly (readonly [string, Profile, (namespace: string) => Attempt, RegExp])[] = [
      [
        "make a token of another ServiceAccount",
        "experiment",
        attempts.makeTokens,
        /tokens of ServiceAccounts are only for pods/,
      ],
      [
        "make a Secret with a token",
        "experiment",
        (ns) => ({
          method: "POST",
          path: `${core(ns)}/secrets`,
          body: {
            metadata: { name: "token", annotations: { "kubernetes.io/service-account.name": "default" } },
            type: "kubernetes.io/service-account-token",
          },
        }),
        /service-account-token never end/,
      ],
      ["exec into a serving pod", "serving", attempts.exec, /exec, attach, port-forward.*closed/],
      ["attach to a serving pod", "serving", attempts.attach, /exec, attach, port-forward.*closed/],
      ["port-forward to a serving pod", "serving", attempts.portForward, /exec, attach, port-forward.*closed/],
    ];
    for (const [what, profile, attempt, refusal] of closed)
      it(`cannot ${what}`, async () => {
        for (const group of ["old-edit", "old-admin"])
          await eventually(async () => {
            const outcome = await world.asMember(group, attempt(world.names[profile]));
            assert.match(typeof outcome === "string" ? outcome : outcome.refused, refusal);
          });
      });

    const podWith = (spec: object) => (namespace: string) =>
      ({
        method: "POST",
        path: `${core(namespace)}/pods`,
        body: {
          metadata: { name: "p" },
          spec: { containers: [{ name: "main", image: `a@${grantedDigest}` }], ...spec },
        },
      }) as const;
    const projected = (token: object) => ({
      automountServiceAccountToken: false,
      volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "token", ...token } }] } }],
    });
    const pods: readonly (readonly [string, object, RegExp | undefined])[] = [
      [
        "the API server's token, as they ask",
        { automountServiceAccountToken: true },
        /pods do not talk to the API server/,
      ],
      ["the API server's token, as the ServiceAccount says", {}, /must be for somebody else than the API server/],
      ["a projected token without an audience", projected({}), /must be for somebody else than the API server/],
      [
        "a projected token for the API server by name",
        projected({ audience: "https://kubernetes.default.svc" }),
        /must be for somebody else than the API server/,
      ],
      ["a token for a cloud", projected({ audience: "sts.amazonaws.com" }), undefined],
      ["no token", { automountServiceAccountToken: false }, undefined],
    ];
    for (const [what, spec, refusal] of pods)
      it(`${refusal === undefined ? "may" : "cannot"} start a pod with ${what}`, async () => {
        const outcome = await world.asMember("old-edit", podWith(spec)(world.names.experiment));
        const said = typeof outcome === "string" ? outcome : outcome.refused;
        assert.notEqual(said, "Forbidden");
        if (refusal === undefined) assert.doesNotMatch(said, /mlsecops-tokens/);
        else assert.match(said, refusal);
      });
  });

  describe("the operator", () => {
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: groupOf("Auditor") }];
    const cases: readonly (readonly [
      string,
      Partial<{ name: string; role: string; subjects: object[]; in: string }>,
    ])[] = [
      ["another name", { name: "mlsecops-other" }],
      ["another role of people", { role: "mlsecops-serving-approver" }],
      ["a role of Kubernetes", { role: "view" }],
      ["a ServiceAccount", { subjects: [{ kind: "ServiceAccount", name: "default", namespace: "default" }] }],
      ["everybody", { subjects: [{ ...subjects[0], name: "system:authenticated" }] }],
      ["somebody in a system namespace", { in: "kube-system" }],
      ["somebody in its own namespace", { in: "mlsecops-system" }],
    ];
    for (const [what, change] of cases)
      it(`cannot bind ${what}`, async () => {
        const { name = "mlsecops-auditor", role = "mlsecops-serving-auditor" } = change;
        const object = {
          metadata: { name, namespace: change.in ?? world.names.serving },
          roleRef: roleRef(role),
          subjects: change.subjects ?? subjects,
        } as KubeObject;
        await assert.rejects(
          world.operator.apply(roleBindingType, object, { fieldManager: "test", dryRun: true }),
          (error) => isKubeError(error, "Forbidden", "Invalid"),
        );
      });
  });
});

function roleRef(name: string) {
  return { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
}
