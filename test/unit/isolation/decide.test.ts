import assert from "node:assert/strict";
import { contribute, emptyGrant } from "../../../src/admission/index.ts";
import type { Breach } from "../../../src/reach/index.ts";
import type { VerdictStatus } from "../../../src/api/index.ts";
import { type Observations, conditionsOf } from "../../../src/isolation/decide.ts";
import { type CheckedImage, imageUses, imagesRenewalDue } from "../../../src/isolation/granted-uses.ts";
import { wantedLabels } from "../../../src/isolation/labels.ts";
import { completedStatus, haltedStatus } from "../../../src/isolation/status.ts";

const now = new Date("2030-01-01T00:00:00Z");
const at = (ms: number) => new Date(now.getTime() + ms).toISOString();
const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const owner = { kind: "SecureNamespace", name: "shop" } as const;

function verdict(changes: Partial<VerdictStatus> = {}): VerdictStatus {
  return {
    outcome: "Verified",
    reason: "Verified",
    message: "signed",
    digest: digest(1),
    trustFingerprint: "t",
    recheckAfter: at(60_000),
    notAfter: at(3_600_000),
    ...changes,
  };
}

function image(changes: Partial<CheckedImage> = {}): CheckedImage {
  return {
    image: { name: "runtime", reference: "registry.example/runtime:v1", uses: ["container"] },
    verdict: verdict(),
    standing: "Admit",
    platformDigests: [],
    ...changes,
  };
}

const rejected = image({
  verdict: verdict({ outcome: "Rejected", reason: "NoSignature", message: "nobody signed it" }),
  standing: "Quarantine",
});
const kept = image({
  verdict: verdict({ outcome: "Indeterminate", reason: "RegistryUnavailable" }),
  standing: "KeepOnly",
});

describe("what the allowed images have granted", () => {
  const held = contribute(emptyGrant, owner, {
    uses: [{ digest: digest(1), use: "container", notAfter: new Date(at(5_000)) }],
    revisions: {},
  });
  const foreign = contribute(
    emptyGrant,
    { kind: "SecureModel", name: "iris" },
    { uses: [{ digest: digest(1), use: "container", notAfter: new Date(at(5_000)) }], revisions: {} },
  );
  const granted = (images: readonly CheckedImage[], grant = emptyGrant) =>
    imageUses(images, grant, owner, now).map((use) => [use.digest, use.use, use.notAfter.toISOString()]);

  it("grants index and platforms of an admitted image for each of its uses", () => {
    const { reference, name } = image().image;
    const two = image({ image: { name, reference, uses: ["container", "init"] }, platformDigests: [digest(2)] });
    assert.deepEqual(granted([two]), [
      [digest(1), "container", at(3_600_000)],
      [digest(1), "init", at(3_600_000)],
      [digest(2), "container", at(3_600_000)],
      [digest(2), "init", at(3_600_000)],
    ]);
  });

  it("keeps what this owner holds already, and no longer than the verdict it was granted for", () => {
    assert.deepEqual(granted([kept], held), [[digest(1), "container", at(3_600_000)]]);
    const ending = image({ standing: "KeepOnly", verdict: verdict({ notAfter: at(3_000) }) });
    assert.deepEqual(granted([ending], held), [[digest(1), "container", at(3_000)]]);
    const endless = image({ standing: "KeepOnly", verdict: verdict({ notAfter: "never" }) });
    assert.deepEqual(granted([endless], held), [[digest(1), "container", at(5_000)]]);
  });

  it("leaves what is granted as it is while that is long enough, and says when it no longer is", () => {
    const longer = image({ verdict: verdict({ notAfter: at(9_000) }) });
    assert.deepEqual(granted([longer], held), [[digest(1), "container", at(5_000)]]);
    assert.deepEqual(imagesRenewalDue([longer], held, owner), new Date(at(1_000)));
    assert.equal(imagesRenewalDue([longer], emptyGrant, owner), undefined);
    assert.deepEqual(granted([image({ verdict: verdict({ notAfter: at(10_000) }) })], held), [
      [digest(1), "container", at(10_000)],
    ]);
  });

  it("keeps nothing that is not held, or held by somebody else", () => {
    assert.deepEqual(granted([kept]), []);
    assert.deepEqual(granted([kept], foreign), []);
  });

  it("grants nothing of a quarantined image, held or not", () => {
    assert.deepEqual(granted([rejected], held), []);
  });

  it("grants a digest that two entries name for the longer time", () => {
    const shorter = image({ verdict: verdict({ notAfter: at(1_000) }) });
    for (const order of [
      [image(), shorter],
      [shorter, image()],
    ])
      assert.deepEqual(granted(order), [[digest(1), "container", at(3_600_000)]]);
  });

  it("grants nothing without an end or a digest", () => {
    const [endless, nameless] = [verdict(), verdict()];
    delete endless.notAfter;
    delete nameless.digest;
    assert.deepEqual(granted([image({ verdict: endless }), image({ verdict: nameless })]), []);
  });
});

describe("conditions of a SecureNamespace", () => {
  const base: Observations = {
    spec: { enforcement: "Enforce", profile: "training", onBreach: "Report" },
    generation: 3,
    images: [image()],
    guardProblems: [],
    labelled: true,
    walls: { uid: "u", generation: 1, objects: 7, repaired: 0, problems: [] },
    ungranted: [],
    evicted: 0,
    access: { count: 0, examples: [] },
    reach: { excess: { breaches: [], total: 0 }, unknown: [] },
  };
  const opened: Breach = {
    object: { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", namespace: "shop", name: "allow-all" },
    direction: "Ingress",
    reason: "PolicyWidens",
    allows: "ingress from everybody",
    pods: { count: 1, examples: ["web"] },
  };
  const breached = { excess: { breaches: [opened], total: 1 }, unknown: [] };
  const pods = [{ name: "stray", problem: "it is not granted" }];
  const audit = { enforcement: "Audit", profile: "training", onBreach: "Report" } as const;
  const cases: readonly [string, Partial<Observations>, Record<string, string>][] = [
    [
      "all is well",
      {},
      {
        Enforced: "True/Enforced",
        Isolated: "True/Isolated",
        ImagesVerified: "True/ImagesVerified",
        Ready: "True/Enforced",
        Reconciling: "False/Completed",
        Stalled: "False/Completed",
      },
    ],
    ["audit", { spec: audit }, { Enforced: "False/Audit", Ready: "True/Audit" }],
    ["audit, with pods", { spec: audit, ungranted: pods }, { Enforced: "False/Audit", Ready: "True/Audit" }],
    [
      "audit, with changed policies",
      { spec: audit, guardProblems: ["gone"] },
      { Enforced: "False/PoliciesChanged", Ready: "False/PoliciesChanged" },
    ],
    [
      "changed policies",
      { guardProblems: ["gone"] },
      { Enforced: "False/PoliciesChanged", Ready: "False/PoliciesChanged" },
    ],
    [
      "ungranted pods",
      { ungranted: pods },
      { Enforced: "False/UngrantedPods", Ready: "False/UngrantedPods", Reconciling: "False/Completed" },
    ],
    [
      "ungranted pods that leave",
      { ungranted: pods, evicted: 1 },
      { Enforced: "False/UngrantedPods", Reconciling: "True/Evicting" },
    ],
    [
      "no labels",
      { labelled: false },
      { Enforced: "False/NotLabelled", Ready: "False/NotLabelled", Reconciling: "True/NotLabelled" },
    ],
    [
      "a rejected image: the door is shut, but not all is well",
      { images: [image(), rejected] },
      { Enforced: "True/Enforced", ImagesVerified: "False/ImagesRejected", Ready: "False/ImagesNotVerified" },
    ],
    [
      "an image that nobody knows anything of now",
      { images: [kept] },
      { ImagesVerified: "Unknown/ImagesIndeterminate", Ready: "True/Enforced" },
    ],
    [
      "something that opens it",
      { reach: breached },
      { Enforced: "True/Enforced", Isolated: "False/PolicyWidens", Ready: "False/IsolationBreached" },
    ],
    [
      "audit, with something that opens it",
      { spec: audit, reach: breached },
      { Isolated: "False/Audit", Ready: "True/Audit" },
    ],
    [
      "something that may open it and cannot be read",
      { reach: { ...base.reach, unknown: ["httproutes cannot be listed"] } },
      { Isolated: "Unknown/ReachUnknown", Ready: "True/Enforced" },
    ],
    ["no images", { images: [] }, { ImagesVerified: "True/NoImages", Ready: "True/Enforced" }],
  ];
  for (const [title, changes, expected] of cases) {
    it(title, () => {
      const conditions = conditionsOf({ ...base, ...changes });
      const found = Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status}/${reason}`]));
      assert.deepEqual({ ...found, ...expected }, found);
      assert.ok(conditions.every(({ observedGeneration }) => observedGeneration === 3));
    });
  }

  it("names at most ten pods, and counts all", () => {
    const many = Array.from({ length: 25 }, (_, n) => ({ name: `pod-${n}`, problem: "x".repeat(2000) }));
    const { ungrantedPods } = completedStatus(
      undefined,
      { ...base, ungranted: many, name: "shop", grantedDigests: 1 },
      now,
    );
    assert.equal(ungrantedPods?.count, 25);
    assert.equal(ungrantedPods.examples.length, 10);
    assert.ok(ungrantedPods.examples.every(({ problem }) => problem.length <= 1024));
  });

  it("keeps what a suspension does not contradict, the observed generation included", () => {
    const before = completedStatus(undefined, { ...base, name: "shop", grantedDigests: 1 }, now);
    const after = haltedStatus(before, { reason: "Suspended" }, { generation: 4, now });
    assert.equal(after.observedGeneration, 3);
    assert.deepEqual(after.images, before.images);
    const ready = after.conditions?.find(({ type }) => type === "Ready");
    assert.deepEqual([ready?.status, ready?.reason], ["False", "Suspended"]);
    assert.equal(after.conditions?.find(({ type }) => type === "Enforced")?.status, "True");
  });

  it("wants the labels that the policies select by", () => {
    assert.deepEqual(wantedLabels(audit), {
      "mlsecops.io/enforcement": "audit",
      "mlsecops.io/profile": "training",
      "mlsecops.io/on-breach": undefined,
    });
    assert.equal(wantedLabels({ ...audit, onBreach: "Block" })["mlsecops.io/on-breach"], "block");
    assert.equal(wantedLabels(base.spec)["mlsecops.io/enforcement"], "enforce");
  });
});
