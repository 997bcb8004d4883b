import assert from "node:assert/strict";
import type { Order } from "../../../src/actions/index.ts";
import { type SecureModel, SecureModelSpec } from "../../../src/api/index.ts";
import { type Approval, approvalOf, authorsOf, newRevision } from "../../../src/serving/index.ts";

const made = "2026-03-01T12:00:00Z";
const [jane, bob, ann] = ["jane@example.com", "bob@example.com", "ann@example.com"];
const machine = "system:serviceaccount:argocd:argocd-application-controller";
const model = { metadata: { name: "iris", namespace: "shop" } };
const revision = { metadata: { name: "iris-2", namespace: "shop", creationTimestamp: made } };

let count = 0;
function order(requestedBy: string, more: Partial<Order> = {}): Order {
  const base = { type: "Approve", model: "iris", revision: "iris-2", reason: "INC-4711, looks good" } as const;
  return { ...base, name: `order-${++count}`, requestedBy, at: new Date(Date.parse(made) + 60_000), ...more };
}

const ask = (orders: readonly Order[], ...authors: readonly (string | undefined)[]): Approval =>
  approvalOf({ model, revision, orders, authors });

describe("the two-person rule", () => {
  const table: readonly (readonly [
    what: string,
    orders: readonly Order[],
    authors: readonly (string | undefined)[],
    by: readonly string[],
    approved: boolean,
    says: RegExp,
  ])[] = [
    ["nobody has approved", [], [jane], [], false, /waits for the approval of a person other than jane@/],
    ["another person than the author has", [order(bob)], [jane], [bob], true, /^revision iris-2 is approved by bob@/],
    ["the author has", [order(jane)], [jane], [], false, /of jane@.* does not count: whoever has written the spec/],
    ["the author and another have", [order(jane), order(bob)], [jane], [bob], true, /approved by bob@/],
    ["the one of two authors has", [order(bob)], [jane, bob], [], false, /other than jane@\S+ and bob@/],
    ["a third person has, of two authors", [order(ann)], [jane, bob], [ann], true, /approved by ann@/],
    ["a machine has", [order(machine)], [jane], [], false, /argocd-application-controller does not count: only people/],
    ["one has, the author is unknown", [order(bob)], [undefined], [bob], false, /a second person beside bob@/],
    ["one has twice", [order(bob), order(bob)], [undefined], [bob], false, /a second person beside bob@/],
    ["two have, the author is unknown", [order(bob), order(ann)], [undefined], [bob, ann], true, /bob@\S+ and ann@/],
    ["one has, the author is a machine", [order(bob)], [machine], [bob], false, /not known which person is behind it/],
    ["two have, the author is a machine", [order(bob), order(ann)], [machine], [bob, ann], true, /approved/],
    ["one and a machine have", [order(bob), order(machine)], [machine], [bob], false, /a second person beside bob@/],
    ["nobody has, nothing is known", [], [], [], false, /waits for the approval of two people, since/],
    [
      "author and one, the last writer is unknown",
      [order(jane), order(bob)],
      [jane, undefined],
      [bob],
      false,
      /second/,
    ],
    ["of another revision", [order(bob, { revision: "iris-1" })], [jane], [], false, /waits for/],
    ["only a promotion", [order(bob, { type: "Promote" })], [jane], [], false, /waits for/],
    ["before there was the revision", [order(bob, { at: new Date(0) })], [jane], [], false, /it is older than the/],
    ["within the second of it", [order(bob, { at: new Date(made) })], [jane], [bob], true, /approved/],
  ];
  for (const [what, orders, authors, by, approved, says] of table)
    it(what, () => {
      const found = ask(orders, ...authors);
      assert.match(found.message, says);
      assert.deepEqual([found.by, found.approved], [by, approved]);
    });

  it("says what to do while it waits", () => {
    assert.match(ask([], jane).message, /: mlsecops approve smodel\/iris -n shop --revision iris-2$/);
  });

  it("counts nothing for a revision that has no time", () => {
    const young = { metadata: { name: "iris-2" } };
    assert.equal(approvalOf({ model, revision: young, orders: [order(bob)], authors: [jane] }).approved, false);
  });
});

describe("whoever has written a spec", () => {
  const written = (author?: string, source: object = {}): SecureModel => ({
    metadata: { ...model.metadata, ...(author === undefined ? {} : { annotations: { "mlsecops.io/author": author } }) },
    spec: SecureModelSpec.parse({
      source: { oci: { reference: "registry.example/models/iris:v2" }, ...source },
      workload: {
        managed: {
          template: {
            spec: { containers: [{ name: "runtime", image: `registry.example/r@sha256:${"9".repeat(64)}` }] },
          },
        },
      },
    }),
  });
  const artifact = {
    repository: "registry.example/models/iris",
    digest: `sha256:${"2".repeat(64)}`,
    platformDigests: [],
  };

  it("is in the revision that was made from it, also when another writes after", () => {
    const made = newRevision(written(jane), artifact, []);
    assert.deepEqual(authorsOf(written(jane), made), [jane]);
    assert.deepEqual(authorsOf(written(bob), made), [jane, bob]);
    assert.deepEqual(authorsOf(written(), made), [jane, undefined]);
  });

  it("changes nothing of what the revision is", () => {
    const { metadata, spec } = newRevision(written(jane), artifact, []);
    const other = newRevision(written(), artifact, []);
    assert.deepEqual([metadata.name, spec], [other.metadata.name, other.spec]);
  });

  it("is unknown where nobody says so", () => {
    for (const author of [undefined, ""])
      assert.deepEqual(authorsOf(written(author), newRevision(written(author), artifact, [])), [undefined]);
  });

  it("is unknown of a tag that is followed: whoever pushes moves it", () => {
    const followed = written(jane, { update: "Follow" });
    assert.deepEqual(authorsOf(followed, newRevision(followed, artifact, [])), [jane, undefined]);
  });
});
