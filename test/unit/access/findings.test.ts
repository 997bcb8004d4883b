import assert from "node:assert/strict";
import {
  type AccessExpectation,
  type BindingObject,
  type LivingAccess,
  type PolicyRule,
  type Subject,
  accessFindings,
  peopleBindings,
  peopleRoles,
  peopleRules,
} from "../../../src/access/index.ts";
import { peopleRoleName } from "../../../src/admission/index.ts";
import { type Profile, SecureNamespaceSpec } from "../../../src/api/index.ts";

const identity = { namespace: "mlsecops-system", serviceAccount: "mlsecops-operator" };
const rule = (apiGroup: string, resource: string, verbs: readonly string[]): PolicyRule => ({
  apiGroups: [apiGroup],
  resources: [resource],
  verbs,
});
const group = (name: string): Subject => ({ kind: "Group", name });
const user = (name: string): Subject => ({ kind: "User", name });
const account = (namespace: string, name: string): Subject => ({ kind: "ServiceAccount", namespace, name });
const everything: PolicyRule = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] };

function binding(name: string, role: string, ...subjects: readonly Subject[]): BindingObject {
  return {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects,
  };
}

function living(parts: Partial<LivingAccess> & { readonly roles?: Readonly<Record<string, readonly PolicyRule[]>> }) {
  const roles: Readonly<Record<string, readonly PolicyRule[]>> = {
    "cluster-admin": [everything],
    ...Object.fromEntries(
      peopleRoles.map(({ profile, role }) => [peopleRoleName(profile, role), peopleRules(profile, role)]),
    ),
    ...parts.roles,
  };
  return {
    roleBindings: [],
    clusterRoleBindings: [],
    rules: (_kind: string, name: string) => roles[name],
    ...parts,
  } satisfies LivingAccess;
}

function expectation(profile: Profile, people: unknown = [], expected = {}): AccessExpectation {
  return {
    spec: SecureNamespaceSpec.parse({ profile, enforcement: "Audit", people }),
    identity,
    expected: { groups: [], users: [], serviceAccounts: [], ...expected },
  };
}

/** What one RoleBinding with these rules, or a ClusterRoleBinding with them, allows. */
function allows(rules: readonly PolicyRule[], scope: "RoleBinding" | "ClusterRoleBinding" = "RoleBinding") {
  const bindings = [binding("b", "r", group("devs"))];
  const parts = scope === "RoleBinding" ? { roleBindings: bindings } : { clusterRoleBindings: bindings };
  return accessFindings(living({ ...parts, roles: { r: rules } }), expectation("serving")).examples[0]?.allows;
}

describe("findings about access", () => {
  describe("name what a binding gives", () => {
    const rbac = "rbac.authorization.k8s.io";
    const table: readonly (readonly [string, readonly PolicyRule[], string | undefined, string | undefined])[] = [
      ["everything", [everything], "everything", "everything"],
      ["reading of what is no secret", [rule("", "pods", ["get", "list", "watch"])], undefined, undefined],
      ["reading of Secrets", [rule("", "secrets", ["get", "list"])], "get/list secrets", "get/list secrets"],
      [
        "impersonation",
        [rule("", "users", ["impersonate"]), rule("", "serviceaccounts", ["impersonate"])],
        "impersonate serviceaccounts",
        "impersonate serviceaccounts; impersonate users",
      ],
      [
        "impersonation of a limited kind",
        [rule("", "serviceaccounts", ["impersonate:serviceaccount"])],
        "impersonate serviceaccounts",
        "impersonate serviceaccounts",
      ],
      ["binding", [rule(rbac, "clusterroles", ["bind"])], "bind clusterroles", "bind clusterroles"],
      ["escalation", [rule(rbac, "roles", ["escalate"])], "escalate roles", "escalate roles"],
      [
        "writing of RoleBindings",
        [rule(rbac, "rolebindings", ["create"])],
        "create rolebindings",
        "create rolebindings",
      ],
      ["writing of ClusterRoles", [rule(rbac, "clusterroles", ["patch"])], undefined, "patch clusterroles"],
      [
        "tokens of others",
        [rule("", "serviceaccounts/token", ["create"])],
        "create serviceaccounts/token",
        "create serviceaccounts/token",
      ],
      ["exec", [rule("", "pods/exec", ["create"])], "create pods/exec", "create pods/exec"],
      ["every exec", [rule("", "*/exec", ["create"])], "create pods/exec", "create pods/exec"],
      [
        "debugging",
        [rule("", "pods/ephemeralcontainers", ["patch"])],
        "patch pods/ephemeralcontainers",
        "patch pods/ephemeralcontainers",
      ],
      ["the kubelet's API", [rule("", "nodes/proxy", ["get"])], undefined, "get nodes/proxy"],
      ["writing of pods", [rule("", "pods", ["create", "update", "patch", "delete"])], "write pods", "write pods"],
      ["deletion of all pods", [rule("", "pods", ["deletecollection"])], "delete pods", "delete pods"],
      ["writing of workloads", [rule("apps", "deployments", ["create"])], "create deployments", "create deployments"],
      [
        "writing of the same name in another group",
        [rule("example.com", "deployments", ["create"])],
        undefined,
        undefined,
      ],
      [
        "writing of walls",
        [rule("networking.k8s.io", "networkpolicies", ["*"])],
        "write networkpolicies",
        "write networkpolicies",
      ],
      ["writing of quotas", [rule("", "resourcequotas", ["update"])], "update resourcequotas", "update resourcequotas"],
      [
        "writing of models",
        [rule("mlsecops.io", "securemodels", ["patch"])],
        "patch securemodels",
        "patch securemodels",
      ],
      ["approving", [rule("mlsecops.io", "modelactions", ["create"])], "create modelactions", "create modelactions"],
      [
        "writing of SecureNamespaces",
        [rule("mlsecops.io", "*", ["patch"])],
        "patch securemodels",
        "patch securemodels; patch securenamespaces, clustertrustpolicies",
      ],
      [
        "writing of the admission policies",
        [rule("admissionregistration.k8s.io", "validatingadmissionpolicies", ["delete"])],
        undefined,
        "delete validatingadmissionpolicies",
      ],
      [
        "some Secrets only",
        [{ ...rule("", "secrets", ["get"]), resourceNames: ["b", "a"] }],
        "get secrets named a, b",
        "get secrets named a, b",
      ],
      [
        "creation by name, which RBAC cannot",
        [{ ...rule("", "pods", ["create"]), resourceNames: ["a"] }],
        undefined,
        undefined,
      ],
      [
        "exec into one pod",
        [{ ...rule("", "pods/exec", ["create"]), resourceNames: ["a"] }],
        "create pods/exec named a",
        "create pods/exec named a",
      ],
      ["paths that are no resources", [{ nonResourceURLs: ["*"], verbs: ["*"] }], undefined, undefined],
    ];
    for (const [title, rules, inNamespace, inCluster] of table)
      it(title, () => {
        assert.equal(allows(rules), inNamespace);
        assert.equal(allows(rules, "ClusterRoleBinding"), inCluster);
      });
  });

  describe("leave out whom the cluster expects", () => {
    const expected = {
      groups: ["platform", "system:authenticated"],
      users: ["admin@example.com"],
      serviceAccounts: ["argocd/argocd-application-controller"],
    };
    const table: readonly (readonly [Subject, boolean])[] = [
      [group("system:masters"), true],
      [group("system:nodes"), true],
      [group("kubeadm:cluster-admins"), true],
      [group("platform"), true],
      [group("system:authenticated"), false],
      [group("system:unauthenticated"), false],
      [group("system:serviceaccounts"), false],
      [group("system:serviceaccounts:kube-system"), false],
      [group("fraud-team"), false],
      [user("platform"), false],
      [user("admin@example.com"), true],
      [user("system:kube-controller-manager"), true],
      [user("system:anonymous"), false],
      [account("kube-system", "generic-garbage-collector"), true],
      [user("system:serviceaccount:kube-system:generic-garbage-collector"), true],
      [account("kube-system", "default"), false],
      [account("fraud", "generic-garbage-collector"), false],
      [account("mlsecops-system", "mlsecops-operator"), true],
      [account("fraud", "mlsecops-operator"), false],
      [account("argocd", "argocd-application-controller"), true],
      [account("argocd", "argocd-server"), false],
    ];
    for (const [subject, isExpected] of table)
      it(`${subject.kind} ${subject.namespace ?? ""} ${subject.name} is ${isExpected ? "" : "not "}expected`, () => {
        const view = living({ clusterRoleBindings: [binding("b", "cluster-admin", subject)] });
        const { count } = accessFindings(view, expectation("serving", [], expected));
        assert.equal(count, isExpected ? 0 : 1);
      });
  });

  describe("compare with spec.people", () => {
    const people = [{ role: "DataScientist", groups: ["fraud-team"] }];

    for (const { profile, role } of peopleRoles)
      it(`nothing of a ${role} in ${profile} is more than that`, () => {
        const wanted = expectation(profile, [{ role, groups: ["a"], users: ["b"] }]);
        const view = living({ roleBindings: peopleBindings("fraud", wanted.spec) });
        assert.deepEqual(accessFindings(view, wanted), { count: 0, examples: [] });
      });

    it("names the same binding for whom the spec does not name", () => {
      const view = living({
        roleBindings: [binding("mine", "mlsecops-experiment-data-scientist", group("fraud-team"), group("others"))],
      });
      assert.deepEqual(accessFindings(view, expectation("experiment", people)).examples, [
        {
          binding: "RoleBinding/mine",
          subjects: "Group others",
          allows: "get/create pods/exec, pods/attach, pods/portforward; create/delete pods; write jobs",
        },
      ]);
    });

    it("names what was put into a role of ours", () => {
      const name = "mlsecops-experiment-data-scientist";
      const rules = [...peopleRules("experiment", "DataScientist"), rule("", "secrets", ["get"])];
      const wanted = expectation("experiment", people);
      const view = living({ roleBindings: peopleBindings("fraud", wanted.spec), roles: { [name]: rules } });
      assert.equal(accessFindings(view, wanted).examples[0]?.allows, "get secrets");
    });

    it("names a role of another profile", () => {
      const name = "mlsecops-experiment-data-scientist";
      const view = living({ roleBindings: [binding("b", name, group("fraud-team"))] });
      assert.match(accessFindings(view, expectation("serving", people)).examples[0]?.allows ?? "", /pods\/exec/);
    });

    it("passes over a binding without a role, and one without subjects", () => {
      const view = living({ roleBindings: [binding("a", "missing", group("x")), binding("b", "cluster-admin")] });
      assert.equal(accessFindings(view, expectation("serving")).count, 0);
    });
  });

  it("are sorted, those of the namespace first, bounded, and counted", () => {
    const many = Array.from({ length: 30 }, (_, n) =>
      binding(`b${String(30 - n).padStart(2, "0")}`, "cluster-admin", group("x")),
    );
    const view = living({ roleBindings: many, clusterRoleBindings: [binding("a", "cluster-admin", group("x"))] });
    const { count, examples } = accessFindings(view, expectation("serving"));
    assert.equal(count, 31);
    assert.equal(examples.length, 16);
    assert.equal(examples[0]?.binding, "RoleBinding/b01");
  });

  it("fit the status, however long names are", () => {
    const subjects = Array.from({ length: 40 }, (_, n) => user(`${n}-${"é".repeat(250)}`));
    const view = living({ roleBindings: [binding("x".repeat(253), "cluster-admin", ...subjects)] });
    const [found] = accessFindings(view, expectation("serving")).examples;
    assert.ok(found);
    assert.ok(found.subjects.length <= 1024 && found.binding.length <= 512);
    assert.match(found.subjects, / and 35 more$/);
  });
});
