import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type PolicyRule, peopleBindings, peopleRoles, peopleRules } from "../../../src/access/index.ts";
import { peopleBindingName, peopleRoleName } from "../../../src/admission/index.ts";
import { type PersonRole, type Profile, SecureNamespaceSpec } from "../../../src/api/index.ts";

function may(profile: Profile, role: PersonRole, verb: string, resource: string): boolean {
  return peopleRules(profile, role).some(
    ({ resources = [], verbs }) => resources.includes(resource) && verbs.includes(verb),
  );
}

describe("roles of people", () => {
  const everyRule = peopleRoles.flatMap(({ profile, role }) => [...peopleRules(profile, role)]);

  it("name what they give: no wildcard, no name of an object, no path", () => {
    const isNamed = ({ apiGroups = [], resources = [], resourceNames, nonResourceURLs, verbs }: PolicyRule) =>
      [apiGroups, resources, verbs].every((list) => list.length > 0 && !list.includes("*")) &&
      resourceNames === undefined &&
      nonResourceURLs === undefined;
    assert.deepEqual(
      everyRule.filter((rule) => !isNamed(rule)),
      [],
    );
  });

  it("give nobody what leads to more", () => {
    const never = [
      "secrets",
      "serviceaccounts/token",
      "pods/ephemeralcontainers",
      "pods/proxy",
      "services/proxy",
      "nodes/proxy",
    ];
    assert.deepEqual(
      everyRule.filter(({ resources = [] }) => resources.some((resource) => never.includes(resource))),
      [],
    );
    const verbs = new Set(everyRule.flatMap((rule) => [...rule.verbs]));
    assert.deepEqual([...verbs].sort(), ["create", "delete", "get", "list", "patch", "update", "watch"]);
    const written = everyRule.filter((rule) => rule.verbs.some((verb) => !["get", "list", "watch"].includes(verb)));
    assert.deepEqual([...new Set(written.flatMap(({ resources = [] }) => resources))].sort(), [
      "configmaps",
      "jobs",
      "modelactions",
      "persistentvolumeclaims",
      "pods",
      "pods/attach",
      "pods/exec",
      "pods/portforward",
      "securemodels",
      "securemodels/scale",
    ]);
  });

  const table: readonly (readonly [PersonRole, string, string, readonly Profile[]])[] = [
    ["DataScientist", "create", "pods", ["experiment"]],
    ["DataScientist", "create", "pods/exec", ["experiment"]],
    ["DataScientist", "create", "jobs", ["experiment"]],
    ["DataScientist", "get", "pods/log", ["experiment", "training"]],
    ["DataScientist", "list", "modelrevisions", ["experiment", "training", "serving"]],
    ["MLEngineer", "create", "securemodels", ["serving"]],
    ["MLEngineer", "update", "securemodels/scale", ["serving"]],
    ["MLEngineer", "create", "jobs", ["training"]],
    ["MLEngineer", "get", "pods/log", ["experiment", "training", "serving"]],
    ["MLEngineer", "create", "pods/exec", []],
    ["MLEngineer", "create", "pods", []],
    ["MLEngineer", "create", "modelactions", []],
    ["Auditor", "list", "admissiongrants", ["experiment", "training", "serving"]],
    ["Auditor", "get", "pods/log", []],
    ["Auditor", "get", "configmaps", []],
    ["Approver", "create", "modelactions", ["experiment", "training", "serving"]],
    ["Approver", "create", "securemodels", []],
    ["Approver", "get", "pods", []],
  ];
  for (const [role, verb, resource, profiles] of table)
    it(`let a ${role} ${verb} ${resource} in ${profiles.join(", ") || "no profile"}`, () => {
      const found = (["experiment", "training", "serving"] as const).filter((one) => may(one, role, verb, resource));
      assert.deepEqual(found, profiles);
    });

  it("leave modelactions to approvers", () => {
    for (const { profile, role } of peopleRoles)
      assert.equal(may(profile, role, "create", "modelactions"), role === "Approver");
  });

  for (const file of ["charts/mlsecops-operator/templates/rbac.yaml", "manifests/install/operator.yaml"])
    it(`are what the operator may bind, by name, in ${file}`, async () => {
      const text = await readFile(file, "utf8");
      const roles = peopleRoles.map(({ profile, role }) => peopleRoleName(profile, role));
      const bindings = new Set(peopleRoles.map(({ role }) => peopleBindingName(role)));
      assert.deepEqual([...namesIn(text, "clusterroles")].sort(), ["mlsecops-operator-workloads", ...roles].sort());
      assert.deepEqual([...namesIn(text, "rolebindings")].sort(), ["mlsecops-operator-workloads", ...bindings].sort());
    });
});

/** The names in those rules of the file that are about this resource and are limited to names. */
function namesIn(text: string, resource: string): readonly string[] {
  const rules = text.split(/^ {2}- apiGroups/m).filter((one) => one.includes(`    resources: [${resource}]\n`));
  return rules.flatMap((one) => [...one.matchAll(/^ {6}- (.*)$/gm)].map(([, name = ""]) => name));
}

describe("bindings of people", () => {
  const spec = SecureNamespaceSpec.parse({
    profile: "serving",
    enforcement: "Audit",
    people: [
      { role: "MLEngineer", groups: ["fraud-team", "ml"], users: ["jane@example.com"] },
      { role: "Approver", users: ["bo@example.com"] },
    ],
  });

  it("bind each role of the spec to whom it names, by the profile", () => {
    const bindings = peopleBindings("fraud", spec);
    const apiGroup = "rbac.authorization.k8s.io";
    assert.deepEqual(
      bindings.map(({ metadata, roleRef, subjects }) => [metadata.name, roleRef.name, subjects]),
      [
        [
          "mlsecops-ml-engineer",
          "mlsecops-serving-ml-engineer",
          [
            { kind: "Group", apiGroup, name: "fraud-team" },
            { kind: "Group", apiGroup, name: "ml" },
            { kind: "User", apiGroup, name: "jane@example.com" },
          ],
        ],
        ["mlsecops-approver", "mlsecops-serving-approver", [{ kind: "User", apiGroup, name: "bo@example.com" }]],
      ],
    );
    assert.deepEqual(bindings[0]?.metadata, {
      name: "mlsecops-ml-engineer",
      namespace: "fraud",
      labels: { "app.kubernetes.io/managed-by": "mlsecops-operator", "mlsecops.io/wall": "fraud" },
    });
  });

  it("are none where the spec names nobody", () => {
    assert.deepEqual(peopleBindings("fraud", { ...spec, people: [] }), []);
  });
});
