import assert from "node:assert/strict";
import type { AdmissionGrantSpec } from "../../../../src/api/index.ts";
import { known } from "../../../../src/cli/ask.ts";
import { decide, exitStatus, ungrantedImages, type Verdicts } from "../../../../src/cli/preview/decide.ts";
import type { Facts, Runnable } from "../../../../src/cli/preview/gather.ts";
import { render } from "../../../../src/cli/preview/render.ts";
import { PreviewReport } from "../../../../src/cli/preview/schema.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { digestOf, later, now } from "../../trust/support/build.ts";
import { secured, trustPolicy, verified } from "../objects.ts";

const image = (letter: string) => `registry.example.com/models/tool@${digestOf(letter)}`;
const notAfter = later(1000).toISOString();
const grantors = [{ kind: "SecureNamespace" as const, name: "prod", notAfter }];
const grant: AdmissionGrantSpec = {
  digests: { [digestOf("a")]: { container: { notAfter, grantors } } },
  revisions: {},
};

/** As the strictest level wants it. */
const securityContext = {
  ...{ allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ["ALL"] } },
  seccompProfile: { type: "RuntimeDefault" },
};

function deployment(...images: readonly string[]): Runnable {
  const containers = images.map((one, index) => ({ name: `c${index}`, image: one, securityContext }));
  return { kind: "Deployment", metadata: { name: "web" }, labels: {}, spec: { containers } };
}

function pod(created: Date, owner: string | undefined, ...images: readonly string[]): Runnable {
  const { spec } = deployment(...images);
  const metadata = {
    name: "web-1",
    creationTimestamp: created.toISOString(),
    ownerReferences: owner === undefined ? null : [{ kind: "ReplicaSet", name: owner, controller: true }],
  };
  return { kind: "Pod", metadata, labels: {}, spec, pod: { metadata, spec } };
}

function facts(runnables: readonly Runnable[], changes: Partial<Facts> = {}): Facts {
  return {
    namespace: "prod",
    secured: known(secured()),
    grant: known(grant),
    policies: known({ objects: [trustPolicy()], unreadable: [] }),
    runnables: [["Deployment", known(runnables)]],
    around: undefined,
    unread: [],
    ...changes,
  };
}

function report(of: Facts, verdicts: Verdicts = new Map(), at = now) {
  return PreviewReport.strict().parse(decide(of, verdicts, { profile: undefined, now: at }));
}

describe("mlsecops preview", () => {
  const why = (of: Facts, verdicts?: Verdicts) => {
    const [first] = report(of, verdicts).items[0]?.images ?? [];
    return [first?.problem, first?.why];
  };
  const verdict = { outcome: "Rejected", reason: "NoSignature", message: "nobody signed" } as const;
  const seen = { images: [{ name: "tool", reference: "x", verdict: { ...verified, digest: digestOf("b") } }] };
  const table: readonly (readonly [string, Facts, Verdicts | undefined, readonly (string | undefined)[]])[] = [
    ["granted", facts([deployment(image("a"))]), undefined, [undefined, undefined]],
    ["a tag", facts([deployment("registry.example.com/models/tool:v1")]), undefined, ["NotPinned", undefined]],
    ["nobody asked", facts([deployment(image("b"))]), undefined, ["NotGranted", "NotAsked"]],
    ["no policy", facts([deployment(`other/tool@${digestOf("b")}`)]), undefined, ["NotGranted", "NoPolicy"]],
    [
      "a policy that only warns",
      facts([deployment(image("b"))], {
        policies: known({ objects: [trustPolicy({ mode: "Warn" })], unreadable: [] }),
      }),
      undefined,
      ["NotGranted", "NoPolicy"],
    ],
    ["asked now", facts([deployment(image("b"))]), new Map([[image("b"), verdict]]), ["NotGranted", "Rejected"]],
    [
      "in the status of the SecureNamespace",
      facts([deployment(image("b"))], { secured: known(secured(seen)) }),
      undefined,
      ["NotGranted", "Verified"],
    ],
    [
      "no grant at all",
      facts([deployment(image("a"))], { grant: { state: "absent" } }),
      undefined,
      ["NotGranted", "NotAsked"],
    ],
    [
      "policies cannot be read",
      facts([deployment(image("b"))], { policies: { state: "unknown", reason: "403" } }),
      undefined,
      ["NotGranted", "NotAsked"],
    ],
  ];
  for (const [what, of, verdicts, expected] of table)
    it(`${what}: ${expected.join(", ")}`, () => {
      assert.deepEqual(why(of, verdicts), expected);
    });

  it("a pod counts from its creation, a template from now", () => {
    const after = later(2000);
    const both = facts([deployment(image("a")), pod(now, undefined, image("a"))]);
    assert.deepEqual(
      report(both, undefined, after).items.map(({ refused }) => refused),
      [true, false],
    );
  });

  it("a serving namespace also refuses what belongs to no revision", () => {
    const serving = facts([deployment(image("a"))], { secured: known(secured({}, { profile: "serving" })) });
    assert.match(report(serving).items[0]?.problems[0] ?? "", /belongs to no granted revision/);
  });

  it("a namespace without SecureNamespace is looked at as for experiments", () => {
    const { profile, secured: state } = report(facts([], { secured: { state: "absent" } }));
    assert.deepEqual([profile, state], ["experiment", "No"]);
  });

  it("ends with 1 where something is refused, with 3 where something cannot be read", () => {
    assert.equal(exitStatus(report(facts([deployment("x")]))), 1);
    assert.equal(exitStatus(report(facts([], { policies: { state: "unknown", reason: "403" } }))), 3);
    assert.equal(exitStatus(report(facts([deployment(image("a"))]))), 0);
  });

  it("lists a pod only where what made it is not listed", () => {
    const made = report(facts([deployment("x:1"), pod(now, "web-5d", "x:1")]));
    const text = render(made, noPaint);
    assert.doesNotMatch(text, /Pod\/web-1/);
    assert.match(text, /would refuse 2 of 2; 1 are not listed/);
    assert.match(
      render(report(facts([pod(now, undefined, "x:1")])), noPaint),
      /^Pod\/web-1 +container +x:1 +not pinned/m,
    );
  });

  it("names each image once for whoever asks the registry", () => {
    assert.deepEqual(ungrantedImages(report(facts([deployment(image("b"), image("b"), "x:1")]))), [image("b")]);
  });
});
