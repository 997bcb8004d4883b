import assert from "node:assert/strict";
import { type Answer, known } from "../../../../src/cli/ask.ts";
import type { Listed } from "../../../../src/cli/cluster.ts";
import { decide, exitStatus } from "../../../../src/cli/status/decide.ts";
import type { Facts } from "../../../../src/cli/status/gather.ts";
import { render } from "../../../../src/cli/status/render.ts";
import { StatusReport } from "../../../../src/cli/status/schema.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { later, now } from "../../trust/support/build.ts";
import { condition, model, secured, trustPolicy, verified } from "../objects.ts";

function listed<T>(...objects: readonly T[]): Answer<Listed<T>> {
  return known({ objects, unreadable: [] });
}

function facts(changes: Partial<Facts> = {}): Facts {
  const policy = { ...trustPolicy(), status: { observedGeneration: 1, conditions: [condition("Ready", "True")] } };
  return { policies: listed(policy), namespaces: listed(secured()), models: listed(model()), ...changes };
}

const unready = [condition("Ready", "False", "Quarantined"), condition("Serving", "False")];
const exception = { action: "glass", approver: "anna", notAfter: later(1000).toISOString() };

describe("mlsecops status", () => {
  const table: readonly (readonly [string, Partial<Facts>, number, RegExp | undefined])[] = [
    ["all is well", {}, 0, undefined],
    ["a model is not Ready", { models: listed(model({ conditions: unready })) }, 1, /^Ready is False$/],
    ["no status yet", { namespaces: listed({ ...secured(), status: undefined as never }) }, 1, /does it run/],
    ["an older generation was seen", { models: listed(model({ observedGeneration: 0 })) }, 0, /newest generation/],
    [
      "a check is overdue",
      { models: listed(model({ verdict: { ...verified, recheckAfter: later(-3_600_000).toISOString() } })) },
      0,
      /was due at .*does the operator run/,
    ],
    [
      "a verdict has ended",
      { models: listed(model({ verdict: { ...verified, notAfter: now.toISOString() } })) },
      0,
      /^its verdict has ended$/,
    ],
    [
      "a verdict ends soon",
      { models: listed(model({ verdict: { ...verified, notAfter: later(60_000).toISOString() } })) },
      0,
      /within an hour/,
    ],
    ["broken glass", { models: listed(model({ verdict: { ...verified, exception } })) }, 0, /only ModelAction glass/],
    [
      "a root ends soon",
      {
        policies: listed({
          ...trustPolicy(),
          status: {
            observedGeneration: 1,
            conditions: [condition("Ready", "True"), condition("TrustFresh", "False", "ExpiresSoon")],
          },
        }),
      },
      0,
      /^TrustFresh is False$/,
    ],
    [
      "pods that are not granted",
      { namespaces: listed(secured({ ungrantedPods: { count: 2, examples: [] } })) },
      0,
      /^2 running pods/,
    ],
    [
      "one does not parse",
      { models: known({ objects: [], unreadable: [{ name: "x", problem: "spec: bad" }] }) },
      1,
      /bad/,
    ],
    ["policies cannot be read", { policies: { state: "unknown", reason: "403" } }, 3, undefined],
    ["the kinds are not installed", { models: { state: "absent" } }, 3, undefined],
  ];
  for (const [what, changes, exit, attention] of table)
    it(`${what}: ${exit}`, () => {
      const report = StatusReport.strict().parse(decide(facts(changes), now));
      assert.equal(exitStatus(report), exit);
      const notes = report.rows.flatMap((row) => row.attention);
      if (attention === undefined) assert.deepEqual(notes, []);
      else assert.match(notes[0] ?? "", attention);
      // What needs somebody is on the first line.
      if (attention !== undefined) assert.ok((report.rows[0]?.attention.length ?? 0) > 0);
      assert.match(render(report, now, noPaint), /\d Ready, \d not Ready, \d unknown\n$/);
    });

  it("shows times as people say them", () => {
    const text = render(decide(facts(), now), now, noPaint);
    assert.match(text, /^SecureModel +prod +iris +True +True +Verified +in 24 h +in 60 min +-$/m);
  });
});
