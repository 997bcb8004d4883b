import assert from "node:assert/strict";
import fc from "fast-check";
import type { Use } from "../../../src/api/index.ts";
import {
  type Contribution,
  type GrantOwner,
  changedOwners,
  contribute,
  emptyGrant,
  grantedRevision,
  isGranted,
  policyGuard,
  admissionPolicies,
  sweepProblems,
  withdraw,
  withdrawRevision,
} from "../../../src/admission/index.ts";

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const model: GrantOwner = { kind: "SecureModel", name: "iris" };
const other: GrantOwner = { kind: "SecureNamespace", name: "shop" };
const soon = new Date("2030-01-01T00:00:00Z");
const later = new Date("2031-01-01T00:00:00Z");
const uses = (...list: [number, Use, Date][]): Contribution => ({
  uses: list.map(([n, use, notAfter]) => ({ digest: digest(n), use, notAfter })),
  revisions: {},
});

const row = (name: string) => grantedRevision(name, { containers: [] });

describe("AdmissionGrant", () => {
  it("grants a digest for the named use only, until notAfter", () => {
    const grant = contribute(emptyGrant, model, uses([1, "imageVolume", soon]));
    assert.equal(isGranted(grant, digest(1), "imageVolume", soon), true);
    assert.equal(isGranted(grant, digest(1), "container", soon), false);
    assert.equal(isGranted(grant, digest(1), "imageVolume", new Date(soon.getTime() + 1)), false);
    assert.equal(isGranted(grant, digest(2), "imageVolume", soon), false);
    assert.equal(isGranted(grant, "constructor", "container", soon), false);
  });

  it("takes back one revision, and nothing that is granted besides", () => {
    const revisions = { "iris-a": row("iris"), "iris-b": row("iris") };
    const mine = contribute(emptyGrant, model, {
      ...uses([1, "imageVolume", soon], [2, "imageVolume", soon], [3, "imageVolume", soon]),
      revisions,
    });
    const grant = contribute(mine, other, uses([3, "container", later], [1, "imageVolume", later]));
    const left = withdrawRevision(grant, model, { name: "iris-a", digests: [digest(1), digest(3)] });
    assert.deepEqual(Object.keys(left.revisions), ["iris-b"]);
    assert.equal(isGranted(left, digest(2), "imageVolume", soon), true);
    assert.equal(left.digests[digest(1)]?.imageVolume?.notAfter, later.toISOString());
    assert.equal(left.digests[digest(3)]?.imageVolume, undefined);
    assert.equal(isGranted(left, digest(3), "container", later), true);
    assert.deepEqual(withdrawRevision(left, model, { name: "iris-a", digests: [digest(1)] }), left);
  });

  it("keeps a digest that another owner still grants, with that owner's notAfter", () => {
    const both = contribute(
      contribute(emptyGrant, model, uses([1, "container", later])),
      other,
      uses([1, "container", soon]),
    );
    assert.equal(isGranted(both, digest(1), "container", later), true);
    const one = contribute(both, model, { uses: [], revisions: {} });
    assert.equal(isGranted(one, digest(1), "container", soon), true);
    assert.equal(isGranted(one, digest(1), "container", later), false);
  });

  it("drops an owner's digests and revisions that it no longer names", () => {
    const spec = { containers: [{ name: "runtime", image: `a@${digest(1)}` }] };
    const first = contribute(emptyGrant, model, {
      ...uses([1, "container", soon]),
      revisions: { "iris-1": grantedRevision("iris", spec) },
    });
    assert.deepEqual(Object.keys(first.revisions), ["iris-1"]);
    assert.deepEqual(contribute(first, model, uses([2, "container", soon])).revisions, {});
    assert.deepEqual(
      withdraw(first, () => true),
      emptyGrant,
    );
  });

  it("tells whose part of it has changed, and not that it lasts longer", () => {
    const rose: GrantOwner = { kind: "SecureModel", name: "rose" };
    const both = contribute(
      contribute(emptyGrant, model, { ...uses([1, "imageVolume", soon]), revisions: { "iris-a": row("iris") } }),
      rose,
      uses([1, "imageVolume", soon], [2, "imageVolume", soon]),
    );
    const changed = (contribution: Contribution, owner = model) =>
      changedOwners(both, contribute(both, owner, contribution)).map(({ name }) => name);
    const mine = { revisions: { "iris-a": row("iris") } };
    assert.deepEqual(changed({ ...mine, ...uses([1, "imageVolume", later]), ...mine }), []);
    assert.deepEqual(changed({ ...uses([1, "imageVolume", soon]), revisions: {} }), ["iris"]);
    assert.deepEqual(changed({ ...uses([3, "imageVolume", soon]), ...mine }), ["iris"]);
    assert.deepEqual(changed({ ...uses([1, "init", soon]), ...mine }), ["iris"]);
    assert.deepEqual(
      changed({ ...uses([1, "imageVolume", soon]), revisions: { "iris-a": { ...row("iris"), volumes: [["v"]] } } }),
      ["iris"],
    );
    assert.deepEqual(changed({ uses: [], revisions: {} }, rose), ["rose"]);
    assert.deepEqual(changedOwners(both, contribute(both, other, uses([1, "container", soon]))), [other]);
    assert.deepEqual(changedOwners(both, emptyGrant), [model, rose]);
  });

  it("is the same whatever the order of the contributions, and repeating one changes nothing", () => {
    const contributions = fc.array(
      fc.record({
        n: fc.integer({ min: 0, max: 4 }),
        use: fc.constantFrom<Use>("container", "init", "imageVolume"),
        late: fc.boolean(),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(contributions, contributions, (a, b) => {
        const mine = uses(...a.map(({ n, use, late }): [number, Use, Date] => [n, use, late ? later : soon]));
        const theirs = uses(...b.map(({ n, use, late }): [number, Use, Date] => [n, use, late ? later : soon]));
        const ab = contribute(contribute(emptyGrant, model, mine), other, theirs);
        assert.deepEqual(contribute(contribute(emptyGrant, other, theirs), model, mine), ab);
        assert.deepEqual(contribute(ab, model, mine), ab);
        assert.deepEqual(
          withdraw(ab, (owner) => owner.kind === other.kind),
          contribute(emptyGrant, model, mine),
        );
      }),
    );
  });
});

describe("Sweep of running pods", () => {
  const spec = {
    containers: [{ name: "runtime", image: `r.test/runtime@${digest(1)}`, args: ["--port", "8080"] }],
    volumes: [{ name: "model", image: { reference: `r.test/iris@${digest(2)}` } }],
  };
  const grant = contribute(emptyGrant, model, {
    ...uses([1, "container", soon], [2, "imageVolume", soon]),
    revisions: { "iris-1": grantedRevision("iris", spec) },
  });
  const labels = { "mlsecops.io/revision": "iris-1" };
  const now = new Date("2029-01-01T00:00:00Z");
  const cases: Record<
    string,
    { pod: Parameters<typeof sweepProblems>[0]; profile?: "serving" | "training"; problem?: RegExp }
  > = {
    "a pod of the revision": { pod: { metadata: { labels }, spec } },
    "another command": {
      pod: {
        metadata: { labels },
        spec: { ...spec, containers: [{ ...spec.containers[0], name: "runtime", command: ["sh"] }] },
      },
      problem: /differs from revision/,
    },
    "no revision label": { pod: { metadata: {}, spec }, problem: /no granted revision/ },
    "no revision label, in training": { pod: { metadata: {}, spec }, profile: "training" },
    "a tag": {
      pod: { metadata: { labels }, spec: { containers: [{ name: "runtime", image: "r.test/runtime:1" }] } },
      profile: "training",
      problem: /not pinned/,
    },
    "an image volume used as container": {
      pod: { metadata: {}, spec: { containers: [{ name: "x", image: `r.test/iris@${digest(2)}` }] } },
      profile: "training",
      problem: /not granted/,
    },
    "an ephemeral container": {
      pod: {
        metadata: { labels },
        spec: { ...spec, ephemeralContainers: [{ name: "debug", image: `r.test/runtime@${digest(1)}` }] },
      },
      problem: /ephemeral/,
    },
  };
  for (const [name, { pod, profile = "serving", problem }] of Object.entries(cases)) {
    it(`${problem === undefined ? "accepts" : "names"} ${name}`, () => {
      const problems = sweepProblems(pod, grant, profile, now);
      if (problem === undefined) assert.deepEqual(problems, []);
      else assert.match(problems.join("; "), problem);
    });
  }

  it("names an expired grant", () => {
    assert.match(sweepProblems({ metadata: { labels }, spec }, grant, "serving", later).join(), /not granted/);
  });
});

describe("Guard of the admission policies", () => {
  const policyProblems = (...parts: Parameters<typeof policyGuard>) => policyGuard(...parts)();
  const wanted = admissionPolicies({ namespace: "mlsecops-system", serviceAccount: "mlsecops-operator" });
  const living = (change: (index: number) => unknown) => (kind: string, name: string) => {
    const index = wanted.findIndex((policy) => policy.kind === kind && policy.metadata.name === name);
    const spec = change(index);
    return spec === undefined ? undefined : { metadata: { name }, spec };
  };

  it("finds nothing when all stand as written", () => {
    assert.deepEqual(
      policyProblems(
        wanted,
        living((index) => wanted[index]?.spec),
      ),
      [],
    );
  });

  it("names each one that is missing or changed", () => {
    for (const [broken, { metadata }] of wanted.entries()) {
      const missing = policyProblems(
        wanted,
        living((index) => (index === broken ? undefined : wanted[index]?.spec)),
      );
      assert.match(missing.join(), new RegExp(`${metadata.name} is missing`));
      const changed = policyProblems(
        wanted,
        living((index) => ({ ...wanted[index]?.spec, ...(index === broken ? { more: "than was written" } : {}) })),
      );
      assert.match(changed.join(), new RegExp(`${metadata.name} was changed`));
    }
  });

  it("sees what another object of the same name says, and compares each object once", () => {
    const [first] = wanted;
    assert.ok(first);
    let reads = 0;
    const counting = (spec: unknown) => ({
      metadata: { name: first.metadata.name },
      get spec() {
        reads += 1;
        return spec;
      },
    });
    let object = counting(first.spec);
    const problems = policyGuard([first], () => object);
    for (let pass = 0; pass < 3; pass++) assert.deepEqual(problems(), []);
    assert.equal(reads, 1);
    object = counting({ ...first.spec, more: "than was written" });
    assert.match(problems().join(), /was changed/);
    object = counting(first.spec);
    assert.deepEqual(problems(), []);
    assert.equal(reads, 3);
  });
});
