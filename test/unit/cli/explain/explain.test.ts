import assert from "node:assert/strict";
import { known } from "../../../../src/cli/ask.ts";
import { exitStatus, outcomeOf, parseTarget } from "../../../../src/cli/explain/decide.ts";
import type { ModelFacts, NamespaceFacts } from "../../../../src/cli/explain/gather.ts";
import { modelTree } from "../../../../src/cli/explain/model.ts";
import { namespaceTree } from "../../../../src/cli/explain/namespace.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { node, tree } from "../../../../src/cli/render/tree.ts";
import { digest, later, now } from "../../trust/support/build.ts";
import { condition, model, secured, trustPolicy, verified } from "../objects.ts";

const key = { inline: "-----BEGIN PUBLIC KEY-----" };
const policy = trustPolicy({
  authorities: [
    { name: "release", key },
    { name: "audit", key },
  ],
});
const other = trustPolicy({ scope: { references: ["other.example.com/**"] } }, "elsewhere");

function facts(changes: Partial<ModelFacts> = {}): ModelFacts {
  const notAfter = later(1000).toISOString();
  const grantors = [{ kind: "SecureModel" as const, name: "iris", notAfter }];
  return {
    model: model(),
    revisions: known({ objects: [], unreadable: [] }),
    policies: known({ objects: [policy, other], unreadable: [] }),
    secured: known(secured()),
    grant: known({ digests: { [digest]: { imageVolume: { notAfter, grantors } } }, revisions: {} }),
    pods: known([]),
    ...changes,
  };
}

describe("mlsecops explain", () => {
  const show = (changes?: Partial<ModelFacts>) => tree(modelTree(facts(changes), undefined, now), noPaint);

  it("reads from the reference to the conditions", () => {
    const text = show();
    const order = [
      "reference ",
      "digest ",
      "verdict Verified",
      "policy signed",
      "granted until",
      "revisions",
      "pods",
      "conditions",
    ];
    const places = order.map((part) => text.indexOf(part));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      text,
    );
    assert.ok(!places.includes(-1), text);
  });

  const table: readonly (readonly [string, Partial<ModelFacts>, RegExp])[] = [
    ["who vouches", {}, /\[ok\] authority release vouches\n.*key sha256:f+, at a time that is not proven\n/],
    ["who does not", {}, /─ authority audit does not vouch\n/],
    ["why a policy has no say", {}, /policy elsewhere \(generation 1\) has no say: its scope is other\.example\.com/],
    [
      "a policy that is required and missing",
      { model: model({}, { policies: [{ name: "absent" }] }) },
      /\[no\] policy absent is required/,
    ],
    [
      "no policy",
      { policies: known({ objects: [other], unreadable: [] }) },
      /\[no\] no policy in mode Enforce covers it/,
    ],
    ["policies that cannot be read", { policies: { state: "unknown", reason: "403" } }, /\[\?\?\] policies: 403/],
    ["no grant", { grant: { state: "absent" } }, /\[no\] grant: the namespace has no AdmissionGrant/],
    [
      "a grant that has ended",
      { grant: known({ digests: {}, revisions: {} }) },
      /\[no\] the model sha256:a+ as imageVolume: not granted/,
    ],
    [
      "an ended verdict",
      { model: model({ verdict: { ...verified, notAfter: now.toISOString() } }) },
      /\[no\] valid until /,
    ],
    [
      "a verdict that names nobody",
      { model: model({ verdict: { outcome: "Rejected", reason: "NoSignature", message: "none" } }) },
      /\[\?\?\] authority release is not known to vouch\n.*--refresh asks the registry/,
    ],
    [
      "a tag that was never resolved",
      { model: { ...model(), status: { conditions: [condition("Ready", "False")] } } },
      /\[\?\?\] it has not been resolved to a digest/,
    ],
  ];
  for (const [what, changes, text] of table)
    it(`shows ${what}`, () => {
      assert.match(show(changes), text);
    });

  it("shows a namespace's images with their verdicts and grants", () => {
    const image = { name: "tool", reference: "registry.example.com/models/tool:v1", uses: ["container", "init"] };
    const entry = { name: "tool", reference: image.reference, verdict: verified };
    const namespace = secured(
      { images: [entry], ungrantedPods: { count: 1, examples: [{ name: "p", problem: "why" }] } },
      { allowedImages: [image] },
    );
    const { policies, grant, pods } = facts();
    const of: NamespaceFacts = { namespace, policies, grant, pods, secured: known(namespace) };
    const text = tree(namespaceTree(of, new Map(), now), noPaint);
    assert.match(text, /^SecureNamespace prod \(experiment, Audit\)\n├─ allowed image tool: reference /);
    assert.match(text, /\[no\] grant as init: not granted/);
    assert.match(text, /\[\?\?\] pods: 1 that run would not be admitted now\n/);
  });

  it("shows what opens a namespace, with the pods behind it, and which bindings give too much", () => {
    const example = {
      ...{ apiVersion: "v1", kind: "Service", name: "door", reason: "NodePort", allows: "ingress from everybody" },
      pods: { count: 7, examples: ["web-1", "web-2"] },
    };
    const binding = { binding: "RoleBinding/all", subjects: "group all", allows: "create pods/exec" };
    const status = {
      breaches: { count: 3, examples: [example] },
      access: { count: 1, examples: [binding] },
      ungrantedPods: { count: 0, examples: [] },
    };
    const { policies, grant, pods } = facts();
    const show = (enforcement: string) => {
      const namespace = secured(status, { enforcement });
      return tree(
        namespaceTree({ namespace, policies, grant, pods, secured: known(namespace) }, new Map(), now),
        noPaint,
      );
    };
    assert.match(
      show("Enforce"),
      /\[no\] breaches: 3 objects .*\n.*NodePort: Service door: ingress from everybody\n.*7 pods: web-1, web-2 and more\n.*and 2 more/,
    );
    assert.match(show("Enforce"), /\[no\] access: 1 bindings .*\n.*RoleBinding\/all: group all: create pods\/exec/);
    assert.match(show("Audit"), /\[\?\?\] breaches: 3/);
  });

  it("does not blame a namespace for being in Audit", () => {
    const conditions = [condition("Ready", "True", "Audit"), condition("Enforced", "False", "Audit")];
    const namespace = secured({
      conditions,
      ungrantedPods: { count: 0, examples: [] },
      breaches: { count: 0, examples: [] },
    });
    const { policies, grant, pods } = facts();
    const of: NamespaceFacts = { namespace, policies, grant, pods, secured: known(namespace) };
    assert.equal(outcomeOf(namespaceTree(of, new Map(), now)), "good");
  });

  it("is as good as the worst fact", () => {
    const [good, bad, unknown] = [node("a", "good"), node("b", "bad"), node("c", "unknown")];
    const table = [
      [[good], 0],
      [[good, unknown], 3],
      [[unknown, node("d", "plain", [bad])], 1],
    ] as const;
    for (const [children, status] of table) {
      const outcome = outcomeOf(node("root", "plain", children));
      assert.equal(exitStatus({ outcome }), status);
    }
  });

  it("takes objects as kubectl does", () => {
    assert.deepEqual(parseTarget("smodel/iris"), { kind: "SecureModel", name: "iris" });
    assert.deepEqual(parseTarget("SecureNamespace/prod"), { kind: "SecureNamespace", name: "prod" });
    for (const text of ["iris", "pod/iris", "smodel/", "smodel/../x", "constructor/x", "smodel/a/b"])
      assert.equal(parseTarget(text), undefined, text);
  });
});
