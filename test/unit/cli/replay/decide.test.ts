import assert from "node:assert/strict";
import { parsePolicies } from "../../../../src/cli/policies/parse.ts";
import { type Compared, decide, exitStatus } from "../../../../src/cli/replay/decide.ts";
import { offlineSide } from "../../../../src/cli/replay/offline.ts";
import { overlay } from "../../../../src/cli/replay/overlay.ts";
import { render } from "../../../../src/cli/replay/render.ts";
import { type ReplayChange, ReplayReport, type Side } from "../../../../src/cli/replay/schema.ts";
import { subjectsOfModel, subjectsOfNamespace } from "../../../../src/cli/replay/subjects.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { backup, digest, digestOf, name, now, policy } from "../../trust/support/build.ts";
import { model, secured, trustPolicy, verified } from "../objects.ts";

const side = (outcome: Side["outcome"], standing: Side["standing"], reason: string = outcome): Side => ({
  ...{ outcome, reason, message: "", standing },
});
const good = side("Verified", "Admit");
const bad = side("Rejected", "Quarantine", "NoSignature");
const held = side("Indeterminate", "KeepOnly", "RegistryUnavailable");
const withdrawn = side("Indeterminate", "Quarantine", "RegistryUnavailable");
const unknown = side("Unknown", "Unknown");

const rest = { source: "Registry", policies: { added: [], changed: [], removed: [] }, unknown: [] } as const;

describe("what a change of policies does", () => {
  const [subject] = subjectsOfModel(model());
  assert.ok(subject);
  const [image] = subjectsOfNamespace(secured({}, { allowedImages: [{ name: "tool", reference: name }] }));
  assert.ok(image);

  const table: readonly (readonly [string, Side, Side, ReplayChange["effect"] | undefined, number])[] = [
    ["nothing", good, good, undefined, 0],
    ["it is refused as before", bad, bad, undefined, 0],
    ["it would be stopped", good, bad, "Quarantined", 1],
    ["what only stays would be stopped", held, bad, "Quarantined", 1],
    ["its key is gone, and the registry is silent", good, withdrawn, "Quarantined", 1],
    ["it may start now", bad, good, "Admitted", 0],
    ["it may start again", held, good, "Admitted", 0],
    ["refused for another reason", bad, side("Rejected", "Quarantine", "NoPolicy"), "Other", 0],
    ["the registry is silent", good, held, "Unknown", 3],
    ["the registry was silent before", held, held, "Unknown", 3],
    ["nobody asked", good, unknown, "Unknown", 3],
  ];
  for (const [what, before, after, effect, exit] of table)
    it(`${what}: ${effect ?? "untouched"}`, () => {
      const report = ReplayReport.strict().parse(
        decide([{ subject, digest, before, after }], {
          ...rest,
          policies: { added: [], changed: [], removed: [] },
          unknown: [],
        }),
      );
      assert.equal(report.changes[0]?.effect, effect);
      assert.equal(report.untouched, effect === undefined ? 1 : 0);
      assert.equal(exitStatus(report), exit);
    });

  it("an image is refused where a model is quarantined; the worst comes first", () => {
    const compared: readonly Compared[] = [
      { subject: image, digest, before: bad, after: good },
      { subject: image, digest, before: good, after: bad },
      { subject, digest, before: good, after: bad },
    ];
    const report = decide(compared, { ...rest, policies: { added: ["p"], changed: [], removed: ["q"] }, unknown: [] });
    assert.deepEqual(
      report.changes.map(({ effect }) => effect),
      ["Quarantined", "Refused", "Admitted"],
    );
    const text = render(report, noPaint);
    assert.match(text, /^policies: added p; removed q\n/);
    assert.match(text, /^SecureModel prod\/iris +source +Quarantined +Verified -> Rejected \(NoSignature\)/m);
    assert.match(
      text,
      /\n1 would be quarantined, 1 refused, 1 admitted, 0 changed otherwise, 0 unknown, 0 untouched\n$/,
    );
  });
});

describe("what policies decide about", () => {
  it("a model's source, by the digest that its tag was pinned to", () => {
    const [source, ...others] = subjectsOfModel(model());
    assert.deepEqual([source?.digest, source?.verdict, others.length], [digest, verified, 0]);
  });

  it("another digest that still serves", () => {
    const active = { revision: "iris-1", digest: digestOf("9"), since: now.toISOString() };
    const [, serving] = subjectsOfModel(model({ active }));
    assert.deepEqual([serving?.part, serving?.reference], ["active", `${name}@${digestOf("9")}`]);
  });

  it("a reference that was changed since: what its status says is about another", () => {
    const spec = { source: { oci: { reference: `${name}:v2` } } };
    const [source] = subjectsOfModel(model({}, spec));
    assert.deepEqual([source?.digest, source?.verdict], [undefined, undefined]);
  });
});

describe("policies laid over those of the cluster", () => {
  const parse = (text: string) => {
    const parsed = parsePolicies(text);
    assert.ok(parsed.ok);
    return parsed.policies;
  };
  const file = (policyName: string, scope: string) =>
    `apiVersion: mlsecops.io/v1alpha1\nkind: ClusterTrustPolicy\nmetadata: {name: ${policyName}}\nspec: {scope: {references: ["${scope}"]}}\n`;
  const living = [trustPolicy({}, "a", 4), trustPolicy({}, "b", 2)];

  it("one of the same name takes its place, with the next generation", () => {
    const { policies, summary } = overlay(living, parse(file("a", "**")), []);
    assert.deepEqual(
      policies.map(({ metadata }) => [metadata.name, metadata.generation]),
      [
        ["b", 2],
        ["a", 5],
      ],
    );
    assert.deepEqual(summary, { added: [], changed: ["a"], removed: [] });
  });

  it("an equal one is no change; a new one is added; a replaced one is gone", () => {
    const same = file("a", "registry.example.com/models/**");
    const { policies, summary } = overlay(living, parse(`${same}---\n${file("c", "**")}`), ["b"]);
    assert.deepEqual(
      policies.map(({ metadata }) => [metadata.name, metadata.generation]),
      [
        ["a", 4],
        ["c", 1],
      ],
    );
    assert.deepEqual(summary, { added: ["c"], changed: [], removed: ["b"] });
  });
});

describe("what is known without a registry", () => {
  const [subject] = subjectsOfModel(model());
  assert.ok(subject);
  const before = [policy()];
  const table: readonly (readonly [string, readonly ReturnType<typeof policy>[], Side["outcome"], string])[] = [
    ["the same policies", before, "Verified", "Verified"],
    ["a longer validity", [policy({ validity: { ...policy().validity, validForMs: 1e9 } })], "Verified", "Verified"],
    [
      "one more for somebody else",
      [...before, policy({ name: "x", references: ["other/**"] })],
      "Verified",
      "Verified",
    ],
    ["no policy", [], "Rejected", "NoPolicy"],
    ["the digest is denied", [policy({ denied: new Set([digest]) })], "Rejected", "DigestDenied"],
    ["another key", [policy({ authorities: [{ name: "release", key: backup }] })], "Unknown", "NotAsked"],
    [
      "two must sign",
      [policy({ threshold: 2, authorities: [...policy().authorities, { name: "b", key: backup }] })],
      "Unknown",
      "NotAsked",
    ],
    ["what it demands is not readable", [policy({ unreadable: "no right" })], "Unknown", "NotAsked"],
  ];
  for (const [what, after, outcome, reason] of table)
    it(`${what}: ${outcome}`, () => {
      const found = offlineSide(subject, { before, after }, now);
      assert.deepEqual([found.outcome, found.reason], [outcome, reason]);
    });

  it("no verdict yet: Unknown", () => {
    const { verdict: _verdict, ...rest } = subject;
    assert.equal(offlineSide({ ...rest, verdict: undefined }, { before, after: before }, now).outcome, "Unknown");
  });
});
