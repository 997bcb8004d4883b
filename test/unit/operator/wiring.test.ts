import assert from "node:assert/strict";
import { contribute, emptyGrant, type GrantOwner } from "../../../src/admission/index.ts";
import type { AdmissionGrant, AdmissionGrantSpec } from "../../../src/api/index.ts";
import { modelsRestingOn } from "../../../src/operator/wiring.ts";

const iris: GrantOwner = { kind: "SecureModel", name: "iris" };
const shop: GrantOwner = { kind: "SecureNamespace", name: "shop" };
const notAfter = new Date("2030-01-01T00:00:00Z");

function granting(owner: GrantOwner, n: number, until = notAfter) {
  const uses = [{ digest: `sha256:${String(n).repeat(64)}`, use: "container" as const, notAfter: until }];
  return (grant: AdmissionGrantSpec) => contribute(grant, owner, { uses, revisions: {} });
}

function grant(spec: unknown, metadata = {}): AdmissionGrant {
  return { metadata: { name: "mlsecops", namespace: "shop", uid: "u", ...metadata }, spec } as AdmissionGrant;
}

describe("the models to which a changed grant is news", () => {
  const before = granting(iris, 1)(granting(shop, 2)(emptyGrant));
  const previous = grant(before);
  const cases: readonly [string, AdmissionGrant, readonly string[] | "All"][] = [
    ["are those whose part it is", grant(granting(iris, 3)(before)), ["iris"]],
    ["are those whose part is gone", grant(granting(shop, 2)(emptyGrant)), ["iris"]],
    ["are none where it only lasts longer", grant(granting(iris, 1, new Date("2031-01-01"))(before)), []],
    ["are all where it is what the namespace allows", grant(granting(shop, 3)(before)), "All"],
    ["are all where it cannot be read", grant({ digests: 1 }), "All"],
    ["are all where it is being deleted", grant(before, { deletionTimestamp: "2030-01-01T00:00:00Z" }), "All"],
  ];
  for (const [title, object, expected] of cases)
    it(title, () => assert.deepEqual(modelsRestingOn({ type: "updated", object, previous }), expected));

  it("are all where it is new, or gone", () => {
    for (const type of ["added", "deleted"] as const) assert.equal(modelsRestingOn({ type, object: previous }), "All");
  });
});
