import assert from "node:assert/strict";
import { admissionPolicies } from "../../../src/admission/index.ts";
import { crdOf } from "../../../src/api/generate/crd.ts";
import { kinds } from "../../../src/api/index.ts";

interface Rule {
  readonly expression?: string;
  readonly rule?: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

interface PolicySpec {
  readonly failurePolicy: string;
  readonly paramKind?: { readonly kind: string };
  readonly matchConstraints: {
    readonly namespaceSelector: { readonly matchExpressions?: readonly { key: string; operator: string }[] };
  };
  readonly validations: readonly Rule[];
}

interface BindingSpec {
  readonly validationActions: readonly string[];
  readonly paramRef?: { readonly parameterNotFoundAction: string; readonly selector?: object };
}

const identity = { namespace: "mlsecops-system", serviceAccount: "mlsecops-operator" };
const all = admissionPolicies(identity);
const policies = all.flatMap(({ kind, metadata, spec }) =>
  kind === "ValidatingAdmissionPolicy" ? [{ name: metadata.name, spec: spec as unknown as PolicySpec }] : [],
);
const bindings = all.flatMap(({ kind, metadata, spec }) =>
  kind === "ValidatingAdmissionPolicyBinding" ? [{ name: metadata.name, spec: spec as unknown as BindingSpec }] : [],
);

/** What a refusal has to have: a thing of the object that it is about, and what to do or what holds instead. */
const namesSomething =
  /image|container|command|volume|namespace|label|pod|workload|ServiceAccount|AdmissionGrant|ClusterRole|RoleBinding|exec|metadata\.|spec\.|[a-z]+[A-Z][a-z]+/;
const saysWhatToDo =
  /for example|\b(use|write|change|create|describe|have|add|see|delete|read|scale|set|give|name|choose|put|remove|make|ask|leave|move|only|must|not allowed|never|one)\b/i;

function checkMessage(where: string, text: string, names = namesSomething): void {
  assert.ok(text.length >= 20, `${where}: "${text}" says too little`);
  assert.doesNotMatch(text, /\n/, `${where}: the API server drops a message of several lines`);
  assert.match(text, names, `${where}: "${text}" names nothing of the object`);
  assert.match(text, saysWhatToDo, `${where}: "${text}" does not say what to do`);
}

/** The schema's rules, with the path of the field that each is written at. */
function celRules(schema: unknown, path: string): { path: string; rule: Rule }[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === "x-kubernetes-validations"
      ? (value as Rule[]).map((rule) => ({ path, rule }))
      : celRules(value, `${path}.${key}`),
  );
}

describe("Admission policies", () => {
  for (const { name, spec } of policies)
    it(`${name} says in each refusal what it is about and what to do`, () => {
      for (const { message, messageExpression, expression } of spec.validations) {
        // The literals of an expression are what is always said.
        const literals = [...(messageExpression ?? "").matchAll(/'((?:[^'\\]|\\.)*)'/g)]
          .map(([, text]) => text)
          .join("");
        checkMessage(`${name}: ${expression ?? ""}`, message ?? literals);
      }
    });

  it("refuse on an error, but for the one that a missing CRD would turn against every other namespace", () => {
    for (const { name, spec } of policies)
      assert.equal(spec.failurePolicy, name === "mlsecops-labels-awaited" ? "Ignore" : "Fail", name);
  });

  it("reach no namespace without the label with a parameter whose CRD may be missing", () => {
    for (const { name, spec } of policies) {
      if (spec.paramKind === undefined || spec.failurePolicy === "Ignore") continue;
      const label = spec.matchConstraints.namespaceSelector.matchExpressions?.find(
        ({ key }) => key === "mlsecops.io/enforcement",
      );
      assert.equal(label?.operator, "Exists", name);
    }
  });

  it("never refuse in Audit, not even for a missing grant, and refuse for one in Enforce", () => {
    for (const { name, spec } of bindings) {
      const audit = name.endsWith("-audit");
      assert.deepEqual(spec.validationActions, audit ? ["Warn", "Audit"] : ["Deny"], name);
      // Those of which there may be none at all are selected, not named.
      if (spec.paramRef === undefined || spec.paramRef.selector !== undefined) continue;
      assert.equal(spec.paramRef.parameterNotFoundAction, audit ? "Allow" : "Deny", name);
    }
  });
});

describe("CEL rules of the kinds", () => {
  for (const kind of kinds)
    it(`${kind.resource.kind}: each has a message that says what to do`, () => {
      // The API server puts the field's path before the message.
      const found = celRules(crdOf(kind), kind.resource.kind);
      assert.ok(found.length > 0);
      for (const { path, rule } of found) checkMessage(`${path}: ${rule.rule ?? ""}`, rule.message ?? "", /./);
    });
});
