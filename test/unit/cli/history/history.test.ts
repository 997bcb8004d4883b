import assert from "node:assert/strict";
import type { ModelAction } from "../../../../src/api/index.ts";
import { known } from "../../../../src/cli/ask.ts";
import { decide, exitStatus } from "../../../../src/cli/history/decide.ts";
import { type Facts, SeenEvent } from "../../../../src/cli/history/gather.ts";
import { render } from "../../../../src/cli/history/render.ts";
import { HistoryReport } from "../../../../src/cli/history/schema.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { run } from "../../../../src/cli/run.ts";
import { emptyRecord, type HealthRecord } from "../../../../src/health/index.ts";
import { digestOf, later } from "../../trust/support/build.ts";
import { model, revision, verified } from "../objects.ts";

const minute = 60_000;
const at = (minutes: number) => later(minutes * minute).toISOString();
/** As the API server writes it. */
const second = (minutes: number) => at(minutes).replace(".000Z", "Z");

function action(name: string, minutes: number, spec: Partial<ModelAction["spec"]>): ModelAction {
  return {
    metadata: { name, namespace: "prod", creationTimestamp: second(minutes) },
    spec: { type: "Pause", model: "iris", requestedBy: "jane", reason: "INC-4711, look into it", ...spec },
  };
}

const event = (minutes: number, extra: object = {}) =>
  SeenEvent.parse({
    metadata: { creationTimestamp: second(0) },
    involvedObject: { uid: null },
    ...{ type: "Normal", reason: "Serving", message: "revision iris-1 serves" },
    eventTime: at(minutes),
    ...extra,
  });

const why = "errors is 0.12, max is 0.05";
const record: HealthRecord = {
  revisions: [
    {
      revision: "iris-2",
      signals: {
        errors: {
          policy: "{}",
          tripped: { at: later(31 * minute).getTime(), why },
          samples: [
            { at: later(29 * minute).getTime(), mark: "Good", value: 0 },
            { at: later(30 * minute).getTime(), mark: "Blank" },
            { at: later(31 * minute).getTime(), mark: "Bad", value: 0.123456 },
          ],
        },
      },
    },
    {
      revision: "iris-1",
      signals: { errors: { policy: "{}", blank: "NoData", samples: [{ at: 0, mark: "Blank" }] } },
    },
  ],
};

const rollback = { from: "iris-2", to: "iris-1", since: at(32), reason: "SignalsBad", message: `back: ${why}` };

function facts(changes: Partial<Facts> = {}): Facts {
  return {
    model: model({ rollback, rollbacks: [{ at: at(32), from: "iris-2", to: "iris-1" }] }),
    revisions: known({
      objects: [
        revision(2, {
          ...{ phase: "RolledBack", phaseSince: at(33), servedFrom: at(21) },
          health: { state: "Unhealthy", reason: "SignalsBad", message: why, since: at(31) },
          ban: { since: at(32), reason: "SignalsBad", message: why },
        }),
        revision(1, {
          ...{ phase: "Active", phaseSince: at(11), servedFrom: at(11), healthyFrom: at(12), verdict: verified },
          health: { state: "Healthy", reason: "SignalsGood", message: "well", since: at(12) },
        }),
      ],
      unreadable: [],
    }),
    actions: known({
      objects: [
        action("iris-pause", 40, {}),
        action("other", 41, { model: "wine" }),
        {
          ...action("glass", 42, {}),
          spec: {
            ...{ type: "BreakGlass", digest: digestOf("a"), approver: "anna", notAfter: second(60) },
            reason: "INC-4711, look into it",
          },
        },
      ],
      unreadable: [],
    }),
    events: known([event(11), event(13, { involvedObject: { uid: "another" } })]),
    record: known({ record, isTaken: false }),
    ...changes,
  };
}

function reportOf(changes: Partial<Facts> = {}): HistoryReport {
  return HistoryReport.strict().parse(decide(facts(changes)));
}

describe("mlsecops history", () => {
  it("has all that happened in one line of time, newest last", () => {
    assert.deepEqual(
      reportOf().timeline.map(({ source, name, what }) => `${source} ${name} ${what}`),
      [
        "ModelRevision iris-1 Created",
        "ModelRevision iris-1 Served",
        "Event iris Serving",
        "ModelRevision iris-1 Healthy",
        "ModelRevision iris-2 Created",
        "ModelRevision iris-2 Served",
        "ModelRevision iris-2 Unhealthy",
        "ModelRevision iris-2 Banned",
        "SecureModel iris RolledBack",
        "ModelRevision iris-2 RolledBack",
        "ModelAction iris-pause Pause",
        "ModelAction glass BreakGlass",
      ],
    );
  });

  it("shows revisions, what happened, and a plot of each signal", () => {
    const text = render(reportOf(), noPaint);
    assert.match(text, /^SecureModel {2}prod\/iris\nReady {8}True Because: Ready is True$/m);
    assert.match(
      text,
      /^1 {7}iris-1 {4}sha256:aaaaaaaaaaaa {2}Active {6}Verified {2}Healthy {4}2026-03-01T12:11:00Z {2}-$/m,
    );
    assert.match(text, /^2026-03-01T12:32:00Z {2}Banned .*errors is 0\.12/m);
    assert.match(text, /^2026-03-01T12:40:00Z {2}Pause .* jane has paused model iris/m);
    assert.match(text, /^iris-1 {4}errors {2}- {7}1 {6}· {5}no value: NoData\n/m);
    assert.match(text, /^iris-2 {4}errors {2}0\.1235 {2}3 {6}▁·█ {3}errors is 0\.12, max is 0\.05$/m);
  });

  it("says since when a model waits for a person", () => {
    const latch = { since: at(35), reason: "RepeatedRollbacks", message: "rollbacks within 24 h: 3" };
    const { timeline } = reportOf({ model: model({ latch }) });
    const found = timeline.find(({ what }) => what === "Latched");
    assert.deepEqual(
      [found?.at, found?.source, found?.message, found?.warning],
      [at(35), "SecureModel", latch.message, true],
    );
  });

  it("counts what happened more than once, at the time of the newest", () => {
    const repeated = event(11, { series: { count: 4, lastObservedTime: at(50) } });
    const last = reportOf({ events: known([repeated]) }).timeline.at(-1);
    assert.deepEqual([last?.at, last?.message], [at(50), "revision iris-1 serves (4 times)"]);
  });

  const signals = [{ name: "errors", inference: "ErrorRatio", max: 0.05 }];
  const health = { prometheus: { url: "https://prometheus.example.com" }, signals };
  const none: readonly (readonly [string, Partial<Facts>, RegExp])[] = [
    ["none is declared", { record: { state: "absent" } }, /only the pods/],
    ["nothing is kept", { record: { state: "absent" }, model: model({}, { health }) }, /nothing has been recorded yet/],
    [
      "no look is kept",
      { record: known({ record: emptyRecord, isTaken: false }), model: model({}, { health }) },
      /no look/,
    ],
    [
      "the ConfigMap is another's",
      { record: known({ record: emptyRecord, isTaken: true }) },
      /belongs to something else/,
    ],
  ];
  for (const [what, changes, text] of none)
    it(`says why there are no signals: ${what}`, () => {
      const report = reportOf(changes);
      assert.match(report.noSignals ?? "", text);
      assert.match(render(report, noPaint), /^no signals {2}/m);
      assert.equal(exitStatus(report), 0);
    });

  it("ends with 3 and says what could not be read", () => {
    const unread = { state: "unknown", reason: "403 forbidden" } as const;
    const report = reportOf({ revisions: unread, actions: unread, events: unread, record: unread });
    assert.equal(exitStatus(report), 3);
    const text = render(report, noPaint);
    for (const what of ["ModelRevisions", "ModelActions", "Events", "signals"])
      assert.match(text, new RegExp(`^${what} +403 forbidden$`, "m"));
  });

  it("ends with 2 where it is not of a model", async () => {
    let err = "";
    const io = { out: () => undefined, err: (text: string) => void (err += text) };
    for (const object of ["iris", "sns/prod"]) assert.equal(await run(["history", object], io), 2);
    assert.match(err, /write smodel\/NAME/);
  });
});
