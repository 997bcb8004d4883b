import assert from "node:assert/strict";
import type { ModelAction, ModelRevision, SecureModelStatus, VerdictStatus } from "../../../../src/api/index.ts";
import { ModelActionSpec } from "../../../../src/api/index.ts";
import { decide } from "../../../../src/cli/action/decide.ts";
import type { Facts } from "../../../../src/cli/action/gather.ts";
import { afterBan, askedFor } from "../../../../src/cli/action/outlook.ts";
import { exitStatus, render } from "../../../../src/cli/action/render.ts";
import { ActionReport } from "../../../../src/cli/action/schema.ts";
import type { Decision, Wish } from "../../../../src/cli/action/wish.ts";
import { withRole } from "../../../../src/cli/action/write.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { run } from "../../../../src/cli/run.ts";
import { newRevision } from "../../../../src/serving/index.ts";
import { digest, later, now } from "../../trust/support/build.ts";
import { model, revision, verified } from "../objects.ts";

const since = now.toISOString();
const good = { healthyFrom: since, verdict: verified };
const ban = { since, reason: "SignalsBad", message: "errors is 0.12" };
const pointer = (name: string) => ({ revision: name, digest, since });
const rejected: VerdictStatus = { ...verified, outcome: "Rejected" };

/** The revision that the spec of the model asks for. */
function asked(status: ModelRevision["status"] = good): ModelRevision {
  const artifact = { repository: "registry.example.com/models/iris", digest, platformDigests: [] };
  return { ...newRevision(model(), artifact, [revision(2)]), status };
}
const newest = asked().metadata.name;

function action(name: string, spec: Partial<ModelAction["spec"]>, minutes = 1): ModelAction {
  const base = { type: "Pause", model: "iris", requestedBy: "jane", reason: "INC-4711, look into it" } as const;
  const creationTimestamp = later(minutes * 60_000).toISOString();
  return { metadata: { name, namespace: "prod", creationTimestamp }, spec: { ...base, ...spec } };
}
const pause = action("iris-pause-x7k2f", {});

function facts(
  { revisions = [revision(1, good), revision(2, good), asked()], actions = [], ...rest }: Partial<Facts> = {},
  status: Partial<SecureModelStatus> = { active: pointer(newest) },
  spec: object = {},
): Facts {
  return { model: model(status, spec), revisions, actions, ...rest };
}

function wish(name: Wish["wish"], more: Partial<Wish> = {}): Wish {
  const reason = "INC-4711, it answers wrongly";
  return { wish: name, reason, force: false, by: "jane", now: later(3_600_000), ...more };
}

describe("what a ban would lead to", () => {
  const all = (one: ModelRevision["status"], two: ModelRevision["status"], status = good) => [
    revision(1, one),
    revision(2, two),
    asked(status),
  ];
  const two = [revision(1, good), revision(2, good)];
  const table: readonly (readonly [string, Facts, number | undefined, string, RegExp])[] = [
    [
      "the next older one",
      facts(),
      undefined,
      "Back",
      /^revision iris-2 \(number 2\) is started, once it verifies today/,
    ],
    ["past what is banned", facts({ revisions: all(good, { ...good, ban }) }), undefined, "Back", /^revision iris-1 /],
    [
      "past what was never healthy",
      facts({ revisions: all(good, { verdict: verified }) }),
      undefined,
      "Back",
      /^revision iris-1 /,
    ],
    [
      "past what does not verify",
      facts({ revisions: all(good, { ...good, verdict: rejected }) }),
      undefined,
      "Back",
      /^revision iris-1 /,
    ],
    [
      "past what somebody has just banned",
      facts({ actions: [action("b", { type: "Ban", revision: "iris-2" })] }),
      undefined,
      "Back",
      /^revision iris-1 /,
    ],
    [
      "what serves while another comes",
      facts({}, { active: pointer("iris-1"), candidate: pointer(newest) }),
      undefined,
      "Back",
      /^revision iris-1 goes on serving$/,
    ],
    [
      "none",
      facts({ revisions: [asked()] }),
      undefined,
      "Unsafe",
      /there is no other one\), so what runs goes on: onNoSafeRevision is KeepServing/,
    ],
    [
      "none, and each says why",
      facts({ revisions: all({ verdict: verified }, { ...good, ban }) }),
      undefined,
      "Unsafe",
      /\(iris-1 was never healthy, iris-2 is banned\)/,
    ],
    [
      "none, and nothing is kept",
      facts({ revisions: [asked()] }, { active: pointer(newest) }, { rollback: { onNoSafeRevision: "ScaleToZero" } }),
      undefined,
      "Unsafe",
      /so nothing serves: onNoSafeRevision is ScaleToZero$/,
    ],
    ["one that does not run", facts(), 0, "Unchanged", /^revision iris-1 does not run/],
    [
      "further back after a rollback",
      facts(
        { revisions: [revision(1, good), revision(2, good), asked({ ...good, ban })] },
        { active: pointer("iris-2") },
      ),
      1,
      "Back",
      /^revision iris-1 /,
    ],
    [
      "to what the spec asks for",
      facts({}, { active: pointer("iris-2") }),
      1,
      "Forward",
      /^the spec asks for revision iris-/,
    ],
    [
      "where it is not known what the spec asks for",
      facts({ revisions: two }, { active: pointer("iris-2") }),
      1,
      "Back",
      /^revision iris-1 /,
    ],
  ];
  for (const [what, given, index, kind, says] of table)
    it(what, () => {
      const chosen = given.revisions.at(index ?? -1) ?? assert.fail();
      const outlook = afterBan(given, chosen);
      assert.match(outlook.says, says);
      assert.equal(outlook.kind, kind);
    });

  it("knows what the spec asks for by its content, as the operator does", () => {
    assert.equal(askedFor(facts())?.metadata.name, newest);
    assert.equal(askedFor(facts({ revisions: [revision(1, good)] })), undefined);
    assert.equal(
      askedFor(facts({}, { artifact: { reference: "other:v1", digest, resolvedAt: since, generation: 1 } })),
      undefined,
    );
  });
});

describe("what is written for a wish", () => {
  it("rolls back what serves, by a ban in the caller's name", () => {
    const decision = decide(facts(), wish("Rollback"));
    assert.ok(decision.kind === "Write");
    const expected = { type: "Ban", model: "iris", revision: newest, requestedBy: "jane", reason: wish("Ban").reason };
    assert.deepEqual(decision.creates, expected);
    assert.deepEqual(ModelActionSpec.parse(decision.creates), expected);
  });

  it("rolls back what comes before what serves", () => {
    const decision = decide(facts({}, { active: pointer("iris-2"), candidate: pointer(newest) }), wish("Rollback"));
    assert.ok(decision.kind === "Write");
    assert.equal(decision.revision, newest);
  });

  const alone = facts({ revisions: [asked()] });
  const paused = facts({ actions: [pause] });
  const refused: readonly (readonly [string, Facts, RegExp])[] = [
    ["nothing is safe", alone, /^no revision is safe .*--force bans iris-/],
    ["the model is paused", paused, /^jane has paused model iris.*resume it first, or say --force$/],
    ["the spec asks for another", facts({}, { active: pointer("iris-2") }), /which is not banned.*--force/],
  ];
  for (const [what, given, why] of refused)
    it(`rolls back by force only where ${what}`, () => {
      const decision = decide(given, wish("Rollback"));
      assert.ok(decision.kind === "Refused");
      assert.match(decision.why, why);
      assert.equal(decide(given, wish("Rollback", { force: true })).kind, "Write");
      assert.equal(decide(given, wish("Ban")).kind, "Write");
    });

  it("refuses where nothing runs", () => {
    const decision = decide(facts({}, { active: undefined }), wish("Rollback"));
    assert.ok(decision.kind === "Refused");
    assert.match(decision.why, /nothing to leave/);
  });

  it("takes a revision by name and by number, and says what there is", () => {
    for (const text of ["iris-2", "2"]) {
      const decision = decide(facts(), wish("Ban", { revision: text }));
      assert.ok(decision.kind === "Write");
      assert.equal(decision.creates?.revision, "iris-2");
    }
    const missing = decide(facts(), wish("Ban", { revision: "7" }));
    assert.ok(missing.kind === "Missing");
    assert.match(missing.problem, /^SecureModel prod\/iris has no revision 7: the newest are iris-1 \(number 1\), /);
  });

  it("bans once, and lets run only what is banned", () => {
    const banned = facts({ revisions: [revision(1, { ...good, ban }), asked()] });
    assert.equal(decide(banned, wish("Ban", { revision: "1" })).kind, "Nothing");
    assert.equal(decide(banned, wish("Promote", { revision: "1" })).kind, "Write");
    assert.equal(decide(facts(), wish("Promote", { revision: "1" })).kind, "Nothing");
    const lifted = { ...banned, actions: [action("p", { type: "Promote", revision: "iris-1" })] };
    assert.equal(decide(lifted, wish("Promote", { revision: "1" })).kind, "Nothing");
    assert.equal(decide(lifted, wish("Ban", { revision: "1" })).kind, "Write");
  });

  it("says of a promotion whether anything is started", () => {
    const banned = facts({ revisions: [revision(1, { ...good, ban }), asked({ ...good, ban })], actions: [pause] });
    const ofAsked = decide(banned, wish("Promote", { revision: newest }));
    assert.ok(ofAsked.kind === "Write");
    assert.match(ofAsked.effects.join("\n"), /is what the spec asks for.*\nnothing is started while it is paused/);
    const ofOlder = decide(banned, wish("Promote", { revision: "iris-1" }));
    assert.ok(ofOlder.kind === "Write");
    assert.match(ofOlder.effects.join("\n"), /may be gone back to again/);
  });

  it("pauses once, and resumes all", () => {
    const first = decide(facts(), wish("Pause"));
    assert.ok(first.kind === "Write");
    const { reason } = wish("Pause");
    assert.deepEqual(first.creates, { type: "Pause", model: "iris", requestedBy: "jane", reason });
    assert.equal(decide(paused, wish("Pause")).kind, "Nothing");
    assert.equal(decide(facts(), wish("Resume")).kind, "Nothing");
    const ended = action("ended", { notAfter: later(120_000).toISOString() });
    assert.ok(decide(facts({ actions: [ended] }), wish("Pause")).kind === "Write", "it has ended by itself");
    assert.equal(decide(facts({ actions: [ended] }), wish("Resume")).kind, "Nothing");
    const until = decide(facts(), wish("Pause", { notAfter: later(7_200_000) }));
    assert.ok(until.kind === "Write");
    assert.equal(ModelActionSpec.parse(until.creates).notAfter, later(7_200_000).toISOString());
    const other = action("other", { model: "wine" });
    const decision = decide(facts({ actions: [pause, action("second", {}, 2), other] }), wish("Resume"));
    assert.ok(decision.kind === "Write");
    assert.deepEqual(decision.deletes, ["iris-pause-x7k2f", "second"]);
  });
});

describe("what is written for an approval", () => {
  const author = (name: string) => ({ annotations: { "mlsecops.io/author": name } });
  const comes = (name?: string, actions: readonly ModelAction[] = []) => {
    const base = facts({ actions }, { active: pointer("iris-2"), candidate: pointer(newest) });
    const signed = name === undefined ? {} : author(name);
    const revisions = base.revisions.map((one) => {
      const creationTimestamp = since.replace(/\.\d+/, "");
      return {
        ...one,
        metadata: { ...one.metadata, creationTimestamp, ...(one.metadata.name === newest ? signed : {}) },
      };
    });
    return { ...base, revisions, model: { ...base.model, metadata: { ...base.model.metadata, ...signed } } };
  };
  const ofBob = action("bobs", { type: "Approve", revision: newest, requestedBy: "bob" });

  it("is a ModelAction for the revision that comes, or for the one that is named", () => {
    const decision = decide(comes("bob"), wish("Approve"));
    assert.ok(decision.kind === "Write");
    const expected = {
      type: "Approve",
      model: "iris",
      revision: newest,
      requestedBy: "jane",
      reason: wish("Ban").reason,
    };
    assert.deepEqual(decision.creates, expected);
    assert.deepEqual(ModelActionSpec.parse(decision.creates), expected);
    assert.match(
      decision.effects.join(),
      /is approved by jane: the step of its rollout that waits for people is taken$/,
    );
    const named = decide(comes("bob"), wish("Approve", { revision: "1" }));
    assert.ok(named.kind === "Write");
    assert.equal(named.creates?.revision, "iris-1");
  });

  it("says that a second person is needed where nobody is known to have written it", () => {
    const first = decide(comes(), wish("Approve"));
    assert.ok(first.kind === "Write");
    assert.match(first.effects.join(), /waits for the approval of a second person beside jane/);
    const second = decide(comes(undefined, [ofBob]), wish("Approve"));
    assert.ok(second.kind === "Write");
    assert.match(second.effects.join(), /is approved by bob and jane/);
  });

  const table: readonly (readonly [string, Facts, Partial<Wish>, Decision["kind"], RegExp])[] = [
    ["where none comes", facts(), {}, "Refused", /none waits for people: .* name it by --revision$/],
    [
      "of whoever has written it",
      comes("jane"),
      {},
      "Refused",
      /^you have written the spec .*somebody else approve it$/,
    ],
    ["of a machine", comes("bob"), { by: "system:serviceaccount:a:b" }, "Refused", /^only people approve, and you are/],
    ["twice", comes(undefined, [{ ...ofBob }]), { by: "bob" }, "Nothing", /^you have approved it already; revision/],
    ["of what is approved", comes("ann", [ofBob]), {}, "Nothing", /^revision iris-\w+ is approved by bob$/],
    [
      "of what is banned",
      comes("bob", [action("b", { type: "Ban", revision: newest })]),
      {},
      "Refused",
      /is banned.*promote it first$/,
    ],
    ["of what is not there", comes("bob"), { revision: "7" }, "Missing", /has no revision 7/],
  ];
  for (const [what, given, more, kind, says] of table)
    it(`is not, ${what}`, () => {
      const decision = decide(given, wish("Approve", more));
      assert.equal(decision.kind, kind);
      assert.match("why" in decision ? decision.why : "problem" in decision ? decision.problem : "", says);
    });
});

describe("what is written for a latched model", () => {
  const latch = { since, reason: "RepeatedRollbacks", message: "rollbacks within 24 h: 3" };
  const latched = (actions: readonly ModelAction[] = []) => facts({ actions }, { latch, active: pointer("iris-2") });

  it("is a Resume, with what was found, and the end of every pause", () => {
    const decision = decide(latched([pause]), wish("Resume"));
    assert.ok(decision.kind === "Write");
    const expected = { type: "Resume", model: "iris", requestedBy: "jane", reason: wish("Ban").reason };
    assert.deepEqual(decision.creates, expected);
    assert.deepEqual(ModelActionSpec.parse(decision.creates), expected);
    assert.deepEqual(decision.deletes, ["iris-pause-x7k2f"]);
  });

  it("is nothing without a word of what was found, and nothing of a machine", () => {
    const silent = decide(latched(), wish("Resume", { reason: "" }));
    assert.ok(silent.kind === "Refused");
    assert.match(silent.why, /^say by --reason what you found; it is latched: rollbacks within 24 h: 3$/);
    const machine = decide(latched(), wish("Resume", { by: "system:serviceaccount:a:b" }));
    assert.ok(machine.kind === "Refused");
    assert.match(machine.why, /^only people say that they have looked/);
  });

  it("is a promotion of what the spec asks for, although it is not banned", () => {
    const decision = decide(latched(), wish("Promote", { revision: newest }));
    assert.ok(decision.kind === "Write");
    assert.equal(decision.creates?.type, "Promote");
    assert.match(decision.effects.join(), /is what the spec asks for: it is started, once it verifies$/);
    assert.equal(decide(latched(), wish("Promote", { revision: "iris-1" })).kind, "Nothing");
    const machine = decide(latched(), wish("Promote", { revision: newest, by: "system:serviceaccount:a:b" }));
    assert.ok(machine.kind === "Write");
    assert.match(machine.effects.join("\n"), /\nnothing is started before a person has looked: rollbacks/);
  });

  it("is nothing once somebody has resumed it, also where the operator has not seen that yet", () => {
    const resumed = latched([action("r", { type: "Resume" })]);
    assert.equal(decide(resumed, wish("Resume")).kind, "Nothing");
  });
});

describe("mlsecops rollback, ban, promote, approve, pause and resume", () => {
  const report: ActionReport = {
    format: "mlsecops.io/action/v1",
    ...{ namespace: "prod", model: "iris", wish: "Rollback", revision: "iris-2", outcome: "Done", by: "jane" },
    effects: ["revision iris-1 goes on serving"],
    created: "iris-ban-x7k2f",
  };

  it("say what was done, what follows, and where to see it", () => {
    assert.equal(
      render(ActionReport.strict().parse(report), noPaint),
      [
        "rollback  SecureModel prod/iris, revision iris-2",
        "outcome   done",
        "then      revision iris-1 goes on serving",
        "created   ModelAction iris-ban-x7k2f, by jane",
        "see       mlsecops history smodel/iris -n prod",
        "",
      ].join("\n"),
    );
  });

  it("end with 0, 1 or 3", () => {
    const statuses = (["Done", "DryRun", "Nothing", "Refused", "NotAllowed"] as const).map((outcome) =>
      exitStatus({ ...report, outcome }),
    );
    assert.deepEqual(statuses, [0, 0, 0, 1, 3]);
  });

  it("say which role is missing, and leave what admission says", () => {
    const rbac = `modelactions.mlsecops.io is forbidden: User "jane" cannot create resource "modelactions" in API group`;
    assert.match(withRole(rbac), /that takes ClusterRole mlsecops-operate/);
    const admission = "ValidatingAdmissionPolicy 'mlsecops-break-glass' denied request: spec.requestedBy must be";
    assert.equal(withRole(admission), admission);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["ban", "iris", "--reason", "INC-4711, wrong"], /^mlsecops: iris: write smodel\/NAME/],
    [["ban", "sns/prod", "--reason", "INC-4711, wrong"], /write smodel\/NAME/],
    [["pause", "smodel/iris", "--reason", "short"], /^mlsecops: --reason: write 10 to 1024 characters/],
    [
      ["pause", "smodel/iris", "--reason", "INC-4711, wrong", "--for", "2 days"],
      /^mlsecops: --for 2 days: write a length/,
    ],
    [["pause", "smodel/iris", "--reason", "INC-4711, wrong", "--for", "0s"], /^mlsecops: --for 0s: write a length/],
    [["approve", "smodel/iris"], /^mlsecops: give --reason TEXT/],
    [["approve", "smodel/iris", "iris-1", "--reason", "INC-4711, good"], /Unexpected argument 'iris-1'/],
    [["rollback", "smodel/iris"], /^mlsecops: give --reason TEXT/],
    [["promote", "smodel/iris", "--reason", "INC-4711, wrong"], /^mlsecops: give REVISION/],
    [["resume", "smodel/iris", "iris-1"], /Unexpected argument 'iris-1'/],
  ];
  for (const [args, message] of wrong)
    it(`ends with 2: ${args.join(" ")}`, async () => {
      let err = "";
      assert.equal(await run(args, { out: () => undefined, err: (text) => (err += text) }), 2);
      assert.match(err, message);
    });
});
